"""What flow runs started in this process, so that all of it can be stopped with them."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from uuid import UUID

from browser_use_client import BrowserUseClient, CreatedTask
from prefect_browser_use.credentials import BrowserUseCredentials
from prefect_browser_use.flow_runs import FlowRunWatch, run_log
from prefect_browser_use.stops import Log, stop_soon

_running: dict[str, Started] = {}
_kept: dict[str, Started] = {}
_lock = threading.RLock()


@dataclass(eq=False)
class Started:
    """A task that runs, or a session that is kept open between tasks.

    Attributes:
        watch: Knows the flow run that it belongs to.
        credentials: Who may stop it.
        log: Where it is said if it could not be stopped.
        session_id: The session.
        task: The task that runs there; None for a session.
        keeps_session: Whether the session stays open after the task.
    """

    watch: FlowRunWatch
    credentials: BrowserUseCredentials
    log: Log
    session_id: str
    task: CreatedTask | None = None
    keeps_session: bool = False
    _stopping: Future[bool] | None = field(default=None, init=False)

    def __str__(self) -> str:
        return f"task {self.task.id} in session {self.session_id}" if self.task else f"session {self.session_id}"

    def note(self) -> None:
        """From now on it is stopped with its flow run."""
        with _lock:
            if self.task:
                _running[self.task.id] = self
            else:
                _kept.setdefault(self.session_id, self)

    def has_ended(self) -> None:
        """The task needs no stop any more; nor does its session, unless it is kept."""
        with _lock:
            self._forget()
        if not self.keeps_session:
            session_closed(self.session_id)

    def stop(self, *, with_session: bool) -> Future[bool]:
        """Stops it, once for all who ask.

        Args:
            with_session: Whether the session of a task is closed as well.

        Returns:
            Whether it was stopped.
        """

        def send(client: BrowserUseClient) -> None:
            task = client.stop_task(self.task, stop_session=with_session) if self.task else None
            if with_session and not (task and task.status == "stopped"):
                client.stop_session(self.session_id)

        with _lock:
            self._forget()
            if with_session:
                session_closed(self.session_id)
            if self._stopping is None:
                root = self.watch.lineage[-1] if self.watch.lineage else None
                self._stopping = stop_soon(
                    str(self), send, credentials=self.credentials, flow_run_id=root, log=self.log
                )
            return self._stopping

    def _forget(self) -> None:
        if self.task:
            _running.pop(self.task.id, None)


def close_session(session_id: str, credentials: BrowserUseCredentials) -> Future[bool]:
    """Closes a session for whoever is at its end; one that cannot be closed is logged, and no reason to fail."""
    return Started(FlowRunWatch(), credentials, run_log(), session_id).stop(with_session=True)


def session_closed(session_id: str) -> None:
    """A session needs no stop any more."""
    with _lock:
        _kept.pop(session_id, None)


def is_session_of(flow_run_id: UUID | None, session_id: str) -> bool:
    """Whether a flow run, or one that is part of it, opened the session in this process."""
    with _lock:
        opened = _kept.get(session_id)
        return opened is not None and flow_run_id in opened.watch.lineage


def stop_noted(task_id: str) -> Sequence[Future[bool]]:
    """Stops a task that nobody will be told of, and the session that was opened for it."""
    with _lock:
        task = _running.get(task_id)
        return [task.stop(with_session=not task.keeps_session or task.session_id in _kept)] if task else []


def stop_all_of(flow_run_id: UUID) -> Sequence[Future[bool]]:
    """Stops all that a flow run, and those that are part of it, started in this process and that is not at its end."""
    with _lock:
        tasks = [task for task in _running.values() if flow_run_id in task.watch.lineage]
        sessions = {id_: session for id_, session in _kept.items() if flow_run_id in session.watch.lineage}
        stops = [task.stop(with_session=not task.keeps_session or task.session_id in sessions) for task in tasks]
        in_use = {task.session_id for task in tasks}
        return [*stops, *(session.stop(with_session=True) for id_, session in sessions.items() if id_ not in in_use)]
