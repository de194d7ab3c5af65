"""One try of a task instance and its remote task: how it comes into being, and what is left of it when the try ends."""

from __future__ import annotations

import time
from functools import cached_property
from math import inf
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import AirflowFailException, TaskInstanceState

from airflow_browser_use import failures, files, lineage, task_states
from airflow_browser_use.delivery import deliver
from airflow_browser_use.identity import RemoteIdentity
from airflow_browser_use.links import push_links
from airflow_browser_use.results import log_step, return_value, schema_from
from browser_use_client import (
    BrowserUseError,
    InvalidRequestError,
    NotFoundError,
    SessionStoppedError,
    TaskTimeoutError,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from types import TracebackType

    from airflow.providers.common.compat.sdk import Context

    from airflow_browser_use.follow_ups import Ending
    from airflow_browser_use.operators.task import BrowserUseTaskOperator
    from browser_use_client import BrowserUseClient, CreatedTask, CreateTaskRequest, Session, Task

FAREWELL = 4.0
"""Seconds for the call that stops the remote task: 5 after SIGTERM, the worker is killed."""

SLICE = 0.5
"""Seconds that a wait sleeps before it looks again whether the worker was told to end."""


class RemoteTask:
    """The remote task of the try that is running. As a context manager, it turns errors into what Airflow knows.

    Args:
        operator: Whose it is.
        context: Of the try.
        ended_id: The id of the remote task, if it has ended already.

    Attributes:
        task_id: Its id, once it is known.
        result: The XCom value, once it has done its work; what is too large for that may not be delivered yet.
    """

    def __init__(self, operator: BrowserUseTaskOperator, context: Context, ended_id: str | None = None) -> None:
        self.operator = operator
        self.context = context
        self.ti: Any = context["ti"]
        self.log = operator.log
        self.identity = RemoteIdentity.of(context)
        self.session_use = operator.session_use
        self.closes_session_when = self.session_use.closes_session_when(operator.keep_session)
        self.created: CreatedTask | None = None
        self.live_url: str | None = None
        self.task_id = ended_id
        self.result: dict[str, Any] | None = None
        self._has_ended = ended_id is not None
        self._told_to_end = self._stopped = False

    @cached_property
    def client(self) -> BrowserUseClient:
        """Made when it is first used, so that a connection without a key is an error like any other."""
        return self.operator.hook.new_client(sleep=self._sleep)

    def create(self, request: CreateTaskRequest, deadline: float | None) -> CreatedTask:
        """Create the remote task, or adopt that of an earlier try; say in XCom and in the log which one it is.

        A clear has stopped the generation before it, or does so now.

        Args:
            request: What to ask.
            deadline: Seconds since the epoch after which there is no time left to wait for room, or None.
        """
        for key in self.identity.earlier_keys:
            self._stop_earlier(key)
        session_id = self._session_to_continue()
        with TemporaryDirectory(prefix="browser-use-") as scratch:
            self.created = created = self.client.create_task(
                request,
                key=self.identity.key,
                key_after=self.identity.since,
                session_id=session_id,
                keep_session="succeeded" not in self.closes_session_when,
                wait_when_busy=max(min(self.operator.wait_when_busy, (deadline or inf) - time.time()), 0.0),
                accept=self._is_acceptable,
                files=self._files_of_a_new_task(Path(scratch)),
            )
        self.task_id = created.id
        if self._told_to_end:
            self.stop()
            self._sleep(0)
        self.ti.xcom_push(key="task_id", value=created.id)
        self.ti.xcom_push(key="session_id", value=created.session_id)
        self._show_live_view(created)
        return created

    def wait(self, task_id: str, deadline: float | None) -> Task:
        """Wait on the worker until the remote task has ended; its steps go into the log."""
        return self.client.wait_for_task(
            task_id,
            deadline=deadline,
            poll_interval=self.operator.poll_interval,
            on_step=lambda step: log_step(self.log, step),
            stop_on_timeout=self.operator.stop_on_timeout,
        )

    def finish(self, task: Task) -> dict[str, Any]:
        """The XCom value of a remote task that has ended; its session is closed if nobody goes on in it."""
        self._has_ended = True
        failures.checked(task, fail_on_unsuccessful=self.operator.fail_on_unsuccessful)
        self.result = return_value(task, self._session(task.session_id), schema_from(self.operator.output_schema))
        self.result = deliver(self.client, task, self.result, self.operator)
        self._close_session(task.session_id, "succeeded")
        if session := self._session(task.session_id):
            push_links(self.ti, session)  # a recording is there once its session is closed
        lineage.describe_asset_events(self.context, self.result)
        return self.result

    def find(self) -> Task | None:
        """The remote task of this generation."""
        return self.client.find_task(self.identity.key, after=self.identity.since)

    def stop(self) -> None:
        """Stop the remote task, from a signal handler: with a client of its own, since this one may be in use."""
        self._told_to_end = True
        if self._stopped or self._has_ended:
            return
        with self.operator.hook.new_client(timeout=FAREWELL) as client:
            task = self.created or client.find_task(self.identity.key, after=self.identity.since)
            if task:
                client.stop_task(task.id, stop_session="tried again" in self.closes_session_when)
                self._stopped = True
                self.log.info("Remote task %s was stopped: the worker was told to end.", task.id)

    def __enter__(self) -> RemoteTask:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            if self._told_to_end:
                self._close_session_after_kill(failed=error is not None)
            elif isinstance(error, BrowserUseError):
                self._fail(error)
        finally:
            if "client" in vars(self):
                self.client.close()

    def _fail(self, error: BrowserUseError) -> None:
        """Clean up, and let Airflow retry where that can help.

        Raises:
            AirflowFailException: It cannot.
        """
        can_be_helped = failures.can_be_helped(error)
        retries = can_be_helped and self._has_tries_left
        self._leave_nothing_behind(error, retries)
        parts = [str(error), self._whose_session(error), self.live_url and f"Live view: {self.live_url}"]
        parts.append(failures.what_next(error, retries=retries))
        message = " ".join(part for part in parts if part)
        if not can_be_helped:
            raise AirflowFailException(message) from error
        self.log.error(message)

    def _leave_nothing_behind(self, error: BrowserUseError, retries: bool) -> None:
        ended = failures.has_ended(error)
        left_on_purpose = isinstance(error, TaskTimeoutError) and not ended
        taken_up = retries and (not ended or isinstance(error, failures.ResultNotKeptError))
        if left_on_purpose or taken_up or failures.session_is_used_by_another(error):
            return
        task_id = error.task_id or self.task_id
        session_id = error.session_id or self._session_id
        if task_id and not ended:
            self._try("stop", task_id, self.client.stop_task)
        if session_id:
            self._close_session(session_id, "tried again" if retries else "failed")

    def _close_session_after_kill(self, *, failed: bool) -> None:
        """A signal handler cannot ask why the worker was told to end; here it can be asked."""
        if self._stopped and "tried again" in self.closes_session_when:
            return  # closed with the task
        session_id = self._session_id
        state = task_states.state_of(self.ti)
        if self.result and state == TaskInstanceState.RUNNING and (self._has_tries_left or not failed):
            return  # nobody ended the task instance: the result counts, now or for the next try
        ending = task_states.ending(state)
        if session_id:
            self._close_session(session_id, ending if self._has_tries_left or ending != "tried again" else "failed")

    @property
    def _session_id(self) -> Any:
        if self.created:
            return self.created.session_id
        return self.result["session_id"] if self.result else self.operator.session_id

    @property
    def _has_tries_left(self) -> bool:
        return bool(0 < self.ti.max_tries >= self.ti.try_number)

    def _close_session(self, session_id: str, ending: Ending) -> None:
        if ending in self.closes_session_when and not self._others_go_on():
            self._try("close", session_id, self.client.stop_session)

    def _try(self, verb: str, what: str, call: Callable[[str], object]) -> None:
        """Clean up without losing the result, or the error, that there is."""
        try:
            call(what)
        except BrowserUseError as error:
            self.log.warning("Could not %s %s; it may still cost. %s", verb, what, error)

    def _others_go_on(self) -> bool:
        """Whether tasks beside this one may still need the session: it runs one task at a time, in any order."""
        beside = self.session_use.beside
        if not beside:
            return False
        map_index = self.ti.map_index if self.session_use.per_map_index else None
        states = task_states.states_of(self.ti, beside, map_index=map_index)
        states.pop(task_states.name_of(self.ti), None)
        return any(state not in task_states.ENDED for state in states.values())

    def _stop_earlier(self, key: str) -> None:
        task = self.client.find_task(key, after=self.identity.since)
        if task and not task.has_ended:
            self.client.stop_task(task.id, stop_session="tried again" in self.closes_session_when)
            self.log.info("Remote task %s, from before the clear, was stopped.", task.id)

    def _files_of_a_new_task(self, scratch: Path) -> Iterator[Path]:
        """What goes in, once it is sure that what comes out has a place to go.

        The client asks for it only if it creates a task: one of an earlier try has its files, and they may be gone.
        """
        files.check_folder(self.operator.download_output_to)
        files.check_folder(self.operator.large_output_to)
        yield from files.fetch(files.as_list(self.operator.files), scratch)

    def _session_to_continue(self) -> Any:
        if self.session_use.starts:
            return None
        session_id = self.operator.session_id
        if session_id in (None, "", "None"):
            raise InvalidRequestError(f"`session_id` is empty. {self._from_whom()}")
        return session_id

    def _is_acceptable(self, task: Task) -> bool:
        """Whether the result of an earlier try will do."""
        schema = schema_from(self.operator.output_schema)
        try:
            failures.checked(task, fail_on_unsuccessful=self.operator.fail_on_unsuccessful)
            if schema is not None:
                task.parse_json(schema)
        except BrowserUseError:
            return False
        return True

    def _show_live_view(self, created: CreatedTask) -> None:
        session = self._session(created.session_id)
        self.live_url = session.live_url if session else None
        self.log.info(
            "Remote task %s in session %s %s. Live view: %s",
            created.id,
            created.session_id,
            "was there from an earlier try and is taken up" if created.adopted else "was created",
            self.live_url or "none",
        )
        if session:
            push_links(self.ti, session)

    def _session(self, session_id: str) -> Session | None:
        """Only for what is nice to have: what it is read for must not fail a task that was paid for."""
        try:
            return self.client.get_session(session_id)
        except BrowserUseError as error:
            self.log.warning("Session %s could not be read. %s", session_id, error)
            return None

    def _whose_session(self, error: BrowserUseError) -> str:
        gone = isinstance(error, (SessionStoppedError, NotFoundError)) and not self.session_use.starts
        return self._from_whom() if gone else ""

    def _from_whom(self) -> str:
        use = self.session_use
        if not use.continues:
            return ""
        return (
            f"The session is that of task {_either(use.continues)}, which has to keep it open."
            f" To begin a new one, clear task {_either(use.begun_by)} and all that follows it."
        )

    def _sleep(self, seconds: float) -> None:
        """Sleep for the client's waits, and end them when the worker was told to end."""
        until = time.monotonic() + seconds
        while not self._told_to_end and (left := until - time.monotonic()) > 0:
            time.sleep(min(left, SLICE))
        if self._told_to_end:
            raise failures.TaskStoppedByAirflowError(
                "The worker was told to end; the remote task was stopped.",
                task_id=self.created.id if self.created else None,
                session_id=self.created.session_id if self.created else None,
            )


def _either(task_ids: Sequence[str]) -> str:
    return " or ".join(map(repr, task_ids))
