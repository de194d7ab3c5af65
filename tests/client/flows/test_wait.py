"""Waiting: how often, how long, and what becomes of the task."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from browser_use_client import errors
from browser_use_client.flows.wait import LONGEST_POLL_SECONDS, poll_pause, wait
from browser_use_client.models import Task
from tests.client.in_memory import SPOKEN, InMemory
from tests.fake_api.world import Contract


@pytest.fixture(params=SPOKEN)
def server(request: pytest.FixtureRequest) -> InMemory:
    return InMemory(request.param)


def start(server: InMemory, **script: Any) -> str:
    server.script(**script)
    return server.start_task().id


def wait_for(server: InMemory, task_id: str, **options: Any) -> Task:
    defaults: dict[str, Any] = {
        "deadline": None,
        "poll_interval": None,
        "on_step": None,
        "on_live_url": None,
        "stop_on_timeout": True,
        "max_failures": 10,
    }
    return server.run(wait(server.contract, task_id, clock=server.clock, **defaults | options))


@given(elapsed=st.floats(0, 1e6))
def test_polls_start_quick_and_slow_down_to_a_few_seconds(elapsed: float) -> None:
    pauses = {poll_pause(elapsed, None) for _ in range(10)}

    assert len(pauses) > 1
    assert all(0.4 <= pause <= LONGEST_POLL_SECONDS * 1.1 for pause in pauses)
    assert max(pauses) <= max(0.6, elapsed / 10)


def test_a_regular_interval_is_kept(server: InMemory) -> None:
    wait_for(server, start(server, polls=5), poll_interval=20.0)

    assert len(server.sleeps) == 5
    assert all(18 <= pause <= 22 for pause in server.sleeps)


@pytest.mark.parametrize("seconds", [1.0, 5.0, 12.0, 29.0])
def test_the_end_of_a_short_task_is_seen_within_seconds(server: InMemory, seconds: float) -> None:
    started = server.clock()

    wait_for(server, start(server, seconds=seconds))

    assert server.clock() - started - seconds <= max(seconds / 15, 0.5) * 1.1


def test_a_long_task_is_polled_a_few_times_a_minute(server: InMemory) -> None:
    wait_for(server, start(server, seconds=3600.0))

    assert len(server.trace) / 2 <= 3600 / LONGEST_POLL_SECONDS * 1.2 + 60


def test_there_is_no_pause_once_the_task_has_ended(server: InMemory) -> None:
    task_id = start(server, polls=0)

    wait_for(server, task_id)

    assert server.sleeps == []


@given(name=st.sampled_from(SPOKEN), timeout=st.floats(0, 100), interval=st.none() | st.floats(1, 60))
def test_a_deadline_is_never_overrun(name: Contract, timeout: float, interval: float | None) -> None:
    server = InMemory(name)
    task_id = start(server, status=None)
    started = server.clock()

    with pytest.raises(errors.TaskTimeoutError):
        wait_for(server, task_id, deadline=started + timeout, poll_interval=interval)

    assert server.clock() - started <= timeout + 0.001


@pytest.mark.parametrize("on_step", [None, print])
def test_no_poll_may_take_longer_than_what_is_left(server: InMemory, on_step: Callable[..., object] | None) -> None:
    server.fault("GET", "*", hang=True, times=None)
    task_id = start(server, status=None)
    started = server.clock()

    with pytest.raises(errors.TaskTimeoutError):
        wait_for(server, task_id, deadline=started + 10, on_step=on_step)

    assert server.clock() - started == pytest.approx(10)


def test_retry_after_beyond_the_deadline_does_not_move_it(server: InMemory) -> None:
    server.fault("GET", "*", status=429, retry_after="100", times=None)
    task_id = start(server, status=None)
    started = server.clock()

    with pytest.raises(errors.TaskTimeoutError):
        wait_for(server, task_id, deadline=started + 10)

    assert server.clock() - started == pytest.approx(10)


@pytest.mark.parametrize("stop", [True, False])
def test_a_task_that_ends_in_the_last_moment_is_returned_after_all(server: InMemory, stop: bool) -> None:
    task_id = start(server, seconds=10.0)

    task = wait_for(server, task_id, deadline=server.clock() + 10, stop_on_timeout=stop)

    assert task.status == "finished"


def test_a_late_task_that_cannot_be_stopped_says_that_it_may_still_cost(server: InMemory) -> None:
    server.fault(at="stop", status=503, times=None)
    task_id = start(server, status=None)

    with pytest.raises(errors.TaskTimeoutError, match="may still run and cost") as caught:
        wait_for(server, task_id, deadline=server.clock() + 10)

    assert not caught.value.stopped


def test_failures_count_only_in_a_row(server: InMemory) -> None:
    task_id = start(server, polls=6)
    for round_ in range(4):
        server.fault("GET", "*", status=503, times=2, skip=round_)

    assert wait_for(server, task_id, max_failures=3).status == "finished"


def test_a_wait_for_a_task_that_does_not_exist_ends_at_once_and_names_it(server: InMemory) -> None:
    missing = "3c90c3cc-0d44-4b50-8888-8dd25736052a"

    with pytest.raises(errors.NotFoundError) as caught:
        wait_for(server, missing)

    assert caught.value.task_id == missing
    assert len(server.trace) == 1


def test_the_last_read_survives_a_fault(server: InMemory) -> None:
    task_id = start(server, polls=0)
    server.fault("GET", f"*/{task_id}", status=502, times=2)

    assert wait_for(server, task_id).status == "finished"


def test_an_unknown_status_without_an_end_is_waited_on_and_with_one_is_an_end(server: InMemory) -> None:
    task_id = start(server, seconds=30.0, status="evaporated")
    server.world.tasks[task_id].status = "hibernating"

    assert wait_for(server, task_id).status == "evaporated"


def test_steps_are_told_once_even_if_many_appear_at_once(server: InMemory) -> None:
    task_id = start(server, polls=1, steps=7)
    told: list[int] = []

    wait_for(server, task_id, on_step=lambda step: told.append(step.number))

    assert told == [1, 2, 3, 4, 5, 6, 7]
