"""The task of one call, from the moment that it is known until it has ended or was stopped."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from typing import TypeGuard

from prefect.context import TaskRunContext

from browser_use_client import (
    BrowserUseError,
    CostLimitReachedError,
    CreatedTask,
    TaskError,
    TaskFailedError,
    TaskStoppedError,
)
from prefect_browser_use.credentials import BrowserUseCredentials
from prefect_browser_use.flow_runs import FlowRunWatch, flow_is_retried
from prefect_browser_use.started import Started, is_session_of, stop_all_of
from prefect_browser_use.stops import Log

_opened: ContextVar[list[str] | None] = ContextVar("opened", default=None)


def has_ended_badly(error: BaseException) -> TypeGuard[TaskError]:
    """Whether an error says that the task has ended, and is not to be had again."""
    if isinstance(error, CostLimitReachedError):
        return error.stopped
    return isinstance(error, (TaskFailedError, TaskStoppedError))


@contextmanager
def opened_sessions(session_ids: list[str]) -> Iterator[None]:
    """Notes in a list the sessions of tasks that are run inside, as soon as they are known."""
    token = _opened.set(session_ids)
    try:
        yield
    finally:
        _opened.reset(token)


@dataclass
class Lifecycle:
    """The task of one call: it is stopped with its flow run, and after an error from which nobody goes on.

    Attributes:
        watch: Knows the flow run.
        credentials: Who may stop the task.
        log: Where it is said if it could not be stopped.
        opens_session: Whether the task runs in a session of its own, which is new.
        keep_session: Whether the session stays open after the task.
        started: The task; None as long as it is not known.
        has_ended: Whether it runs no more.
        stop: Whether it was stopped, as soon as that is known; None where nothing has to stop it.
        leaves_session: Whether the session was left open where the task was stopped, and nobody else closes it.
    """

    watch: FlowRunWatch
    credentials: BrowserUseCredentials
    log: Log
    opens_session: bool
    keep_session: bool
    started: Started | None = field(default=None, init=False)
    has_ended: bool = field(default=False, init=False)
    stop: Future[bool] | None = field(default=None, init=False)
    leaves_session: bool = field(default=False, init=False)

    def note_start(self, created: CreatedTask) -> None:
        """From now on the task is stopped with its flow run."""
        opened = _opened.get()
        if opened is not None:
            opened.append(created.session_id)
        session = Started(self.watch, self.credentials, self.log, created.session_id)
        if self.opens_session and self.keep_session:
            session.note()
        self.started = replace(session, task=created, keeps_session=self.keep_session)
        self.started.note()

    def note_end(self) -> None:
        """From now on there is nothing to stop."""
        self.has_ended = True
        if self.started:
            self.started.has_ended()

    def stops_after(self, error: BaseException) -> Sequence[Future[bool]]:
        """Stops what has to be stopped because of an error: the task, and all others if it ends their flow run."""
        ended = self.watch.ended_flow_run(error)
        is_cancelled = isinstance(error, asyncio.CancelledError)
        stops = list(stop_all_of(ended)) if ended and not is_cancelled else []
        if self.started is None or _is_reattached_to_after(error):
            return stops
        from_outside = not isinstance(error, BrowserUseError)
        # A session of a block is closed by the block, which may go on after a cancellation.
        in_block = _opened.get() is not None
        nobody_follows_up = (
            from_outside and not in_block and (self.opens_session or is_session_of(ended, self.started.session_id))
        )
        if not self.has_ended:
            with_session = not self.keep_session or nobody_follows_up
            self.leaves_session = not with_session and not in_block
            self.stop = self.started.stop(with_session=with_session)
            stops.append(self.stop)
        elif self.keep_session and nobody_follows_up and ended:
            stops.append(replace(self.started, task=None).stop(with_session=True))
        return stops


def _is_reattached_to_after(error: BaseException) -> bool:
    """Whether a retry of the task or flow goes on with what runs."""
    if not isinstance(error, BrowserUseError) or not error.retryable:
        return False
    context = TaskRunContext.get()
    return flow_is_retried() or (context is not None and context.task_run.run_count <= context.task.retries)
