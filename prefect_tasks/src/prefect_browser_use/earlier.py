"""What earlier tries of a call started on the server, and whether it will do."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from browser_use_client import (
    BrowserSettings,
    BrowserUseClient,
    BrowserUseError,
    CreateTaskRequest,
    NotFoundError,
    OutputSchemaError,
    Task,
    TaskLists,
)
from prefect_browser_use.ancestry import Recent
from prefect_browser_use.credentials import BrowserUseCredentials
from prefect_browser_use.files import digests
from prefect_browser_use.keys import KeyedCall
from prefect_browser_use.places import Place

log = logging.getLogger("prefect_browser_use")


class _Lists:
    """The lists of tasks, read by one of many threads for all of them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._begun_at = float("-inf")
        self._lists = TaskLists()

    def read(self, client: BrowserUseClient, since: datetime | None, not_before: float) -> TaskLists:
        """The lists as they were at a moment of the monotonic clock, or later."""
        with self._lock:
            if self._begun_at < not_before or self._begun_at == float("-inf"):
                begun_at = time.monotonic()
                self._lists, self._begun_at = client.read_task_lists(after=since), begun_at
            return self._lists


_lists: Recent[_Lists] = Recent(_Lists)
_unfit: set[str] = set()
"""Tasks whose output was seen not to fit."""


class Earlier:
    """The way of one call to its task: the key, and what is there under it.

    Args:
        block: The account.
        place: Where the call stands; None where nobody counted.
        request: What is asked.
        session_id: The session to continue.
        keep_session: Whether it stays open.
        files: Files for the task; their contents are read.
        key: The user's own key; None for the one of the call.
        output_schema: What the output has to fit; None for text.
        fail_on_unsuccessful: Whether a task whose agent reports no success is a failure.
        sleep: How to pause.

    Attributes:
        key: The key.
        since: When the key was first used, at the earliest; None for a key of the user's own.
        is_new: Whether nobody can have used the key before.
        request: What is to be sent.
        session_id: The session to send it to.
    """

    def __init__(
        self,
        block: BrowserUseCredentials,
        place: Place | None,
        request: CreateTaskRequest,
        *,
        session_id: str | None,
        keep_session: bool,
        files: Sequence[Path] = (),
        key: str | None = None,
        output_schema: Any = None,
        fail_on_unsuccessful: bool = True,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        asked = [request, session_id, keep_session, digests(files)]
        keyed_call = KeyedCall.of(place or Place.of("", asked))
        self.key = key or keyed_call.key(block, asked)
        self._twins = keyed_call.twin_keys(block, asked)
        self.since = None if key else keyed_call.since
        self.is_new = not (key or keyed_call.ran_before or keyed_call.is_retry)
        self.request = request
        self.session_id = session_id
        self._block = block
        self._sleep = sleep
        self._keyed_call = keyed_call
        self._starts_chain = keep_session and session_id is None and key is None
        self._schema = output_schema
        self._fail_on_unsuccessful = fail_on_unsuccessful
        self._lists = _lists["" if key else keyed_call.attempt, block.sign(b"lists")]
        # What an earlier attempt started was there when this attempt began. What this attempt did is newer.
        self._not_before = time.monotonic() if key or keyed_call.is_retry else float("-inf")
        self._refused: set[str] = set()

    def look_up(self) -> None:
        """Looks for earlier tasks of the call, and closes the sessions of those that will not do. Blocks."""
        if self.is_new or not self._starts_chain:
            return
        with self._block.get_client(sleep=self._sleep) as client:
            lists = self._read(client)
            found = client.find_in(lists, self.key, request=self.request)
            for task in found:
                if task.has_ended and self.accept(task) and not self._leads_on(client, task, lists):
                    self._refused.add(task.id)
            if any(not task.has_ended or self.accept(task) for task in found):
                return
            for task in reversed(found):
                if not _is_open(client, task.session_id):
                    continue
                if self.session_id is None and task.id not in self._refused and self._succeeded(task):
                    # Its output does not fit: it is asked again where it is.
                    self.session_id = task.session_id
                    self.request = self.request.model_copy(update={"browser_settings": BrowserSettings()})
                elif task.session_id != self.session_id:
                    _close(client, task.session_id)

    def lists(self) -> TaskLists:
        """How the lists of tasks stand, for the first time as the calls beside this one read them. Blocks."""
        with self._block.get_client(sleep=self._sleep) as client:
            lists = self._read(client)
        self._not_before = time.monotonic()
        return lists

    def accept(self, task: Task) -> bool:
        """Whether a finished task makes a new one unnecessary."""
        return task.id not in self._refused and self._succeeded(task) and self._fits(task)

    def _read(self, client: BrowserUseClient) -> TaskLists:
        return self._lists.read(client, self.since, self._not_before)

    def _succeeded(self, task: Task) -> bool:
        return task.has_succeeded or (task.status == "finished" and not self._fail_on_unsuccessful)

    def _fits(self, task: Task) -> bool:
        if self._schema is None:
            return True
        try:
            with noting_misfit(task):
                task.parse(self._schema)
        except OutputSchemaError:
            return False
        return True

    def _leads_on(self, client: BrowserUseClient, task: Task, lists: TaskLists) -> bool:
        """Whether the first task of a session still serves the calls after it.

        It does while the session is open, and when its follow-ups are there and are good: they will be found as well.
        Otherwise their successors would be sent to a closed session in each attempt again, so all begins anew.

        Calls that ask the same and come in no certain order may have changed places. It does not matter while
        nothing followed them. After that one's follow-ups would run where another's did.
        """
        of_session = [other for other in lists.tasks if other.session_id == task.session_id]
        follow_ups = [other for other in of_session if _age(other) > _age(task) and not other.has_key(self.key)]
        twins = (client.find_in(lists, key, request=self.request) for key in self._twins)
        is_certain = self._keyed_call.is_certain and not any(twins)
        if follow_ups and not is_certain:
            log.warning(
                "Task %s of an earlier attempt is not used again: several calls that ask the same came in no certain"
                " order, so its session %s may be another call's. That session is closed, and a new task started. Give"
                " each call a `key=` of its own.",
                task.id,
                task.session_id,
            )
            return False
        if follow_ups and all(other.has_succeeded and other.id not in _unfit for other in follow_ups):
            return True
        return _is_open(client, task.session_id)


@contextmanager
def noting_misfit(task: Task) -> Iterator[None]:
    """Remembers a task whose output turns out not to fit: what it leaves behind in its session leads nowhere."""
    try:
        yield
    except OutputSchemaError:
        _unfit.add(task.id)
        raise


def _close(client: BrowserUseClient, session_id: str) -> None:
    try:
        client.stop_session(session_id)
    except BrowserUseError as error:
        log.warning("Session %s of an earlier try may be open still and cost; stop it if so. %s", session_id, error)


def _is_open(client: BrowserUseClient, session_id: str) -> bool:
    try:
        return client.get_session(session_id).status == "active"
    except NotFoundError:
        return False


def _age(task: Task) -> datetime:
    return task.created_at or task.started_at or datetime.max.replace(tzinfo=timezone.utc)
