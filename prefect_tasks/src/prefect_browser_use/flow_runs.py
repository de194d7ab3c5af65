"""Waiting in a task without missing that its flow run is being ended.

Prefect tells a task that was submitted or mapped nothing when its flow run is cancelled, and kills the process
30 s later; a script that is cancelled in the UI is told nothing at all. The flow run's state says it in every case,
so whoever waits reads it, once a second for all tasks of a flow run in a process together.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar
from uuid import UUID
from weakref import WeakValueDictionary

import anyio
import httpx
from prefect.client.schemas.objects import State
from prefect.context import FlowRunContext, SyncClientContext, TaskRunContext
from prefect.exceptions import PrefectException

log = logging.getLogger("prefect_browser_use")

T = TypeVar("T")

FAREWELL = 4.0
"""Seconds that something cancelled gets to stop what it started."""

SLICE = 1.0
"""Seconds between two looks at the state, and the longest sleep: a time-out that Prefect sets on a task in a thread
lands only between two calls."""


CROWD = 100
"""Waits in a process at which pauses are twice as long: then all tasks together poll no more than 200 times a second.
More polls would take the time that the process needs to start the others."""


class FlowRunEndedError(Exception):
    """The flow run was cancelled, or ended badly, while a Browser Use task of it was running."""


class FlowRunWatch:
    """What waits sleep with: they wake up when their flow run is being ended.

    Outside of a flow it just sleeps.
    """

    def __init__(self) -> None:
        self._interrupted = False
        self._states: _States | None = None
        task_context, flow_context = TaskRunContext.get(), FlowRunContext.get()
        if flow_context and flow_context.flow_run:
            self._states = _states_of(flow_context.flow_run.id)
            # The events that a task runner sets when it is closed; Prefect has no public name for them.
            events = getattr(flow_context.task_runner, "_cancel_events", {})
            self._runner_closes = events.get(task_context.task_run.id) if task_context else None

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
                if (left := end - time.monotonic()) <= 0:
                    return
                time.sleep(min(left, SLICE))

    async def asleep(self, seconds: float) -> None:
        """Sleep as `asyncio.sleep`. See `sleep`."""
        with self._waiting_until(seconds) as end:
            while True:
                if self._states and self._states.are_due():
                    await asyncio.to_thread(self._states.read)
                self._raise_if_ended()
                if (left := end - time.monotonic()) <= 0:
                    return
                await asyncio.sleep(min(left, SLICE))

    async def let_stop(self, run: Coroutine[Any, Any, T], stop: Callable[[], None]) -> T:
        """Runs what sleeps with `asleep`; if it is cancelled, its task is stopped first.

        Args:
            run: What to do.
            stop: Stops its task, blocking. `await` is not to be had in a coroutine that is cancelled: time-outs of
                Prefect's cancel each one, and `asyncio.run` cancels clean-up that still goes on at its end.
        """
        job = asyncio.ensure_future(run)  # of its own, since it may be creating its task just now
        job.add_done_callback(_note_end)
        try:
            return await asyncio.shield(job)
        except asyncio.CancelledError:
            self._interrupted = True
            stop()
            with anyio.CancelScope(shield=True):
                await asyncio.wait([job], timeout=FAREWELL)
            raise

    @contextmanager
    def _waiting_until(self, seconds: float) -> Iterator[float]:
        _waiting.add(self)
        try:
            yield time.monotonic() + seconds * (1 + len(_waiting) / CROWD)
        finally:
            _waiting.discard(self)

    def _raise_if_ended(self) -> None:
        if self._interrupted:
            raise FlowRunEndedError("The task run was cancelled.")
        if self._states is None:
            return
        for flow_run_id, state in self._states.by_flow_run.items():
            if state.is_cancelling() or (state.is_final() and not state.is_completed()):
                raise FlowRunEndedError(f"Flow run {flow_run_id} is {state.name}.")
        # Ctrl+C and SIGTERM close the runner first, wait for its tasks, and tell the server last. A flow that
        # returns without waiting for its tasks closes it too, but has told the server by then.
        own = self._states.own
        if self._runner_closes and self._runner_closes.is_set() and own and own.is_running():
            raise FlowRunEndedError("The flow was interrupted.")


def _note_end(job: asyncio.Future[Any]) -> None:
    """How a job ended whose caller was cancelled interests nobody; asyncio would report it as an oversight."""
    if not job.cancelled():
        job.exception()


class _States:
    """The states of a flow run and of those that it is part of, shared by the tasks of a process."""

    def __init__(self, flow_run_id: UUID) -> None:
        self._id = flow_run_id
        self._due_at = 0.0
        self._lock = threading.Lock()
        self.by_flow_run: dict[UUID, State] = {}

    @property
    def own(self) -> State | None:
        """The flow run's own; None if it could not be read yet."""
        return self.by_flow_run.get(self._id)

    def are_due(self) -> bool:
        """True for one caller per `SLICE`, who then reads them for all."""
        with self._lock:
            now = time.monotonic()
            if now < self._due_at:
                return False
            self._due_at = now + SLICE
            return True

    def read(self) -> None:
        """Reads the states; one that cannot be read is no reason to stop what is paid for."""
        try:
            with SyncClientContext.get_or_create() as context:
                flow_run_id: UUID | None = self._id
                while flow_run_id:
                    flow_run = context.client.read_flow_run(flow_run_id)
                    if flow_run.state:
                        self.by_flow_run |= {flow_run_id: flow_run.state}
                    parent = flow_run.parent_task_run_id
                    flow_run_id = context.client.read_task_run(parent).flow_run_id if parent else None
        except (httpx.HTTPError, PrefectException) as error:
            log.warning("The state of the flow run could not be read, so its end could be missed: %s", error)


_waiting: set[FlowRunWatch] = set()
_shared: WeakValueDictionary[UUID, _States] = WeakValueDictionary()
_shared_lock = threading.Lock()


def _states_of(flow_run_id: UUID) -> _States:
    with _shared_lock:
        return _shared.setdefault(flow_run_id, _States(flow_run_id))
