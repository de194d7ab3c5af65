"""Creating a task exactly once.

The API has no idempotency key, so each contract puts one where it comes back. A POST whose outcome is unknown is never
just sent again: the key is looked for first, and what is found is reattached to.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count
from pathlib import Path

from browser_use_client.contracts import Contract
from browser_use_client.effects import Call, Clock, Flow, call
from browser_use_client.errors import (
    BrowserUseError,
    CreationUnknownError,
    NetworkError,
    SessionBusyError,
    SessionMismatchError,
)
from browser_use_client.flows.files import LocalFile, local_files, upload
from browser_use_client.flows.keyed import KeyedTasks
from browser_use_client.flows.lookup import ReadLists
from browser_use_client.flows.profiles import wait_until_free, with_profile
from browser_use_client.flows.sessions import close_at_once, close_session, log, quietly, stop_at_once, stop_task
from browser_use_client.flows.start import SessionStart
from browser_use_client.models import CreatedTask, CreateTaskRequest, Task, UploadSlot
from browser_use_client.retrying import outcome_unknown, pause_or_raise, retried
from browser_use_client.server_clock import ServerClock


@dataclass
class Creation:
    """One caller's way to the one task of a key.

    Attributes:
        contract: What the server speaks.
        request: What to ask.
        key: The key.
        returning: Whether an earlier call may have used the key, so that it is looked for before anything is sent.
        after: When the first try with this key may have been.
        keep_session: Whether the session stays open after the task.
        wait_when_busy: Seconds to wait until a busy session, a browser profile or a full account has room.
        accept: Whether a finished task under the key will do, so that nothing new is created.
        files: Gone through, and uploaded first, only if a new task is created.
        clock: The time now.
        server_clock: What time it is on the server.
        lists: How the lists of tasks stand; None to read them.
    """

    contract: Contract
    request: CreateTaskRequest
    key: str
    returning: bool
    after: datetime
    keep_session: bool
    wait_when_busy: float
    accept: Callable[[Task], bool]
    files: Iterable[str | Path]
    clock: Clock
    server_clock: ServerClock
    lists: ReadLists | None = None
    _asked_session: str | None = field(init=False)
    _creating: Call[CreatedTask] = field(init=False)
    _tasks: KeyedTasks = field(init=False)
    _placed: bool = field(default=False, init=False)  # then the place exists, whatever a replica of the server says
    _posted: bool = field(default=False, init=False)
    _ambiguous: bool = field(default=False, init=False)
    _unanswered: bool = field(default=False, init=False)

    def __post_init__(self) -> None:
        self._asked_session = self.request.browser_settings.session_id
        asked = self.contract.with_key(self.request, self.key)
        self._tasks = KeyedTasks(
            self.contract,
            self.key,
            self.after,
            self._asked_session,
            self.accept,
            self.clock,
            self.server_clock,
            self.lists,
            asked.task,
        )
        self._ask(asked)

    def _ask(self, request: CreateTaskRequest) -> None:
        """Says what to ask. What the contract cannot carry is refused here, before anything is sent."""
        self.request = request
        self._creating = self.contract.create_task(request, keep_session=self.keep_session)

    def create(self) -> Flow[CreatedTask]:
        """Creates the task, or reattaches to the one that exists; says what it may cost, where that is to be watched.

        Raises:
            CreationUnknownError: It cannot be told whether the task was created.
            SessionMismatchError: The follow-up landed in another session; that task was stopped.
            BrowserUseError: The server refused, or could not be reached: no task was created.
        """
        created = yield from self._create()
        return created.model_copy(update={"max_cost_usd": self.contract.cost_limit(self.request)})

    def _create(self) -> Flow[CreatedTask]:
        if self.returning:
            earlier = yield from self._tasks.reattach()
            if earlier is not None:
                return earlier
        files = local_files(self.contract, self.files)
        yield from self._find_profile()
        session_id = yield from self._make_place(with_files=bool(files))
        created = None
        try:
            try:
                yield from self._upload(files)
                created = yield from self._post()
                if self.returning or self._ambiguous:
                    created = yield from self._tasks.elect(created)
            except BrowserUseError:
                yield from self._close_unused(session_id)
                raise
            if created.session_id != session_id:
                yield from self._close_unused(session_id)
        except (BrowserUseError, GeneratorExit):
            raise
        except BaseException:
            yield from self._abandon(session_id, created)
            raise
        return created

    def stop_duplicates(self, created: CreatedTask) -> Flow[None]:
        """Stops a second task that turned up late, from a POST that was not answered; or says that it may come yet."""
        if self._ambiguous:
            found = yield from self._tasks.stop_duplicates(created)
            if self._unanswered and not found:
                log.warning(self._may_still_run)

    def clean_up_in_grace_period(self, created: CreatedTask | None) -> Flow[None]:
        """The caller is being ended: where a POST was not answered, one look-up, and what shows is stopped.

        Args:
            created: The task that is known, and has been stopped.
        """
        if self._ambiguous or (self._posted and created is None):
            yield from quietly(self._stop_at_once(created), self._may_still_run)

    @property
    def is_follow_up(self) -> bool:
        """Whether it continues a session."""
        return self._asked_session is not None

    @property
    def _session(self) -> str | None:
        """The session that the task is to run in: the one that was asked for, else one started for it."""
        return self.request.browser_settings.session_id

    def _find_profile(self) -> Flow[None]:
        """Finds the profile that the request names, or makes it, and lets others finish with it."""
        settings = yield from with_profile(self.contract, self.request.browser_settings, self.clock)
        if settings.profile_id is not None and not self.is_follow_up:
            room_until = self.clock() + self.wait_when_busy
            yield from wait_until_free(self.contract, settings.profile_id, room_until=room_until, clock=self.clock)
        self._ask(self.contract.with_profile(self.request.model_copy(update={"browser_settings": settings})))

    def _make_place(self, *, with_files: bool) -> Flow[str | None]:
        """Makes what has to exist before the task, and returns the session that was started for it, if one was."""
        making = self.contract.place(self.request, keep_session=self.keep_session, with_files=with_files)
        if making is None:
            return None
        starting = SessionStart(
            self.contract,
            making,
            id_of=lambda place: place.session_id,
            room_until=self.clock() + self.wait_when_busy,
            clock=self.clock,
            server_clock=self.server_clock,
        )
        place = yield from starting.start()
        self._placed = True
        self._ask(place.request)
        return place.session_id

    def _upload(self, files: Sequence[LocalFile]) -> Flow[None]:
        if not files:
            return
        target = self.contract.upload_target(self._session, self.request.workspace_id)
        into = yield from retried(target, known=self._placed)
        uploads: list[UploadSlot] = []
        for file in files:
            slot = yield from upload(self.contract, file, into=into, known=self._placed)
            uploads.append(slot)
        self._ask(self.contract.attach(self.request, uploads, into=into))

    def _post(self) -> Flow[CreatedTask]:
        room_until = self.clock() + self.wait_when_busy
        for attempt in count(1):
            self._posted = True
            try:
                created = yield from call(self._creating)
            except BrowserUseError as error:
                ambiguous = outcome_unknown(error)
                self._ambiguous |= ambiguous
                taken = self.returning and isinstance(error, SessionBusyError)  # maybe by another caller with this key
                if self._ambiguous or taken:
                    found = yield from self._find_after(error, until_listed=self._ambiguous)
                    if found is not None:
                        return found
                    self._unanswered |= ambiguous and isinstance(error, NetworkError)
                try:
                    yield from pause_or_raise(
                        error, attempt, room_until=room_until, clock=self.clock, known=self._placed
                    )
                except BrowserUseError:
                    if self._ambiguous:
                        raise self._unknown(error) from error
                    raise
            else:
                if self._session not in (None, created.session_id):
                    yield from self._refuse_session_of(created)
                return created.model_copy(update=self._tasks.seen())
        raise AssertionError("count() does not end")

    def _find_after(self, error: BrowserUseError, *, until_listed: bool) -> Flow[CreatedTask | None]:
        """Finds the task of a POST that was not answered."""
        try:
            return (yield from self._tasks.find_new(until_listed=until_listed))
        except BrowserUseError as lookup_error:
            if lookup_error.task_id:
                raise  # it was created, but it cannot be read
            raise self._unknown(error) from lookup_error

    def _close_unused(self, session_id: str | None) -> Flow[None]:
        """Stops the session that was started for this task, if there was one: the task is in another, or nowhere."""
        if session_id:
            yield from close_session(self.contract, session_id)

    def _abandon(self, session_id: str | None, created: CreatedTask | None) -> Flow[None]:
        """The caller is being ended while the task is created: what is known of it is stopped, the rest is named."""
        if created is not None:
            yield from stop_at_once(self.contract, created, with_session=created.session_id != self._asked_session)
        yield from self.clean_up_in_grace_period(created)
        if session_id:
            yield from close_at_once(self.contract, session_id)

    def _stop_at_once(self, created: CreatedTask | None) -> Flow[None]:
        found = yield from self._tasks.stop_duplicates_at_once(created)
        if not found and (self._unanswered or created is None):
            log.warning(self._may_still_run)

    @property
    def _may_still_run(self) -> str:
        return (
            f"A request to create a task was not answered. A task under the key {self.key!r} may still start, run and"
            " cost: look for it with `find_task`, and stop it."
        )

    def _refuse_session_of(self, created: CreatedTask) -> Flow[None]:
        try:
            yield from stop_task(self.contract, created.id, stop_session=True, known=True)
            became = "That task and its session were stopped."
        except BrowserUseError as error:
            became = f"That task may still run and cost, since it could not be stopped: {error}"
        raise SessionMismatchError(
            f"The follow-up was asked to run in session {self._session}, but the server ran it as task"
            f" {created.id} in session {created.session_id}. {became} The server"
            f" may speak another contract than {self.contract.name}: set `api_version`.",
            task_id=created.id,
            session_id=created.session_id,
        )

    def _unknown(self, error: BrowserUseError) -> CreationUnknownError:
        return CreationUnknownError(
            f"Whether the task was created is unknown: {error} No task was found under its key {self.key!r}. One may"
            " still start, run and cost. Running it again with the same key reattaches to that task, and never pays"
            " twice.",
            key=self.key,
            session_id=self._session,
        )
