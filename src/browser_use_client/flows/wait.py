"""Waiting until a task has ended."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

from browser_use_client.contracts import Contract
from browser_use_client.effects import Call, Clock, Flow, Notify, Sleep, call, within
from browser_use_client.errors import (
    BrowserNotReusedError,
    BrowserUseError,
    CostLimitReachedError,
    CutShortError,
    TaskTimeoutError,
    TaskUnreachableError,
)
from browser_use_client.flows.live_url import LiveUrl
from browser_use_client.flows.lookup import came_back_without_key
from browser_use_client.flows.polls import given_up, ids_of, named, polls_of
from browser_use_client.flows.sessions import log, stop_task
from browser_use_client.models import AnyTask, CreatedTask, Progress, Step, Task, TaskState, id_of
from browser_use_client.retrying import retried

SHORTEST_POLL_SECONDS = 0.5
LONGEST_POLL_SECONDS = 5.0
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
    interval = poll_interval or min(max(SHORTEST_POLL_SECONDS, elapsed / POLLS_PER_ELAPSED), LONGEST_POLL_SECONDS)
    return interval * random.uniform(1 - JITTER, 1 + JITTER)  # noqa: S311 - no secret


def wait(
    contract: Contract,
    task: AnyTask,
    *,
    deadline: float | None,
    poll_interval: float | None,
    on_step: Callable[[Step], object] | None,
    on_live_url: Callable[[str], object] | None,
    stop_on_timeout: bool,
    max_failures: int,
    clock: Clock,
    require_same_browser: bool = False,
) -> Flow[Task]:
    """Polls a task until it has ended.

    Args:
        contract: What the server speaks.
        task: The task. One that is known to exist is not given up for an answer that can pass.
        deadline: Seconds since the epoch; None for no limit.
        poll_interval: Seconds between polls. Default: 0.5 at first, up to 5.
        on_step: Called with each new step. Needs the whole task at every poll.
        on_live_url: Called once, with the session's live URL.
        stop_on_timeout: Whether a task that is late is stopped.
        max_failures: Polls in a row that may fail before the wait is given up.
        clock: The time now.
        require_same_browser: Whether a task in another browser than that of the task before is stopped.

    Returns:
        The ended task, however it ended.

    Raises:
        TaskTimeoutError: The deadline passed.
        CostLimitReachedError: It has cost more than it may.
        BrowserNotReusedError: It runs in another browser, and was stopped.
        TaskUnreachableError: `max_failures` polls failed in a row, or the ended task could not be read.
        BrowserUseError: The server never answered for the task, and asking again cannot help.
    """
    started, task_id = clock(), id_of(task)
    live_url = LiveUrl(contract, None if isinstance(task, str) else task.session_id, on_live_url, clock)
    whole = on_live_url and isinstance(task, str)
    poll: Call[Any] = contract.get_task(task_id) if whole else contract.get_task_state(task_id)
    polls = polls_of(task, limit=max_failures, clock=clock)
    cursor: str | None = None
    because: BrowserUseError | None
    while True:
        left = deadline - clock() if deadline is not None else None
        if left is not None and left <= 0:
            waited = clock() - started
            late = f"did not end within {waited:.0f} s." if waited >= 1 else "did not end in time."
            cut = _cut_short(contract, task, TaskTimeoutError, late, known=polls.known, stop=stop_on_timeout)
            return (yield from cut)
        try:
            if on_step or require_same_browser:
                progress = yield from within(left, contract.follow(task_id, cursor))
            else:
                progress = Progress(state=(yield from within(left, call(poll))))
            state = yield from within(left, _known(contract, progress.state))
        except BrowserUseError as error:
            if polls.end_with(error):
                raise given_up(task, polls, error) from error
            pause, because = polls.pause(error), error
        else:
            because = None
            polls.answered()
            cursor = progress.cursor
            if on_step:
                yield from (Notify(on_step, (step,)) for step in progress.steps)
            if require_same_browser and progress.browser_reused is False:
                yield from _refuse_browser(contract, task)
            require_same_browser = require_same_browser and progress.browser_reused is None  # until it is known
            if done := (yield from _done(contract, task, state)):
                return done
            yield from live_url.poll(state, None if deadline is None else deadline - clock(), progress.live_url)
            pause = poll_pause(clock() - started, poll_interval)
        yield Sleep(pause if deadline is None else max(min(pause, deadline - clock()), 0.0), because)


def _known(contract: Contract, state: TaskState) -> Flow[TaskState]:
    """The state, read whole where its status is a new word, so that it can be told whether the task has ended."""
    end = contract.get_end(state.id) if state.may_have_ended and not state.has_ended else None
    return state if end is None else (yield from call(end))


def _done(contract: Contract, task: AnyTask, state: TaskState) -> Flow[Task | None]:
    """The whole of a task that has ended, by itself or since it cost more than it may; None while it may go on."""
    if state.has_ended:
        return (yield from _details(contract, task, state))
    limit = task.max_cost_usd if isinstance(task, CreatedTask) else None
    if limit is None or state.cost is None or state.cost <= limit:
        return None
    dear = f"has cost {state.cost} US dollars so far, and {limit} is its limit (`max_cost_usd`)."
    return (yield from _cut_short(contract, task, CostLimitReachedError, dear))


def _details(contract: Contract, task: AnyTask, state: TaskState) -> Flow[Task]:
    """The whole of a task that has ended."""
    try:
        found = state if isinstance(state, Task) else (yield from retried(contract.get_task(state.id), known=True))
        if isinstance(task, CreatedTask) and task.key is not None and not found.has_key(task.key):
            log.error(came_back_without_key(task.id, task.key))
        return (yield from retried(contract.details(found), known=True))
    except BrowserUseError as error:
        raise TaskUnreachableError(
            f"{named(task)} ended as `{state.status}` and no longer runs, but its result could not be read: {error}"
            " Read the task again to get it.",
            ended=True,
            **ids_of(task),
        ) from error


def _refuse_browser(contract: Contract, task: AnyTask) -> Flow[None]:
    """Stops a task that does not go on where it should."""
    why = "should have gone on in the browser of its session, which was gone, so it began in a new one."
    ended = yield from _cut_short(contract, task, BrowserNotReusedError, why)
    became = f"It has ended as `{ended.status}`: its result is in `get_task`."
    raise BrowserNotReusedError(f"{named(ended)} {why} {became}", stopped=True, **ids_of(ended))


def _cut_short(
    contract: Contract,
    task: AnyTask,
    error_class: type[CutShortError],
    why: str,
    *,
    known: bool = True,
    stop: bool = True,
) -> Flow[Task]:
    """Stops the task, or leaves it; one that ended in the last moment is returned after all."""
    try:
        if stop:
            found = yield from stop_task(contract, id_of(task), known=known)
        else:
            found = yield from retried(contract.get_task(id_of(task)), known=known)
    except BrowserUseError as error:
        failed = "it could not be stopped" if stop else "the server did not say how it stands"
        raise error_class(
            f"{named(task)} {why} It may still run and cost, since {failed}: {error}", **ids_of(task)
        ) from error
    if found.has_ended and found.status != "stopped":
        return (yield from _details(contract, task, found))
    became = "It was stopped." if stop else "It still runs and costs: wait for it again, or stop it."
    raise error_class(f"{named(found)} {why} {became}", stopped=stop, **ids_of(found))
