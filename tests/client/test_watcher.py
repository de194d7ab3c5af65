"""Waiting for many tasks in one event loop; the look is that of the flows, the time that of the fake."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from itertools import pairwise
from typing import Any

import pytest

from browser_use_client import (
    AsyncBrowserUseClient,
    NotFoundError,
    TaskState,
    TaskTimeoutError,
    TaskUnreachableError,
    TaskWatcher,
)
from browser_use_client.flows.watch import Memory, Sweep, sweep
from tests.client.in_memory import SPOKEN, InMemory
from tests.fake_api import FakeApi

MISSING = "3c90c3cc-0d44-4b50-8888-8dd25736052a"


@pytest.fixture(params=SPOKEN)
def server(request: pytest.FixtureRequest) -> InMemory:
    return InMemory(request.param)


def start(server: InMemory, number: int, **script: Any) -> list[str]:
    server.script(**script)
    return [server.start_task(keep_alive=True).id for _ in range(number)]


def watcher(server: InMemory, **options: Any) -> TaskWatcher:
    async def look(task_ids: Collection[str], memory: Memory) -> Sweep:
        await asyncio.sleep(0)
        return server.run(sweep(server.contract, task_ids, memory=memory))

    async def sleep(seconds: float) -> None:
        server.world.advance(seconds)
        await asyncio.sleep(0)

    defaults: dict[str, Any] = {"poll_interval": None, "max_failures": 10}
    return TaskWatcher(look, sleep=sleep, clock=server.clock, **defaults | options)


async def all_of(watching: TaskWatcher, task_ids: list[str], **options: Any) -> list[TaskState]:
    return await asyncio.gather(*(watching.wait(task_id, **options) for task_id in task_ids))


async def until(condition: Callable[[], bool]) -> None:
    while not condition():  # noqa: ASYNC110 - the fake's clock moves as the loop goes round
        await asyncio.sleep(0)


def test_many_waits_share_one_sweep_and_each_hears_of_its_own_task(server: InMemory) -> None:
    quick, slow = start(server, 150, seconds=10.0), start(server, 150, seconds=60.0)

    states = asyncio.run(all_of(watcher(server), quick + slow))

    assert [state.id for state in states] == quick + slow
    assert all(state.status == "finished" for state in states)
    assert len(server.trace) <= requests_at_the_end(server.world.contract) * 300 + 5 * 60


def test_sweeps_keep_their_pace_however_long_they_take_and_however_many_tasks_end_in_one(server: InMemory) -> None:
    ids = [f"task {number}" for number in range(300)]
    looks: list[float] = []

    async def look(task_ids: Collection[str], memory: Memory) -> Sweep:  # noqa: ARG001 - the watcher's signature
        looks.append(server.clock())
        server.world.advance(2.0)
        ended = sorted(task_ids)[:50]
        states = {task_id: TaskState(id=task_id, status="finished") for task_id in ended}
        return Sweep(ended=states, requests=100 + len(ended))

    async def sleep(seconds: float) -> None:
        server.world.advance(seconds)
        await asyncio.sleep(0)

    asyncio.run(all_of(TaskWatcher(look, sleep=sleep, clock=server.clock, poll_interval=None, max_failures=1), ids))

    assert [round(later - sooner, 1) for sooner, later in pairwise(looks)] == [5.0] * 5


def test_one_wait_is_polled_as_quickly_as_a_wait_of_its_own(server: InMemory) -> None:
    [task_id] = start(server, 1, seconds=12.0)
    started = server.clock()

    asyncio.run(all_of(watcher(server), [task_id]))

    assert server.clock() - started <= 14


def test_a_task_that_comes_while_old_ones_are_waited_for_is_polled_soon(server: InMemory) -> None:
    [old] = start(server, 1, seconds=600.0)
    seen: list[float] = []

    async def scenario() -> None:
        watching = watcher(server)
        first = asyncio.create_task(watching.wait(old))
        await until(lambda: server.clock() > began + 300)
        [young] = start(server, 1, seconds=5.0)
        came = server.clock()
        await watching.wait(young)
        seen.append(server.clock() - came)
        first.cancel()

    began = server.clock()
    asyncio.run(scenario())

    assert seen[0] <= 8


def test_a_deadline_ends_one_wait_and_leaves_its_task_and_the_others(server: InMemory) -> None:
    [late] = start(server, 1, status=None)
    [good] = start(server, 1, seconds=30.0)

    async def scenario() -> None:
        watching = watcher(server)
        waits = [watching.wait(late, deadline=server.clock() + 10), watching.wait(good)]
        error, state = await asyncio.gather(*waits, return_exceptions=True)
        assert isinstance(error, TaskTimeoutError)
        assert not error.stopped
        assert "still runs and costs" in str(error)
        assert isinstance(state, TaskState)
        assert state.status == "finished"

    asyncio.run(scenario())

    assert server.world.tasks[late].is_live


def test_a_task_that_is_gone_ends_only_its_own_wait(server: InMemory) -> None:
    [good] = start(server, 1, seconds=5.0)

    async def scenario() -> None:
        watching = watcher(server)
        results = await asyncio.gather(watching.wait(MISSING), watching.wait(good), return_exceptions=True)
        assert isinstance(results[0], NotFoundError)
        assert isinstance(results[1], TaskState)

    asyncio.run(scenario())


def test_trouble_is_ridden_out_up_to_the_failures_that_are_allowed(server: InMemory) -> None:
    task_ids = start(server, 3, seconds=5.0)
    server.fault("GET", "*", status=503, times=8)
    assert len(asyncio.run(all_of(watcher(server), task_ids))) == 3

    task_ids = start(server, 3, status=None)
    server.fault("GET", "*", status=503, times=None)
    with pytest.raises(TaskUnreachableError, match="may still run and cost"):
        asyncio.run(all_of(watcher(server, max_failures=3), task_ids))


def test_one_task_that_the_server_cannot_answer_for_does_not_end_the_waits_for_others(server: InMemory) -> None:
    [good, bad] = start(server, 2, seconds=120.0)
    server.fault("GET", f"*/{bad}*", status=500, times=None)

    async def scenario() -> None:
        watching = watcher(server, max_failures=5)
        results = await asyncio.gather(watching.wait(good), watching.wait(bad), return_exceptions=True)
        assert isinstance(results[0], TaskState)
        assert isinstance(results[1], TaskUnreachableError)

    asyncio.run(scenario())


def test_a_server_that_answers_for_none_is_asked_less_and_less_often(server: InMemory) -> None:
    [task_id] = start(server, 1, status=None)
    server.fault("GET", "*", status=503, times=None)
    started = server.clock()

    with pytest.raises(TaskUnreachableError):
        asyncio.run(all_of(watcher(server), [task_id]))

    assert server.clock() - started >= 60
    assert len(server.trace) == 10


def test_the_server_s_wish_for_a_pause_is_granted(server: InMemory) -> None:
    [task_id] = start(server, 1, seconds=5.0)
    server.fault("GET", "*", status=429, retry_after="90")
    started = server.clock()

    asyncio.run(all_of(watcher(server), [task_id]))

    assert server.clock() - started >= 90


def test_a_wait_that_is_cancelled_leaves_the_others_waiting(server: InMemory) -> None:
    task_ids = start(server, 2, seconds=20.0)

    async def scenario() -> TaskState:
        watching = watcher(server)
        first, second = (asyncio.create_task(watching.wait(task_id)) for task_id in task_ids)
        await asyncio.sleep(0)
        first.cancel()
        return await second

    assert asyncio.run(scenario()).status == "finished"


def test_a_watcher_can_be_used_again_after_it_had_nothing_to_do(server: InMemory) -> None:
    first, second = start(server, 2, seconds=5.0)

    async def scenario() -> None:
        watching = watcher(server)
        await watching.wait(first)
        await watching.wait(second)

    asyncio.run(scenario())


def test_a_fault_of_the_watcher_itself_ends_the_waits_instead_of_hanging(server: InMemory) -> None:
    async def look(_task_ids: Collection[str], _memory: Memory) -> Sweep:
        raise RuntimeError("a bug")

    watching = TaskWatcher(look, sleep=asyncio.sleep, clock=server.clock, poll_interval=None, max_failures=1)

    with pytest.raises(TaskUnreachableError, match="a bug"):
        asyncio.run(all_of(watching, [MISSING]))


def test_a_hundred_tasks_are_watched_over_real_sockets(fake: FakeApi, contract: Any) -> None:
    fake.script(seconds=30.0)

    async def sleep(seconds: float) -> None:
        fake.advance(seconds)
        await asyncio.sleep(0)

    async def scenario() -> list[TaskState]:
        async with AsyncBrowserUseClient(
            fake.api_key, fake.base_url, api_version=contract, sleep=sleep, clock=fake.time
        ) as client:
            created = [await client.create_task("x") for _ in range(100)]
            return await all_of(client.watcher(), [task.id for task in created])

    states = asyncio.run(scenario())

    assert {state.status for state in states} == {"finished"}
    assert len(fake.requests("GET")) <= requests_at_the_end(contract) * 100 + 3 * 40


def requests_at_the_end(contract: str) -> int:
    """How many the end of a task takes: in v4 its status says nothing else, so the run is read once."""
    return 2 if contract == "v4" else 1
