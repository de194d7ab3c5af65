"""Both clients over real sockets: the same cases."""

from __future__ import annotations

import asyncio
import inspect
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from pydantic import BaseModel

from browser_use_client import (
    AgentProfile,
    AgentSettings,
    AsyncBrowserUseClient,
    BrowserProfile,
    BrowserSettings,
    BrowserUseClient,
    CreatedTask,
    CreateOptions,
    CreateTaskRequest,
    NotFoundError,
    OutputSchemaError,
    RunOptions,
    ServerError,
    TaskFailedError,
    TaskStoppedError,
    UnsupportedOptionError,
    WaitOptions,
)
from tests.client.conftest import Client
from tests.fake_api import FakeApi


class Orders(BaseModel):
    orders: list[str]


def paths(fake: FakeApi, method: str | None = None) -> list[str]:
    return [re.sub("^/api/v[24]", "", request["path"]) for request in fake.requests(method)]


def test_a_finished_task_comes_back_with_its_output_steps_and_files(
    client: Client, fake: FakeApi, contract: str
) -> None:
    fake.script(polls=3, steps=2, output='{"orders": ["a"]}', output_files={"orders.csv": "a,b"})

    task = client.run_task(CreateTaskRequest(task="Read the orders", output_schema=Orders))

    assert (task.status, task.is_success) == ("finished", None if contract == "v4" else True)  # v4 does not say
    assert task.parse(Orders) == Orders(orders=["a"])
    assert [step.number for step in task.steps] == [1, 2]
    assert [file.name for file in task.output_files] == ["orders.csv"]
    assert task.session_id == fake.sessions()[0]["id"]
    assert task.finished_at is not None


def test_one_task_takes_no_more_than_its_creation_its_polls_one_read_and_one_stop_where_the_contract_needs_it(
    client: Client, fake: FakeApi, contract: str
) -> None:
    fake.script(polls=3)

    task = client.run_task("x")

    if contract == "v4":
        run = f"/runs/{task.id}"
        details = [f"{run}/events", f"/workspaces/{task.workspace_id}/files"]
        stop = ["/browsers", f"/browsers/{fake.tasks()[0]['browser_id']}"]
        assert paths(fake) == ["/runs", *[f"{run}/status"] * 4, run, *details, *stop]
        return
    polls = [f"/tasks/{task.id}/status"] * 4 if contract == "v2-flat" else [f"/tasks/{task.id}"] * 4
    end = [f"/tasks/{task.id}"] if contract == "v2-flat" else [f"/sessions/{task.session_id}"]
    assert paths(fake) == ["/tasks", *polls, *end]


def test_every_option_that_the_contract_has_reaches_the_server(client: Client, fake: FakeApi, contract: str) -> None:
    if contract == "v2-nested":
        profile = client.create_profile(AgentProfile(name="careful", max_steps=5)).id
        browser = client.create_profile(BrowserProfile(name="shop")).id
        request = CreateTaskRequest(
            task="Read",
            agent_settings=AgentSettings(llm="gpt-4.1", start_url="https://shop.test", profile_id=profile),
            browser_settings=BrowserSettings(profile_id=browser),
            included_file_names=["a.csv"],
            metadata={"team": "x"},
            secrets={"password": "geheim"},
        )
    else:
        profile = client.create_profile(BrowserProfile(name="shop", user_id="u1")).id
        only_flat: dict[str, Any] = {"max_steps": 7, "vision": "auto", "allowed_domains": ["shop.test"]}
        request = CreateTaskRequest(
            task="Read",
            agent_settings=AgentSettings(llm="o3", **({} if contract == "v4" else only_flat)),
            browser_settings=BrowserSettings(profile_id=profile, screen_width=800),
            metadata={} if contract == "v4" else {"team": "x"},
            secrets={"password": "geheim"},
            secret_domains=["shop.test"] if contract == "v4" else None,
            judge=True,
        )

    client.create_task(request, key="k")

    [task] = fake.tasks(key="k")
    assert profile in str(task["body"])
    if contract == "v4":
        binding = {"alias": "password", "source": {"type": "inline", "value": "geheim"}}
        assert task["body"]["secretBindings"] == [binding | {"allowedDomains": ["shop.test"]}]
        assert task["body"]["judge"] == {}
    else:
        browser_profile = request.browser_settings.profile_id
        assert task["metadata"] == {"team": "x", "idempotency_key": "k", "browser_profile_id": browser_profile}
        assert task["body"]["secrets"] == {"password": "geheim"}


def test_steps_are_told_once_each_in_order_as_they_appear(client: Client, fake: FakeApi) -> None:
    fake.script(polls=6, steps=4)
    told: list[tuple[int, int]] = []

    task = client.run_task("x", on_step=lambda step: told.append((step.number, len(fake.requests("GET")))))

    assert [number for number, _ in told] == [1, 2, 3, 4]
    assert len({reads for _, reads in told}) > 1
    assert len(task.steps) == 4


def test_on_created_hears_of_the_task_before_it_is_waited_for(client: Client, fake: FakeApi) -> None:
    heard: list[tuple[CreatedTask, int]] = []

    task = client.run_task("x", on_created=lambda created: heard.append((created, len(fake.requests("GET")))))

    [(created, reads)] = heard
    assert (created.id, created.session_id, created.reattached) == (task.id, task.session_id, False)
    assert reads == 0


@pytest.mark.parametrize("is_success", [False, None])
def test_a_task_whose_agent_reports_no_success_fails_unless_it_just_does_not_say(
    client: Client, fake: FakeApi, contract: str, is_success: bool | None
) -> None:
    fake.script(is_success=is_success, output="I could not log in")
    request = CreateTaskRequest(task="x", judge=True if contract == "v4" else None)  # there only a judge says
    if is_success is None:
        assert client.run_task(request).is_success is None
        return

    with pytest.raises(TaskFailedError, match="I could not log in") as caught:
        client.run_task(request)

    [task] = fake.tasks()
    assert (caught.value.task_id, caught.value.session_id) == (task["id"], task["session_id"])
    assert client.run_task(request, fail_on_unsuccessful=False).output == "I could not log in"


def test_a_task_that_somebody_stops_is_an_error_and_its_session_is_closed(client: Client, fake: FakeApi) -> None:
    fake.script(status="stopped")

    with pytest.raises(TaskStoppedError, match="no longer runs"):
        client.run_task("x")

    assert fake.sessions(status="active") == []


def test_a_status_that_this_version_does_not_know_is_reported_by_name_once_the_task_has_ended(
    client: Client, fake: FakeApi
) -> None:
    fake.script(status="abandoned")

    with pytest.raises(TaskFailedError, match="`abandoned`"):
        client.run_task("x")


def test_output_that_does_not_fit_carries_the_raw_text(client: Client, fake: FakeApi) -> None:
    fake.script(output="no orders today")

    task = client.run_task(CreateTaskRequest(task="x", output_schema=Orders))

    with pytest.raises(OutputSchemaError) as caught:
        task.parse(Orders)
    assert caught.value.raw == "no orders today"
    assert caught.value.task_id == task.id


def test_tasks_can_be_listed_by_session_and_status_over_all_pages(client: Client, fake: FakeApi) -> None:
    created = [client.create_task("x").id for _ in range(2)]
    fake.add_others(230)
    client.stop_task(created[0])

    assert len(list(client.list_tasks())) == 232
    assert [task.id for task in client.list_tasks(status="stopped")] == [created[0]]
    session_id = fake.tasks()[1]["session_id"]
    assert [task.id for task in client.list_tasks(session_id=session_id)] == [created[1]]


def test_a_task_can_be_stopped_with_its_session_and_stopping_it_again_is_fine(client: Client, fake: FakeApi) -> None:
    created = client.create_task("x", keep_session=True)

    assert client.stop_task(created.id).status == "stopped"
    assert len(fake.sessions(status="active")) == 1
    assert client.stop_task(created.id, stop_session=True).status == "stopped"
    assert fake.sessions(status="active") == []


def test_a_task_is_paused_and_resumed_where_the_contract_can(client: Client, contract: str) -> None:
    created = client.create_task("x")
    if contract != "v2-nested":
        with pytest.raises(UnsupportedOptionError, match=rf"{contract}.*only stop"):
            client.pause_task(created.id)
        return

    assert client.pause_task(created.id).status == "paused"
    assert client.resume_task(created.id).status == "started"


def test_logs_come_as_an_address_where_the_contract_has_them(client: Client, contract: str) -> None:
    if contract == "v4":
        with pytest.raises(UnsupportedOptionError, match=r"no log .*v4.*Its steps tell"):
            client.get_log_url(client.create_task("x").id)
        return
    assert client.get_log_url(client.create_task("x").id).startswith("http://127.0.0.1:")


def test_the_account_says_what_is_left(client: Client, fake: FakeApi) -> None:
    fake.limit(credits_usd=12.5)

    assert client.get_account().credits_usd == 12.5


def test_profiles_can_be_made_read_listed_and_deleted(client: Client, contract: str) -> None:
    kinds: list[Any] = [BrowserProfile, AgentProfile] if contract == "v2-nested" else [BrowserProfile]
    for kind in kinds:
        made = client.create_profile(kind(name="shop"))
        assert client.get_profile(kind, made.id).name == "shop"
        assert [profile.id for profile in client.list_profiles(kind)] == [made.id]
        client.delete_profile(kind, made.id)
        with pytest.raises(NotFoundError):
            client.get_profile(kind, made.id)


@pytest.mark.parametrize("speaks", ["v2-nested", "v2-flat"])
def test_auto_asks_what_the_server_speaks_once_per_process_and_address(
    connect: Callable[..., Client], speaks: Any
) -> None:
    with FakeApi(speaks) as fake:
        connect(fake).run_task("x")
        connect(fake).run_task("y")

        assert paths(fake).count("/billing/account") == 1
        assert [task["status"] for task in fake.tasks()] == ["finished"] * 2


def create_in_threads(fake: FakeApi, number: int) -> None:
    def create() -> None:
        with BrowserUseClient(fake.api_key, fake.base_url) as client:
            client.create_task("x")

    with ThreadPoolExecutor(number) as threads:
        for created in [threads.submit(create) for _ in range(number)]:
            created.result()


def create_in_an_event_loop(fake: FakeApi, number: int) -> None:
    async def create() -> None:
        async with AsyncBrowserUseClient(fake.api_key, fake.base_url) as client:
            await client.create_task("x")

    async def create_all() -> None:
        await asyncio.gather(*(create() for _ in range(number)))

    asyncio.run(create_all())


def test_a_client_says_what_the_server_speaks(client: Client, contract: str) -> None:
    assert client.get_api_version() == contract


@pytest.mark.parametrize("create", [create_in_threads, create_in_an_event_loop])
def test_auto_asks_once_where_many_clients_want_to_know_at_the_same_time(
    create: Callable[[FakeApi, int], None],
) -> None:
    with FakeApi("v2-flat") as fake:
        create(fake, 20)

        assert paths(fake).count("/billing/account") == 1
        assert len(fake.tasks()) == 20


def test_auto_does_not_settle_for_a_contract_while_the_server_has_trouble(connect: Callable[..., Client]) -> None:
    with FakeApi("v2-flat") as fake:
        fake.fault("GET", "/billing/account", status=503, times=None)
        with pytest.raises(ServerError):
            connect(fake).create_task("x")

        fake.clear()
        connect(fake).create_task("x")
        assert len(fake.tasks()) == 1


def test_the_two_clients_say_the_same_of_what_they_have_in_common() -> None:
    methods = {name for name in vars(BrowserUseClient) if not name.startswith("_")} - {"close"}

    for name in methods:
        blocking, awaited = getattr(BrowserUseClient, name), getattr(AsyncBrowserUseClient, name)
        assert inspect.getdoc(awaited) == inspect.getdoc(blocking)
        assert list(inspect.signature(awaited).parameters.values()) == list(
            inspect.signature(blocking).parameters.values()
        )


def test_every_option_of_a_run_says_what_it_does() -> None:
    said = "".join(inspect.getdoc(options) or "" for options in (CreateOptions, WaitOptions, RunOptions))

    assert [name for name in RunOptions.__annotations__ if f"    {name}: " not in said] == []


def test_an_option_with_a_typing_error_is_refused_before_anything_is_sent(client: Client, fake: FakeApi) -> None:
    with pytest.raises(TypeError, match="keep_sesion"):
        client.run_task("x", keep_sesion=True)

    assert fake.tasks() == []
