"""How a try comes to its remote task: it reattaches to that of an earlier try, or creates one."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime, timezone
from math import inf
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from airflow_browser_use import failures, files, metrics
from airflow_browser_use.abandoned import stop_abandoned
from airflow_browser_use.cleaning import read_session
from airflow_browser_use.cleanup import Others, Outcome
from airflow_browser_use.identity import MAKER_NAME
from airflow_browser_use.reattach import earlier_tasks
from airflow_browser_use.results import schema_from
from browser_use_client import BrowserUseError, CreatedTask, SessionBusyError, SessionStoppedError
from browser_use_client.limits import MAX_METADATA

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    from airflow_browser_use.follow_ups import SessionUse
    from airflow_browser_use.identity import RemoteIdentity
    from airflow_browser_use.options import TaskOptions
    from airflow_browser_use.record import Memory, Record
    from airflow_browser_use.session_policy import SessionPolicy
    from browser_use_client import BrowserUseClient, CreateTaskRequest, Task


@dataclass(frozen=True)
class Creation:
    """What a try needs to come to its remote task.

    Attributes:
        client: Of the server.
        identity: Of the try.
        options: What the user wants.
        use: What the DAG says about the session.
        policy: Who may go on in it.
        begins: The task begins the session, which is closed once its work is done.
        record: What earlier tries remember.
        ti: The task instance.
        log: Of the task instance.
        sleep: Pauses for so many seconds, unless the worker receives SIGTERM.
    """

    client: BrowserUseClient
    identity: RemoteIdentity
    options: TaskOptions
    use: SessionUse
    policy: SessionPolicy
    begins: bool
    record: Record
    ti: Any
    log: Any
    sleep: Callable[[float], object]

    def reattach(self, session_id: str | None, memory: Memory | None) -> Task | None:
        """Go on with the remote task of an earlier try, if there is one that will do; what else runs is stopped.

        A clear begins anew: the remote task from before it is stopped, and the session that it began is closed.

        Args:
            session_id: The session to continue; None for a new one.
            memory: What an earlier try wrote down.
        """
        earlier = earlier_tasks(
            self.client, self.identity, memory, session_id, remembers=self.record.remembers, sleep=self.sleep
        )
        usable = next((task for task in earlier if self._fits(task, session_id)), None)
        others = [task for task in earlier if task is not usable]
        closable = set()
        if self.begins and others and self.policy.others(self.ti, Outcome.TRIED_AGAIN) is not Others.AT_WORK:
            closable = {task.session_id for task in others} - {usable.session_id if usable else None}
        for task in others:
            if not task.has_ended:
                stopped = self.client.stop_task(task.id, stop_session=task.session_id in closable)
                metrics.count_stop(self.ti, stopped, "replaced")
                closable.discard(task.session_id)
                self.log.info("Remote task %s, of an earlier try, was stopped.", task.id)
        if closable and any(not self.identity.made_in_this_generation(task) for task in others):
            close_if_open(self.client, closable, self.log)
        return usable

    def create(self, request: CreateTaskRequest, session_id: str | None, deadline: float | None) -> CreatedTask:
        """Create a remote task.

        Args:
            request: What to ask.
            session_id: The session to continue; None for a new one.
            deadline: Seconds since the epoch after which there is no time left to wait for room, or None.
        """
        if session_id and not self.options.key:  # what was done under a key needs no session any more
            self._refuse_if_closed(session_id)
        self.record.begin()
        room_for = max(min(self.options.wait_when_busy, (deadline or inf) - time.time()), 0.0)
        if self.options.key:
            request = self._signed(request)
        if session_id and self.use.continues:
            try:
                return self._post(request, session_id, wait_when_busy=0.0)
            except SessionBusyError:
                stop_abandoned(self.client, session_id, self.use, self.ti, self.log)
        return self._post(request, session_id, wait_when_busy=room_for)

    def _refuse_if_closed(self, session_id: str) -> None:
        """A follow-up never begins anew: on `v4` it would, in a new browser that is signed in nowhere.

        Raises:
            SessionStoppedError: The session is closed.
        """
        session = read_session(self.client, session_id, self.log)
        if session and session.status == "stopped":
            raise SessionStoppedError(
                f"Session {session_id} is closed, so no task was created in it.", session_id=session_id
            )

    def _post(self, request: CreateTaskRequest, session_id: str | None, *, wait_when_busy: float) -> CreatedTask:
        left = not (self.options.stop_on_timeout and self.options.stop_on_kill)
        with TemporaryDirectory(prefix="browser-use-") as scratch:
            return self.client.create_task(
                request,
                key=self.options.key or self.identity.key(ends_with_run=self.ends_with_run, left=left),
                key_after=None if self.options.key else datetime.now(timezone.utc),
                key_is_new=not self.options.key,
                accept=lambda task: is_acceptable(task, self.options),
                session_id=session_id,
                keep_session=self.policy.keeps_for_others,
                wait_when_busy=wait_when_busy,
                files=self._files_of_a_new_task(Path(scratch)),
            )

    @property
    def ends_with_run(self) -> bool:
        """Whether a task of this DAG has begun the session, and nobody wants it to outlive the run."""
        begun_by_dag = self.policy.begun_here or self.use.owner is not None
        return begun_by_dag and self.options.keep_session is not True

    def _signed(self, request: CreateTaskRequest) -> CreateTaskRequest:
        """The request with the task instance in its metadata, if there is room: the user's key says nothing of it."""
        if self.client.lacks("metadata") or len(request.metadata) > MAX_METADATA - 2:
            return request
        metadata = {**request.metadata, MAKER_NAME: self.identity.instance}
        return request.model_copy(update={"metadata": metadata})

    def _fits(self, task: Task, session_id: str | None) -> bool:
        in_session = session_id in (None, task.session_id)
        goes_on = not task.has_ended or is_acceptable(task, self.options)
        return self.identity.made_in_this_generation(task) and in_session and goes_on

    def _files_of_a_new_task(self, scratch: Path) -> Iterator[Path]:
        """What goes in, once it is sure that what comes out has a place to go.

        The client asks for it only if it creates a task: one of an earlier try has its files, and they may be gone.
        """
        self.options.delivery.check()
        yield from files.fetch(files.as_list(self.options.files), scratch, self.client)


def is_acceptable(task: Task, options: TaskOptions) -> bool:
    """Whether the result of a remote task will do."""
    schema = schema_from(options.output_schema)
    try:
        failures.checked(task, fail_on_unsuccessful=options.fail_on_unsuccessful)
        if schema is not None:
            task.parse_json(schema)
    except BrowserUseError:
        return False
    return True


def close_if_open(client: BrowserUseClient, session_ids: Collection[str], log: Any) -> None:
    """Close sessions from before a clear, which nobody goes on in. What fails here is left to `settlement`."""
    try:
        for session in client.list_sessions(status="active"):
            if session.id in session_ids:
                client.stop_session(session.id)
                log.info("Session %s, from before the clear, was closed.", session.id)
    except BrowserUseError as error:
        log.warning("Sessions from before the clear may be open still, and cost. %s", error)
