"""Exactly once, over real sockets: the fake really refuses, drops and delays."""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from browser_use_client import (
    AsyncBrowserUseClient,
    BrowserUseClient,
    BrowserUseError,
    ConnectError,
    CreatedTask,
    CreateTaskRequest,
    TaskLists,
)
from tests.client.conftest import Client
from tests.fake_api import FakeApi
from tests.fake_api.faults import Endpoint

KEY = "orders-2026-03-01"
READ_TIMEOUT = 0.3
"""Seconds of real time after which the client gives up on an answer that never comes."""

LOST: dict[str, dict[str, Any]] = {
    "dropped before it was read": {"point": "before reading"},
    "reset before it was read": {"point": "before reading", "reset": True},
    "dropped while it was read": {"point": "while reading"},
    "reset while it was read": {"point": "while reading", "reset": True},
    "dropped before the work": {},
    "dropped after the work": {"work": "done"},
    "reset after the work": {"work": "done", "reset": True},
    "dropped, and the work done later": {"work": "late", "late": 3.0},
    "never answered, the work done": {"work": "done", "hang": True},
    "never answered, the work done later": {"work": "late", "late": 3.0, "hang": True},
    "never answered, nothing done": {"hang": True},
    "answered with something else, the work done": {"work": "done", "garbage": "<html>Bad gateway</html>"},
    **{
        f"{status}{', the work done' if work == 'done' else ''}{', Retry-After' if hint else ''}": {
            "status": status,
            "work": work,
            "retry_after": hint,
        }
        for status in (500, 502, 503, 504)
        for work in ("never", "done")
        for hint in (None, "3")
    },
    "429": {"status": 429},
    "429, Retry-After": {"status": 429, "retry_after": "3"},
}


@pytest.fixture(scope="module")
def hasty(_fakes: dict[str, FakeApi], connect: Callable[..., Client]) -> dict[str, Client]:
    """Clients that do not wait long for an answer."""
    return {name: connect(fake, api_version=name, timeout=READ_TIMEOUT) for name, fake in _fakes.items()}


@pytest.mark.parametrize("fault", LOST.values(), ids=list(LOST))
def test_after_a_fault_one_task_runs(hasty: dict[str, Client], fake: FakeApi, fault: dict[str, Any]) -> None:
    fake.script(status=None)
    fake.fault(at="create", **fault)

    created = hasty[fake.contract].create_task("x")

    fake.advance(60)
    assert [task["id"] for task in fake.tasks(live=True)] == [created.id]


def test_a_server_that_refuses_connections_for_a_while_gets_one_task(hasty: dict[str, Client], fake: FakeApi) -> None:
    fake.script(status=None)
    fake.refuse(2.0)

    created = hasty[fake.contract].create_task("x")

    assert [task["id"] for task in fake.tasks()] == [created.id]


def test_a_server_that_is_away_for_long_is_an_error_and_the_key_brings_the_task_later(
    hasty: dict[str, Client], fake: FakeApi
) -> None:
    fake.refuse(600.0)
    with pytest.raises(ConnectError):
        hasty[fake.contract].create_task("x", key=KEY)
    fake.advance(600)

    created = hasty[fake.contract].create_task("x", key=KEY)

    assert [task["id"] for task in fake.tasks(key=KEY)] == [created.id]


def test_a_key_that_is_new_is_looked_for_only_when_an_answer_was_lost(hasty: dict[str, Client], fake: FakeApi) -> None:
    client = hasty[fake.contract]
    client.create_task("x", key=KEY, key_is_new=True)
    assert fake.requests(at="list") == []
    fake.fault(at="create", work="done")

    created = client.create_task("y", key=f"{KEY}, next", key_is_new=True)

    assert created.reattached
    assert [task["id"] for task in fake.tasks(key=f"{KEY}, next")] == [created.id]


def test_a_lost_task_is_found_behind_150_newer_ones_that_came_at_once(hasty: dict[str, Client], fake: FakeApi) -> None:
    fake.script(status=None, crowd=150, hidden=3.0)
    fake.fault(at="create", work="done", reset=True)

    created = hasty[fake.contract].create_task("x")

    assert created.reattached
    assert [task["id"] for task in fake.tasks()] == [created.id]


@pytest.mark.parametrize("session", ["new", "kept"])
def test_a_lost_follow_up_is_found_in_its_session(hasty: dict[str, Client], fake: FakeApi, session: str) -> None:
    client = hasty[fake.contract]
    first = client.run_task("Log in", keep_session=True)
    fake.script(status=None)
    fake.fault(at="create", work="done")

    second = client.create_task("Read", session_id=first.session_id, keep_session=session == "kept")

    assert second.reattached
    assert second.session_id == first.session_id
    assert len(fake.tasks()) == 2


faults = st.lists(
    st.tuples(st.just("create"), st.sampled_from(list(LOST.values())))
    | st.tuples(
        st.just("list"),
        st.sampled_from([{"status": 503}, {"reset": True}, {"status": 429, "retry_after": "2"}, {"times": 6}]),
    ),
    max_size=4,
)


@settings(max_examples=25)
@given(faults=faults, hidden=st.sampled_from([0.0, 0.0, 3.0]), crowd=st.sampled_from([0, 0, 120]))
def test_whatever_comes_together_one_task_runs_under_the_key(
    hasty: dict[str, Client],
    fake: FakeApi,
    faults: list[tuple[Endpoint, dict[str, Any]]],
    hidden: float,
    crowd: int,
) -> None:
    fake.clear()
    fake.script(status=None, hidden=hidden, crowd=crowd)
    for endpoint, fault in faults:
        fake.fault(at=endpoint, **fault)

    created = come_back_until_it_is_there(hasty[fake.contract], fake)

    fake.advance(60)
    assert [task["id"] for task in fake.tasks(live=True)] == [created.id]


def come_back_until_it_is_there(client: Client, fake: FakeApi) -> CreatedTask:
    for _ in range(20):
        try:
            created: CreatedTask = client.create_task("x", key=KEY)
        except BrowserUseError as error:
            if not error.retryable:
                raise
            fake.advance(60)
        else:
            return created
    raise AssertionError("The task was never created.")


def until(condition: Callable[[], object]) -> None:
    """Waits for something that happens elsewhere, in another thread or process."""
    while not condition():
        time.sleep(0.01)


# --- two callers, and crashes ---------------------------------------------------------------------------------------


def test_callers_in_many_threads_with_one_key_share_one_task(fake: FakeApi, contract: Any) -> None:
    fake.script(status=None)
    created: list[CreatedTask] = []
    together = threading.Barrier(5)

    def call(client: BrowserUseClient) -> None:
        together.wait()
        created.append(client.create_task("x", key=KEY))

    with contextlib.ExitStack() as clients:
        callers = [
            threading.Thread(
                target=call,
                args=[
                    clients.enter_context(
                        BrowserUseClient(
                            fake.api_key, fake.base_url, api_version=contract, sleep=fake.advance, clock=fake.time
                        )
                    )
                ],
            )
            for _ in range(5)
        ]
        for caller in callers:
            caller.start()
        for caller in callers:
            caller.join()

    assert len({task.id for task in created}) == 1
    assert [task["id"] for task in fake.tasks(live=True)] == [created[0].id]


def test_a_cancelled_run_stops_its_task_and_a_cancelled_wait_does_not(fake: FakeApi, contract: Any) -> None:
    fake.script(status=None)

    async def scenario() -> None:
        waiting = asyncio.Event()

        async def sleep(_seconds: float) -> None:
            waiting.set()
            await asyncio.Event().wait()

        async with AsyncBrowserUseClient(fake.api_key, fake.base_url, api_version=contract, sleep=sleep) as client:
            created = await client.create_task("kept")
            for work in (client.wait_for_task(created.id), client.run_task("stopped")):
                waiting.clear()
                running = asyncio.create_task(work)
                await waiting.wait()
                running.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await running

    asyncio.run(scenario())

    assert [(task["prompt"], task["is_live"]) for task in fake.tasks()] == [("kept", True), ("stopped", False)]


def test_a_run_that_is_cancelled_while_its_task_is_being_created_leaves_none_behind(
    fake: FakeApi, contract: Any
) -> None:
    fake.script(status=None)
    fake.fault(at="create", work="done", hang=True)

    async def scenario() -> None:
        async with AsyncBrowserUseClient(fake.api_key, fake.base_url, api_version=contract, clock=fake.time) as client:
            running = asyncio.create_task(client.run_task("x"))
            await asyncio.to_thread(until, fake.tasks)
            running.cancel()
            with pytest.raises(asyncio.CancelledError):
                await running

    asyncio.run(scenario())

    assert fake.tasks(live=True) == []


@pytest.mark.parametrize(("then", "reattached"), [("finished", True), ("failed", False), ("stopped", False)])
def test_who_comes_back_reattaches_to_a_task_that_is_good_and_replaces_one_that_is_not(
    client: Client, fake: FakeApi, then: str, reattached: bool
) -> None:
    fake.script(status=None)
    first = client.create_task("x", key=KEY)
    fake.end_task(first.id, then)

    second = client.create_task("x", key=KEY)

    assert second.reattached is reattached
    assert (second.id == first.id) is reattached


def test_who_comes_back_after_its_process_was_killed_reattaches_to_the_task_that_it_had_asked_for(
    fake: FakeApi, contract: Any
) -> None:
    fake.script(status=None)
    fake.fault(at="create", work="done", hang=True)
    code = (
        "from browser_use_client import BrowserUseClient;"
        f"BrowserUseClient({fake.api_key!r}, {fake.base_url!r}, api_version={contract!r}).create_task('x', key={KEY!r})"
    )
    caller = subprocess.Popen([sys.executable, "-c", code])
    until(fake.tasks)
    caller.kill()
    caller.wait()

    with BrowserUseClient(fake.api_key, fake.base_url, api_version=contract, clock=fake.time) as client:
        created = client.create_task("x", key=KEY)

    assert created.reattached
    assert [task["id"] for task in fake.tasks()] == [created.id]


def test_who_looks_for_many_keys_reads_the_lists_once(client: Client, fake: FakeApi) -> None:
    fake.script(status=None)
    first = client.create_task("x", key=KEY)
    lists = client.read_task_lists()
    fake.forget_requests()

    again = client.create_task("x", key=KEY, lists=lambda: _told(client, lists))

    assert (again.id, again.reattached) == (first.id, True)
    assert [task.id for task in client.find_in(lists, KEY, request=CreateTaskRequest(task="x"))] == [first.id]
    assert fake.requests(at="list") == []
    assert len(fake.tasks()) == 1


def test_the_tasks_of_several_keys_are_found_in_one_reading_the_oldest_first(client: Client, fake: FakeApi) -> None:
    fake.script(status=None)
    created = [client.create_task("x", key=key).id for key in ("run/1", "run/2", "runner/1")]
    fake.forget_requests()

    found = client.find_tasks(["run/2", "run/1", "run/"])

    assert [(task.id, task.key) for task in found] == [(created[0], "run/1"), (created[1], "run/2")]
    assert len(fake.requests(at="list")) == 1


def _told(client: Client, lists: TaskLists) -> Any:
    async def awaited() -> TaskLists:
        return lists

    return lists if isinstance(client, BrowserUseClient) else awaited()


def test_a_server_whose_clock_is_behind_makes_one_task_of_a_lost_answer(
    fake: FakeApi, contract: str, connect: Callable[..., Client]
) -> None:
    ahead = connect(fake, api_version=contract, clock=lambda: fake.time() + 900)
    fake.script(status=None)
    fake.fault(at="create", work="done")

    created = ahead.create_task("x", key=KEY, key_is_new=True)

    assert [task["id"] for task in fake.tasks(key=KEY, live=True)] == [created.id]
    assert len(fake.requests("POST")) == 1
    assert ahead.find_task(KEY, after=datetime.fromtimestamp(fake.time() + 900, timezone.utc)).id == created.id
