"""Waiting in a task without missing that its flow run is being ended.

Prefect tells a task that was submitted or mapped nothing when its flow run is cancelled, and kills the process
30 s later; a script that is cancelled in the UI is told nothing at all. The flow run's state says it in every case,
so whoever waits reads it, once a second for all tasks of a flow run in a process together.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from typing import Any, TypeVar
from uuid import UUID

import anyio
from prefect.context import FlowRunContext, TaskRunContext
from prefect.exceptions import MissingContextError
from prefect.logging import get_logger, get_run_logger

from prefect_browser_use.flow_run_states import SLICE_SECONDS, FlowRunStates, states_of

T = TypeVar("T")

CREATION_GRACE_SECONDS = 4.0
"""What a task that is being created when its task run is cancelled gets, to be known and so to be stopped."""

PAUSE_SECONDS = 0.01
"""Between two turns of an event loop at each of which a time-out of Prefect's cancels its coroutines again."""

CROWDED_WAITS = 100
"""Waits in a process at which pauses are twice as long: then all tasks together poll no more than 200 times a second.
More polls would take the time that the process needs to start the others."""


def run_log() -> logging.Logger | logging.LoggerAdapter[Any]:
    """The log of the task run or flow run; outside of both, a logger of this package."""
    try:
        return get_run_logger()
    except MissingContextError:
        return get_logger("browser_use")


class FlowRunEndedError(Exception):
    """The flow run was cancelled, was deleted, or ended badly, while a Browser Use task of it was running.

    Attributes:
        flow_run_id: The flow run, which may be one that called the task's; None if it goes on, as in a retry.
    """

    def __init__(self, message: str, flow_run_id: UUID | None = None) -> None:
        super().__init__(message)
        self.flow_run_id = flow_run_id


class FlowRunWatch:
    """What waits sleep with: they wake up when their flow run is being ended.

    Outside of a flow it just sleeps.
    """

    def __init__(self) -> None:
        self._interrupted = False
        self._states: FlowRunStates | None = None
        self._times_out_at: float | None = None
        self._cancellations = _cancellations()
        flow_context = FlowRunContext.get()
        if flow_context and flow_context.flow_run:
            self._states = states_of(flow_context.flow_run.id)
            # The events that a task runner sets, all together, when it is closed; Prefect has no public name for them.
            events = list(getattr(flow_context.task_runner, "_cancel_events", {}).values())
            self._runner_closes = events[0] if events else None
            if flow_context.flow and flow_context.flow.timeout_seconds is not None:
                time_out = flow_context.flow.timeout_seconds + SLICE_SECONDS  # Prefect's own comes first where it comes
                self._times_out_at = flow_context.start_time.timestamp() + time_out

    @property
    def lineage(self) -> tuple[UUID, ...]:
        """The flow run, the one that called it, and so on, as far as is known; nothing outside of a flow."""
        return tuple(self._states.by_flow_run) or (self._states.id,) if self._states else ()

    def ended_flow_run(self, error: BaseException) -> UUID | None:
        """The flow run that an exception ends; None if it is only the task run, or if there is none.

        What ends the process ends all of them. A cancellation may be for anything, so it is taken for the end of the
        flow run, unless the task run's own time-out was due, or the flow is retried.
        """
        if isinstance(error, FlowRunEndedError) or not self.lineage:
            return getattr(error, "flow_run_id", None)
        if isinstance(error, asyncio.CancelledError):
            return None if _is_late(TaskRunContext.get()) or flow_is_retried() else self.lineage[0]
        return None if isinstance(error, Exception) else self.lineage[-1]

    def sleep(self, seconds: float) -> None:
        """Sleep as `time.sleep`; longer where many tasks of the process wait.

        Raises:
            FlowRunEndedError: The flow run does not go on.
        """
        with self._waiting_until(seconds) as end:
            while True:
                if self._states and self._states.are_due():
                    self._states.read()
                self._raise_if_ended()
                if self._states and _cancellations() > self._cancellations:
                    raise FlowRunEndedError("The flow was interrupted.", self.lineage[0])
                if (left := end - time.monotonic()) <= 0:
                    return
                time.sleep(min(left, SLICE_SECONDS))

    async def asleep(self, seconds: float) -> None:
        """Sleep as `asyncio.sleep`. See `sleep`."""
        with self._waiting_until(seconds) as end:
            while True:
                if self._states and self._states.are_due():
                    await asyncio.to_thread(self._states.read)
                self._raise_if_ended()
                if (left := end - time.monotonic()) <= 0:
                    return
                await asyncio.sleep(min(left, SLICE_SECONDS))

    async def until_created(self, run: Coroutine[Any, Any, T], is_created: Callable[[], bool]) -> T:
        """Runs what sleeps with `asleep`. If it is cancelled while it creates its task, it gets to know that first.

        Args:
            run: What to do.
            is_created: Whether its task is known.
        """
        job = asyncio.ensure_future(run)
        job.add_done_callback(_note_end)
        try:
            return await asyncio.shield(job)
        except asyncio.CancelledError:
            self._interrupted = True
            if is_created():
                job.cancel()
            await await_uncancelled([job], CREATION_GRACE_SECONDS)
            job.cancel()
            raise

    @contextmanager
    def _waiting_until(self, seconds: float) -> Iterator[float]:
        _waiting.add(self)
        try:
            yield time.monotonic() + seconds * (1 + len(_waiting) / CROWDED_WAITS)
        finally:
            _waiting.discard(self)

    def _raise_if_ended(self) -> None:
        if self._interrupted:
            raise FlowRunEndedError("The task run was cancelled.")
        if self._states is None:
            return
        if self._times_out_at is not None and time.time() > self._times_out_at:
            ended = None if flow_is_retried() else self.lineage[0]
            raise FlowRunEndedError(f"Flow run {self.lineage[0]} took longer than its time-out.", ended)
        if deleted := self._states.deleted:
            raise FlowRunEndedError(f"Flow run {deleted} was deleted.", deleted)
        for flow_run_id, state in self._states.by_flow_run.items():
            if state.is_cancelling() or (state.is_final() and not state.is_completed()):
                raise FlowRunEndedError(f"Flow run {flow_run_id} is {state.name}.", flow_run_id)
        # Ctrl+C and SIGTERM close the runner first, wait for its tasks, and tell the server last. A flow that
        # returns without waiting for its tasks closes it too, but has told the server by then.
        own = self._states.own
        if self._runner_closes and self._runner_closes.is_set() and own and own.is_running():
            raise FlowRunEndedError("The flow was interrupted.", self.lineage[0])


async def await_uncancelled(jobs: Iterable[asyncio.Future[Any]], seconds: float) -> None:
    """Waits until jobs are done, however often the coroutine is cancelled meanwhile; the caller raises what ended it.

    A time-out of Prefect's cancels what it is around until that has ended: at each turn of the event loop, so that
    what is gathered inside is cancelled before `asyncio.wait` can say that a job is done.

    Args:
        jobs: What is waited for.
        seconds: How long at most.
    """
    end = time.monotonic() + seconds
    with anyio.CancelScope(shield=True):  # keeps those off that are around this coroutine itself
        while (jobs := [job for job in jobs if not job.done()]) and (left := end - time.monotonic()) > 0:
            try:
                await asyncio.wait(jobs, timeout=left)
            except asyncio.CancelledError:
                _pause_event_loop()


def _pause_event_loop() -> None:
    """Leaves the processor to what is waited for; once for all who are cancelled at a turn of the event loop."""
    global _paused_at
    if time.monotonic() - _paused_at > PAUSE_SECONDS:
        time.sleep(PAUSE_SECONDS)
        _paused_at = time.monotonic()


def flow_is_retried() -> bool:
    """Whether a flow run that fails now is retried."""
    context = FlowRunContext.get()
    if context is None or context.flow is None or context.flow_run is None:
        return False
    return context.flow_run.run_count <= (context.flow.retries or 0)


def _cancellations() -> int:
    """How often the coroutine was cancelled that is blocked here: the first Ctrl+C in `asyncio.run` does no more."""
    try:
        blocked = asyncio.current_task()
    except RuntimeError:  # none is
        return 0
    return int(getattr(blocked, "cancelling", int)())  # from Python 3.11 on; before, Ctrl+C raises at once


def _is_late(context: TaskRunContext | None) -> bool:
    """Whether the time-out of a task run was due."""
    if context is None or context.task.timeout_seconds is None:
        return False
    return (datetime.now(timezone.utc) - context.start_time).total_seconds() >= context.task.timeout_seconds


def _note_end(job: asyncio.Future[Any]) -> None:
    """How a job ended whose caller was cancelled interests nobody; asyncio would report it as an oversight."""
    if not job.cancelled():
        job.exception()


_paused_at = 0.0
_waiting: set[FlowRunWatch] = set()
