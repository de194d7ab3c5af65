"""What an answer to a poll means: not yet, trouble that passes, or the end. Both clients, over real sockets."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from browser_use_client import (
    AsyncBrowserUseClient,
    AuthenticationError,
    BrowserUseError,
    CreatedTask,
    NotFoundError,
    RejectedRequestError,
    TaskState,
    TaskTimeoutError,
    TaskUnreachableError,
    UnexpectedResponseError,
)
from tests.client.conftest import Client
from tests.fake_api import FakeApi

PASSING: dict[str, dict[str, Any]] = {
    **{str(status): {"status": status} for status in (401, 403, 404, 405, 407, 408, 409, 425, 429, 500)},
    "a proxy's page": {"garbage": "<html>Sign in</html>"},
    "a proxy's 404 page": {"status": 404, "garbage": "<html>Not here</html>"},
    "a redirect": {"status": 302},
    "no answer": {},
}
REFUSED: dict[str, tuple[dict[str, Any], type[BrowserUseError]]] = {
    "404": ({"status": 404}, NotFoundError),
    "401": ({"status": 401}, AuthenticationError),
    "a page": ({"garbage": "<html>Sign in</html>"}, UnexpectedResponseError),
}
passing = pytest.mark.parametrize("answer", PASSING.values(), ids=list(PASSING))
refused = pytest.mark.parametrize(("answer", "kind"), REFUSED.values(), ids=list(REFUSED))


@pytest.fixture(params=["wait_for_task", "a watcher"])
def wait(request: pytest.FixtureRequest, client: Client, fake: FakeApi, contract: Any) -> Any:
    """Waits for a task in one of the two ways that there are, and returns its last state."""

    async def sleep(seconds: float) -> None:
        fake.advance(seconds)
        await asyncio.sleep(0)

    async def watch(task: str | CreatedTask, max_failures: int) -> TaskState:
        async with AsyncBrowserUseClient(
            fake.api_key, fake.base_url, api_version=contract, sleep=sleep, clock=fake.time
        ) as watching:
            return await watching.watcher(max_failures=max_failures).wait(task)

    def wait(task: str | CreatedTask, max_failures: int = 10) -> TaskState:
        if request.param == "a watcher":
            return asyncio.run(watch(task, max_failures))
        state: TaskState = client.wait_for_task(task, max_failures=max_failures)
        return state

    return wait


def test_a_task_that_was_just_created_may_be_unknown_to_the_server_for_ten_seconds(
    client: Client, fake: FakeApi, wait: Any
) -> None:
    created = client.create_task("x")
    fake.fault(at="poll", status=404, times=5)

    assert wait(created, max_failures=1).status == "finished"


def test_a_404_is_no_not_yet_any_more_once_the_ten_seconds_have_passed(
    client: Client, fake: FakeApi, wait: Any
) -> None:
    fake.script(status=None)
    created = client.create_task("x")
    fake.advance(11)
    fake.fault(at="poll", status=404)

    with pytest.raises(TaskUnreachableError, match="404"):
        wait(created, max_failures=1)


@passing
def test_what_can_pass_ends_no_wait_for_a_task_that_was_created(
    client: Client, fake: FakeApi, wait: Any, answer: dict[str, Any]
) -> None:
    created = client.create_task("x")
    fake.advance(11)
    fake.fault(at="poll", times=9, **answer)

    assert wait(created).status == "finished"


@passing
def test_what_can_pass_ends_no_wait_for_an_id_that_one_poll_has_shown_to_exist(
    client: Client, fake: FakeApi, wait: Any, answer: dict[str, Any]
) -> None:
    fake.script(polls=3)
    task_id = client.create_task("x").id
    fake.fault(at="poll", skip=1, times=9, **answer)

    assert wait(task_id).status == "finished"


@refused
def test_an_id_alone_that_the_server_refuses_at_first_is_refused_at_once(
    client: Client, fake: FakeApi, wait: Any, answer: dict[str, Any], kind: type[BrowserUseError]
) -> None:
    task_id = client.create_task("x").id
    fake.fault(at="poll", **answer)

    with pytest.raises(kind) as caught:
        wait(task_id)

    assert caught.value.task_id == task_id
    assert len(fake.requests("GET")) == 1


@passing
def test_whoever_gives_a_task_up_says_that_it_still_costs_where_it_is_and_how_to_reattach(
    client: Client, fake: FakeApi, answer: dict[str, Any]
) -> None:
    fake.script(polls=2)
    fake.fault(at="poll", times=10, **answer)

    with pytest.raises(TaskUnreachableError, match="may still run and cost") as caught:
        client.run_task("x", key="orders", on_created=lambda _: fake.advance(11))

    [task] = fake.tasks(live=True)
    assert (caught.value.task_id, caught.value.session_id) == (task["id"], task["session_id"])
    assert all(named in str(caught.value) for named in (task["id"], task["session_id"], "'orders'"))
    assert client.run_task("x", key="orders").id == task["id"]


def test_a_refusal_of_the_api_itself_ends_the_wait_at_once(client: Client, fake: FakeApi) -> None:
    fake.script(status=None)
    fake.fault(at="poll", status=422)

    with pytest.raises(TaskUnreachableError, match="may still run and cost") as caught:
        client.run_task("x")

    assert isinstance(caught.value.__cause__, RejectedRequestError)
    assert len(fake.requests("GET")) == 1


@passing
def test_the_result_of_a_task_that_has_ended_is_read_past_what_can_pass(
    client: Client, fake: FakeApi, answer: dict[str, Any]
) -> None:
    fake.script(polls=0, output="42")
    created = client.create_task("x")
    fake.fault(at="read", times=4, **answer)

    assert client.wait_for_task(created).output == "42"


@pytest.mark.parametrize("contract", ["v2-flat"])  # in v2-nested the poll that shows the end is the result
def test_a_result_that_cannot_be_read_is_said_to_be_there_and_its_session_is_closed(
    client: Client, fake: FakeApi, tmp_path: Path
) -> None:
    invoice = tmp_path / "invoice.txt"
    invoice.write_text("1")
    fake.fault(at="read", status=404, times=None)

    with pytest.raises(TaskUnreachableError, match="no longer runs") as caught:
        client.run_task("x", files=[invoice])

    assert caught.value.ended
    assert fake.tasks()[0]["id"] in str(caught.value)
    assert fake.sessions(status="active") == []


@passing
def test_a_late_task_is_stopped_past_what_can_pass(client: Client, fake: FakeApi, answer: dict[str, Any]) -> None:
    fake.script(status=None)
    fake.fault(at="stop a task", times=4, **answer)

    with pytest.raises(TaskTimeoutError) as caught:
        client.run_task("x", timeout=3)

    assert caught.value.stopped
    assert fake.tasks(live=True) == []


@passing
def test_a_task_that_is_known_to_exist_is_read_and_stopped_past_what_can_pass(
    client: Client, fake: FakeApi, answer: dict[str, Any]
) -> None:
    fake.script(status=None)
    created = client.create_task("x")
    fake.fault(at="poll", times=4, **answer)
    fake.fault(at="stop a task", times=4, **answer)

    assert client.get_task(created).status == "started"
    assert client.stop_task(created).status == "stopped"


@passing
def test_a_session_of_the_client_s_own_is_closed_past_what_can_pass(
    client: Client, fake: FakeApi, answer: dict[str, Any], tmp_path: Path
) -> None:
    invoice = tmp_path / "invoice.txt"
    invoice.write_text("1")
    fake.fault(at="close a session", times=4, **answer)

    client.run_task("x", files=[invoice])

    assert fake.sessions(status="active") == []
