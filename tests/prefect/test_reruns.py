"""Each call of a flow run finds its own task again, and never another call's, in whatever order the calls come."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from prefect import flow, task, unmapped
from prefect.cache_policies import INPUTS
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import State
from prefect.exceptions import ObjectNotFound
from prefect.settings import PREFECT_API_URL
from pydantic import SecretStr

from browser_use_client import OutputSchemaError, UnexpectedResponseError
from demo.waiting import until
from prefect_browser_use import (
    BrowserUseCredentials,
    abrowser_session,
    arun_browser_task,
    browser_session,
    run_browser_task,
    start_session,
    stop_session,
)
from tests.fake_api import FakeApi, FakeApiProcess

from .conftest import credentials_for
from .running_prefect import RunningPrefect
from .test_exactly_once import creates, prompts
from .test_runners import RUNNERS

NAMES = ("alice", "bob", "carol")


class InterruptedRunError(Exception):
    """What a flow fails with, so that Prefect runs it again."""


def told_apart(by: str, folder: Path) -> list[dict[str, Any]]:
    """Options of a call for each account."""
    if by == "files":
        return [{"files": [statement_of(name, folder)]} for name in NAMES]
    options: dict[str, Callable[[str], dict[str, Any]]] = {
        "secrets": lambda name: {"secrets": {"password": SecretStr(name)}},
        "browsers": lambda name: {"browser_settings": {"screen_width": 800 + NAMES.index(name)}},
        "nothing": lambda name: {},  # noqa: ARG005 - as the others
    }
    return [options[by](name) for name in NAMES]


def statement_of(name: str, folder: Path) -> Path:
    path = folder / name / "statement.txt"
    path.parent.mkdir(exist_ok=True)
    path.write_text(name)
    return path


def columns(rows: list[dict[str, Any]]) -> dict[str, list[Any]]:
    """Options of each call, as `.map` takes them."""
    return {option: [row[option] for row in rows] for option in rows[0]}


def transfers_by_session(api: FakeApi) -> dict[str, list[str]]:
    """The prompts of each session, in order."""
    by_session: dict[str, list[str]] = {}
    for one in api.tasks():
        by_session.setdefault(one["session_id"], []).append(one["prompt"])
    return by_session


KINDS = ("secrets", "files", "browsers", "nothing")
"""What tells mapped calls apart."""


@pytest.mark.parametrize("runner", RUNNERS)
def test_mapped_sign_ins_and_what_follows_stay_together_when_the_flow_runs_again(
    flat_api: FakeApi, tmp_path: Path, runner: str
) -> None:
    credentials = credentials_for(flat_api)
    given = {"credentials": unmapped(credentials), "keep_session": True}
    seen: list[dict[str, list[str]]] = []

    @flow(retries=1, task_runner=RUNNERS[runner]())
    def transfers() -> None:
        signing_in = {
            kind: run_browser_task.map(
                [f"Sign in: {kind}"] * len(NAMES), **columns(told_apart(kind, tmp_path)), **given
            )
            for kind in KINDS
        }
        seen.append({kind: [one.session_id for one in futures.result()] for kind, futures in signing_in.items()})
        sessions = seen[-1]
        if len(seen) == 1:
            first = [sessions[kind][0] for kind in KINDS]
            run_browser_task.map(
                f"Transfer from {NAMES[0]}", session_id=first, **given | {"keep_session": False}
            ).wait()
            raise InterruptedRunError
        transferring = [
            run_browser_task.map([f"Transfer from {name}" for name in NAMES], session_id=sessions[kind], **given)
            for kind in KINDS
        ]
        for futures in transferring:
            futures.wait()

    transfers()
    assert seen[0] == seen[1]
    assert transfers_by_session(flat_api) == {
        session: [f"Sign in: {kind}", f"Transfer from {name}"]
        for kind in KINDS
        for session, name in zip(seen[0][kind], NAMES, strict=True)
    }


def test_the_metadata_tells_nobody_without_the_key_which_secret_was_used(flat_api: FakeApi) -> None:
    @flow
    def sign_in() -> None:
        for password in ("alice", "bob"):
            run_browser_task(
                "Sign in", credentials=credentials_for(flat_api), secrets={"password": SecretStr(password)}
            )

    sign_in()
    sign_in()
    keys = [one["metadata"]["idempotency_key"] for one in flat_api.tasks()]
    assert len({key.partition(":")[2] for key in keys}) == 2  # the same calls, in two flow runs
    assert len(set(keys)) == 4


@task
def shop(credentials: BrowserUseCredentials, name: str) -> str:
    first = run_browser_task("Open the bank", credentials=credentials, keep_session=True)
    run_browser_task(f"Sign in as {name}", credentials=credentials, session_id=first.session_id, keep_session=True)
    return first.session_id


def test_tasks_of_ones_own_find_their_own_browsers_again_in_another_order(api: FakeApi) -> None:
    sessions: list[dict[str, str]] = []

    @flow(retries=1)
    def shops() -> None:
        names = NAMES if not sessions else NAMES[::-1]
        futures = {name: shop.submit(credentials_for(api), name) for name in names}
        sessions.append({name: future.result() for name, future in futures.items()})
        if len(sessions) == 1:
            raise InterruptedRunError

    shops()
    assert sessions[0] == sessions[1]
    assert creates(api) == 2 * len(NAMES)


def test_a_task_of_ones_own_that_is_retried_starts_nothing_new(api: FakeApi) -> None:
    tries = 0

    @task(retries=1)
    def shop_twice() -> None:
        nonlocal tries
        for _ in range(2):
            run_browser_task("Read the orders", credentials=credentials_for(api))
        tries += 1
        if tries == 1:
            raise InterruptedRunError

    @flow
    def shops() -> None:
        shop_twice()

    shops()
    assert creates(api) == 2
    tries = 0
    shop_twice()
    assert creates(api) == 4


class Account:
    """An object of the user's own, which nobody else can compare."""

    def __init__(self, name: str) -> None:
        self.name = name


class Turns:
    """Lets the coroutine of one account begin when that of the other is done: in the second attempt, of the other."""

    def __init__(self) -> None:
        self.attempt = 0

    def start_attempt(self) -> None:
        self.attempt += 1
        self._one_is_done = asyncio.Event()

    async def wait(self, name: str) -> None:
        if (name == "alice") == (self.attempt == 1):
            await self._one_is_done.wait()

    def done(self) -> None:
        self._one_is_done.set()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # Prefect leaves sockets of its own open
@pytest.mark.parametrize("account", [str, Account])
def test_coroutines_that_begin_alike_go_on_in_their_own_browser_or_anew_in_a_new_one(
    api: FakeApi, account: Callable[[str], Any], caplog: pytest.LogCaptureFixture
) -> None:
    turns = Turns()

    async def use(account: Any) -> None:
        name = getattr(account, "name", account)
        await turns.wait(name)
        async with abrowser_session(credentials=credentials_for(api)) as session:
            await session.arun("Open the bank")
            await session.arun(f"Sign in as {name}")
        turns.done()

    @flow(retries=1)
    async def shops() -> None:
        turns.start_attempt()
        await asyncio.gather(use(account("alice")), use(account("bob")))
        if turns.attempt == 1:
            raise InterruptedRunError

    asyncio.run(shops())
    by_session = transfers_by_session(api)
    assert all(len(asked) == 2 for asked in by_session.values()), by_session
    assert len(by_session) == (2 if account is str else 4)
    assert ("is not used again" in caplog.text) == (account is Account)
    assert api.sessions(status="active") == []


def test_a_flow_inside_a_flow_that_is_retried_starts_nothing_new(api: FakeApi) -> None:
    runs = 0

    @flow
    def inner(prompt: str) -> str:
        return run_browser_task(prompt, credentials=credentials_for(api)).task_id

    @flow(retries=1)
    def outer() -> list[str]:
        nonlocal runs
        runs += 1
        task_ids = [inner("Read"), inner("Read"), inner("Write")]
        if runs == 1:
            raise InterruptedRunError
        return task_ids

    assert len(set(outer())) == 3
    assert sorted(prompts(api)) == ["Read", "Read", "Write"]


def test_a_rerun_of_many_mapped_tasks_reads_the_lists_once(flat_api: FakeApi) -> None:
    runs = 0

    @flow(retries=1)
    def many() -> None:
        nonlocal runs
        runs += 1
        given = {"credentials": unmapped(credentials_for(flat_api)), "artifacts": False}
        run_browser_task.map([f"Order {number}" for number in range(30)], **given).wait()
        arun_browser_task.map([f"Invoice {number}" for number in range(10)], **given).wait()
        if runs == 1:
            flat_api.add_others(250)
            flat_api.forget_requests()
            raise InterruptedRunError

    many()
    assert creates(flat_api) == 0
    assert len(flat_api.tasks()) == 40
    assert len(flat_api.requests(at="list")) == 3  # pages


def reads_twice(api: FakeApi) -> list[str]:
    """The task of a call in both attempts of its flow."""
    task_ids: list[str] = []

    @flow(retries=1)
    def read() -> None:
        task_ids.append(run_browser_task("Read the orders of the day", credentials=credentials_for(api)).task_id)
        if len(task_ids) == 1:
            raise InterruptedRunError

    read()
    return task_ids


def test_a_server_whose_clock_is_behind_hides_no_task_of_an_earlier_attempt(api: FakeApi) -> None:
    api.advance(-1200)
    first, second = reads_twice(api)
    assert first == second
    assert creates(api) == 1


@pytest.mark.parametrize("api", ["v4"], indirect=True)
def test_a_task_whose_prompt_lists_show_shortened_is_found_again(api: FakeApi) -> None:
    api.script(shortened=10)
    first, second = reads_twice(api)
    assert first == second
    assert creates(api) == 1


def test_a_task_of_an_earlier_attempt_that_cannot_be_read_is_named_and_no_other_is_started(api: FakeApi) -> None:
    api.script(odd={"sessionId": None})
    with pytest.raises(UnexpectedResponseError, match=r"cannot read.* no other was created") as caught:
        reads_twice(api)
    assert caught.value.task_id == api.tasks()[0]["id"]
    assert creates(api) == 1


def test_a_session_that_was_started_serves_the_next_attempt(flat_api: FakeApi) -> None:
    runs = 0

    @flow(retries=1)
    def shop() -> None:
        nonlocal runs
        runs += 1
        credentials = credentials_for(flat_api)
        for prompt in ("Read", "Write"):
            session = start_session(credentials=credentials)
            run_browser_task(prompt, credentials=credentials, session_id=session.id, keep_session=True)
            stop_session(session.id, credentials=credentials)
        if runs == 1:
            raise InterruptedRunError

    shop()
    assert len(flat_api.requests("POST", "/sessions")) == 2
    assert creates(flat_api) == 2
    assert flat_api.sessions(status="active") == []


def test_two_tasks_at_once_share_the_browser_of_a_block(api: FakeApi) -> None:
    async def use() -> None:
        async with abrowser_session(credentials=credentials_for(api)) as session:
            await asyncio.gather(session.arun("Read"), session.arun("Write"))

    asyncio.run(use())
    assert len(api.sessions()) == 1
    assert creates(api) == 2
    assert api.sessions(status="active") == []


def test_output_that_does_not_fit_is_asked_for_again_in_a_new_task(api: FakeApi) -> None:
    api.script("Count", output="many")
    with pytest.raises(OutputSchemaError) as caught:
        run_browser_task("Count", credentials=credentials_for(api), output_schema=int)
    assert caught.value.raw == "many"
    assert creates(api) == 1

    api.script("Count", output="4")
    api.script("Count", times=1, output="many")
    patient = run_browser_task.with_options(retries=1)
    result = patient("Count", credentials=credentials_for(api), output_schema=int)
    assert result.output == 4
    assert creates(api) == 3
    assert api.sessions(status="active") == []


def test_output_that_does_not_fit_is_asked_for_again_where_the_session_is_kept(api: FakeApi) -> None:
    api.script("Count", output="4")
    api.script("Count", times=1, output="many")
    patient = run_browser_task.with_options(retries=1)
    result = patient("Count", credentials=credentials_for(api), output_schema=int, keep_session=True)
    assert result.output == 4
    assert [one["session_id"] for one in api.tasks()] == [result.session_id] * 2
    assert len(api.sessions()) == 1


def test_a_block_that_is_run_again_for_output_that_does_not_fit_begins_a_new_session(api: FakeApi) -> None:
    api.script("Count", output="4")
    api.script("Count", times=1, output="many")

    @flow(retries=1)
    def shop() -> Any:
        with browser_session(credentials=credentials_for(api)) as session:
            session.run("Sign in")
            return session.run("Count", output_schema=int).output

    assert shop() == 4
    assert prompts(api) == ["Sign in", "Count"] * 2
    assert api.sessions(status="active") == []


READS_RESULTS = """
import sys
from uuid import UUID
from prefect import get_client
with get_client(sync_client=True) as client:
    for task_run_id in sys.argv[1:]:
        print(client.read_task_run(UUID(task_run_id)).state.result().task_id)
"""


def test_a_persisted_result_can_be_read_in_another_process_and_is_given_to_no_other_call(flat_api: FakeApi) -> None:
    persisted = run_browser_task.with_options(persist_result=True)

    @flow
    def same() -> list[State[Any]]:
        given = {"credentials": credentials_for(flat_api), "return_state": True}
        return [persisted("Same", **given) for _ in range(2)]

    task_runs = [state.state_details.task_run_id for state in same()]
    with get_client(sync_client=True) as client:

        def stored() -> bool:
            try:
                states = [client.read_task_run(task_run).state for task_run in task_runs]
            except ObjectNotFound:  # the server learns of task runs from events, a moment later
                return False
            return all(state and state.is_completed() for state in states)

        until("Prefect shows the states", stored)
    read = subprocess.run(
        [sys.executable, "-c", READS_RESULTS, *map(str, task_runs)],
        env=os.environ | {"PREFECT_API_URL": PREFECT_API_URL.value() or ""},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        timeout=120,
    )
    assert read.stdout.split() == [one["id"] for one in flat_api.tasks()]
    assert creates(flat_api) == 2


def test_a_cache_that_cannot_see_secrets_says_so_and_one_that_needs_not_works(
    flat_api: FakeApi, caplog: pytest.LogCaptureFixture
) -> None:
    cached = run_browser_task.with_options(cache_policy=INPUTS - "credentials")

    @flow
    def same(**options: Any) -> set[str]:
        return {cached("Same", credentials=credentials_for(flat_api), **options).task_id for _ in range(2)}

    assert same() == same()
    assert "`cache_policy`" not in caplog.text
    same(secrets={"password": SecretStr("alice")})
    assert "does not see the values of `secrets`" in caplog.text


def variables_for(api: FakeApiProcess) -> dict[str, str]:
    return {"BROWSER_USE_API_KEY": api.api_key, "BROWSER_USE_BASE_URL": api.base_url}


def test_a_flow_run_that_is_resumed_pays_for_nothing_again(prefect_server: RunningPrefect) -> None:
    with FakeApiProcess() as api:
        prefect_server.start("suspended", "-m", "tests.prefect.flows", "serve", **variables_for(api))
        flow_run = prefect_server.run_deployment("suspended")
        state = lambda: prefect_server.get(f"/flow_runs/{flow_run}")["state_type"]  # noqa: E731
        until("the flow run is suspended", lambda: state() == "PAUSED", 180)
        prefect_server.post(f"/flow_runs/{flow_run}/resume")
        assert prefect_server.ended(flow_run, 180)["state_type"] == "COMPLETED"
        assert [one["prompt"] for one in api.tasks()] == ["Sign in", "Read the orders", "Go on"]
        assert len({one["session_id"] for one in api.tasks()}) == 2


def test_mapped_sign_ins_of_a_killed_process_keep_their_accounts(prefect_server: RunningPrefect) -> None:
    with FakeApiProcess() as api:
        api.script("Transfer from bob", status=None)
        served = prefect_server.start("killed", "-m", "tests.prefect.flows", "serve", **variables_for(api))
        flow_run = prefect_server.run_deployment("sign-ins")
        until("bob's transfer runs", lambda: len(api.tasks()) == 6 and len(api.tasks(live=True)) == 1, 180)
        prefect_server.end(served, signal.SIGKILL)
        prefect_server.set_state(flow_run, "SCHEDULED", force=True)
        prefect_server.start("again", "-m", "tests.prefect.flows", "serve", **variables_for(api))
        polls = api.tasks(live=True)[0]["polls"]
        until("bob's transfer is found again", lambda: api.tasks(live=True)[0]["polls"] > polls + 2, 180)
        api.end_task(api.tasks(live=True)[0]["id"])
        assert prefect_server.ended(flow_run, 180)["state_type"] == "COMPLETED"
        accounts: dict[str, list[str]] = {}
        for one in api.tasks():
            said = (one["body"].get("secrets") or {}).get("password") or one["prompt"].removeprefix("Transfer from ")
            accounts.setdefault(one["session_id"], []).append(said)
        assert sorted(accounts.values()) == [["alice"] * 2, ["bob"] * 2, ["carol"] * 2]
