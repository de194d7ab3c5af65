"""Waiting until a task has ended."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from browser_use_client.contracts import Contract
from browser_use_client.effects import Call, Clock, Flow, Notify, Sleep, call
from browser_use_client.errors import BrowserUseError, TaskTimeoutError, TaskUnreachableError
from browser_use_client.flows.sessions import stop_task
from browser_use_client.models import Step, Task, TaskState
from browser_use_client.retrying import can_try_again, pause_before, retried

SHORTEST_POLL = 0.5
LONGEST_POLL = 5.0
POLLS_PER_ELAPSED = 15.0
"""Polls come at a fifteenth of the time that the task has run: one of 30 s is seen to end after 1 s on average."""

JITTER = 0.1
MAX_FAILURES = 10


def poll_pause(elapsed: float, poll_interval: float | None) -> float:
    """Seconds until the next poll, with jitter, so that many waits do not fall into step.

    Args:
        elapsed: Seconds that the task has been waited for.
        poll_interval: Seconds between polls if they are to be regular. Default: quick at first, then slower.
    """
    interval = poll_interval or min(max(SHORTEST_POLL, elapsed / POLLS_PER_ELAPSED), LONGEST_POLL)
    return interval * random.uniform(1 - JITTER, 1 + JITTER)  # noqa: S311 - no secret


def wait(
    contract: Contract,
    task_id: str,
    *,
    deadline: float | None,
    poll_interval: float | None,
    on_step: Callable[[Step], object] | None,
    stop_on_timeout: bool,
    max_failures: int,
    clock: Clock,
) -> Flow[Task]:
    """Polls a task until it has ended.

    Args:
        contract: What the server speaks.
        task_id: The task.
        deadline: Seconds since the epoch; None for no limit.
        poll_interval: Seconds between polls. Default: 0.5 at first, up to 5.
        on_step: Called with each new step. Needs the whole task at every poll.
        stop_on_timeout: Whether a task that is late is stopped.
        max_failures: Polls in a row that may fail before the wait is given up.
        clock: The time now.

    Returns:
        The ended task, however it ended.

    Raises:
        TaskTimeoutError: The deadline passed.
        TaskUnreachableError: `max_failures` polls failed in a row.
        BrowserUseError: The server refuses to answer, and asking again cannot help.
    """
    started = clock()
    poll: Call[Any] = contract.get_task(task_id) if on_step else contract.get_task_state(task_id)
    steps_seen = failures = 0
    while True:
        left = deadline - clock() if deadline is not None else None
        if left is not None and left <= 0:
            return (yield from _too_late(contract, task_id, clock() - started, stop_on_timeout))
        try:
            state: TaskState = yield from call(poll if left is None else replace(poll, timeout=left))
        except BrowserUseError as error:
            failures += 1
            if not can_try_again(error):
                error.task_id = task_id
                raise
            if failures >= max_failures:
                raise TaskUnreachableError(
                    f"The server did not say how task {task_id} stands, {failures} times in a row. It may still run and"
                    f" cost: look it up, stop it, or wait for it again. The last answer: {error}",
                    task_id=task_id,
                ) from error
            pause = pause_before(failures, error)
        else:
            failures = 0
            if on_step and isinstance(state, Task):
                for step in state.steps[steps_seen:]:
                    yield Notify(on_step, step)
                steps_seen = len(state.steps)
            if state.has_ended:
                return state if isinstance(state, Task) else (yield from retried(contract.get_task(task_id)))
            pause = poll_pause(clock() - started, poll_interval)
        yield Sleep(pause if deadline is None else max(min(pause, deadline - clock()), 0.0))


def _too_late(contract: Contract, task_id: str, waited: float, stop: bool) -> Flow[Task]:
    """Stops the task, or leaves it; one that ended in the last moment is returned after all."""
    late = f"Task {task_id} did not end within {waited:.0f} s."
    try:
        task = yield from (stop_task(contract, task_id) if stop else retried(contract.get_task(task_id)))
    except BrowserUseError as error:
        raise TaskTimeoutError(
            f"{late} It may still run and cost, since the server could not be told to stop it: {error}",
            task_id=task_id,
        ) from error
    if task.has_ended and task.status != "stopped":
        return task
    became = "It was stopped." if stop else "It still runs and costs: wait for it again, or stop it."
    raise TaskTimeoutError(
        f"{late} {became} Its session is {task.session_id}.",
        stopped=stop,
        task_id=task_id,
        session_id=task.session_id,
    )
