"""What a client can do, each as a flow for the contract that its server speaks. Both clients drive these."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, TypeVar
from uuid import uuid4

from browser_use_client.contracts import Contract
from browser_use_client.effects import Call, Clock, Flow, call
from browser_use_client.errors import InvalidRequestError, NotFoundError
from browser_use_client.flows.contract import contract_of
from browser_use_client.flows.create import Creation
from browser_use_client.flows.files import LocalFile, download_output_files, folder_at, upload
from browser_use_client.flows.lookup import LOOK_BACK, FindTasks, ago, find_task, tasks_with_key
from browser_use_client.flows.run import run
from browser_use_client.flows.sessions import stop_session, stop_task
from browser_use_client.flows.start import SessionStart
from browser_use_client.flows.wait import MAX_FAILURES, wait
from browser_use_client.flows.watch import Sweep, sweep
from browser_use_client.json_text import ODD_CHARACTERS
from browser_use_client.limits import Seconds, count_of, moment_of, seconds_of, time_of
from browser_use_client.models import (
    AnyTask,
    BrowserSettings,
    CreatedTask,
    CreateTaskRequest,
    Page,
    Session,
    Share,
    Step,
    Task,
    id_of,
)
from browser_use_client.retrying import retried
from browser_use_client.server_clock import ServerClock
from browser_use_client.settings import Settings

T = TypeVar("T")

FIRST, LAST = datetime(1970, 1, 1, tzinfo=timezone.utc), datetime(9000, 1, 1, tzinfo=timezone.utc)


class Api:
    """Flows for one server; see the methods of the same names of `BrowserUseClient`."""

    def __init__(self, settings: Settings, clock: Clock, server_clock: ServerClock) -> None:
        self._settings = settings
        self._clock = clock
        self._server_clock = server_clock

    def read(self, make_call: Callable[[Contract], Call[T]]) -> Flow[T]:
        """One call that can be repeated without harm."""
        contract = yield from self._contract()
        return (yield from retried(make_call(contract)))

    def once(self, make_call: Callable[[Contract], Call[T]]) -> Flow[T]:
        """One call that is not repeated, since a second one could make a second thing."""
        contract = yield from self._contract()
        return (yield from call(make_call(contract)))

    def list_page(
        self, make_call: Callable[[Contract, str | None], Call[Page[T]]], cursor: str | None
    ) -> Flow[Page[T]]:
        """One page of a list."""
        return self.read(lambda contract: make_call(contract, cursor))

    def create_task(
        self,
        request: CreateTaskRequest | str,
        *,
        key: str | None,
        session_id: str | None,
        keep_session: bool,
        key_after: datetime | None,
        key_is_new: bool,
        wait_when_busy: Seconds,
        accept: Callable[[Task], bool] | None,
        files: Iterable[str | Path],
        find: FindTasks | None,
    ) -> Flow[CreatedTask]:
        """Creates a task exactly once."""
        creation = yield from self._creation(
            request, key, session_id, keep_session, key_after, key_is_new, wait_when_busy, accept, files, find
        )
        return (yield from creation.create())

    def run_task(
        self,
        request: CreateTaskRequest | str,
        *,
        key: str | None,
        session_id: str | None,
        keep_session: bool,
        key_after: datetime | None,
        key_is_new: bool,
        wait_when_busy: Seconds,
        accept: Callable[[Task], bool] | None,
        files: Iterable[str | Path],
        find: FindTasks | None,
        timeout: Seconds | None,
        poll_interval: Seconds | None,
        on_created: Callable[[CreatedTask], object] | None,
        on_step: Callable[[Step], object] | None,
        on_live_url: Callable[[str], object] | None,
        stop_on_timeout: bool,
        stop_on_interrupt: bool,
        fail_on_unsuccessful: bool,
    ) -> Flow[Task]:
        """Creates a task exactly once, waits for it and closes its session."""
        timeout = seconds_of("timeout", timeout)
        poll_interval = seconds_of("poll_interval", poll_interval)
        creation = yield from self._creation(
            request, key, session_id, keep_session, key_after, key_is_new, wait_when_busy, accept, files, find
        )
        task = yield from run(
            creation,
            timeout=timeout,
            poll_interval=poll_interval,
            on_created=on_created,
            on_step=on_step,
            on_live_url=on_live_url,
            stop_on_timeout=stop_on_timeout,
            stop_on_interrupt=stop_on_interrupt,
            max_failures=MAX_FAILURES,
        )
        return task.raise_for_status(fail_on_unsuccessful=fail_on_unsuccessful)

    def wait_for_task(
        self,
        task: AnyTask,
        *,
        timeout: Seconds | None,
        deadline: float | None,
        poll_interval: Seconds | None,
        on_step: Callable[[Step], object] | None,
        on_live_url: Callable[[str], object] | None,
        stop_on_timeout: bool,
        max_failures: int,
    ) -> Flow[Task]:
        """Polls a task until it has ended."""
        if timeout is not None and deadline is not None:
            raise InvalidRequestError("Give a timeout or a deadline, not both.")
        poll_interval = seconds_of("poll_interval", poll_interval)
        max_failures = count_of("max_failures", max_failures)
        if (limit := seconds_of("timeout", timeout)) is not None:
            deadline = self._clock() + limit
        deadline = moment_of("deadline", deadline)
        contract = yield from self._contract()
        return (
            yield from wait(
                contract,
                task,
                deadline=deadline,
                poll_interval=poll_interval,
                on_step=on_step,
                on_live_url=on_live_url,
                stop_on_timeout=stop_on_timeout,
                max_failures=max_failures,
                clock=self._clock,
            )
        )

    def sweep(self, task_ids: Collection[str], overview_requests: int | None) -> Flow[Sweep]:
        """Looks at many tasks once."""
        contract = yield from self._contract()
        return (yield from sweep(contract, task_ids, overview_requests=overview_requests))

    def find_task(self, key: str, *, after: datetime | None, session_id: str | None) -> Flow[Task | None]:
        """The task that was created under a key."""
        check_key(key)
        contract = yield from self._contract()
        after = _since("after", after) or ago(self._clock, LOOK_BACK)
        return (
            yield from find_task(contract, key, after=after, session_id=session_id, server_clock=self._server_clock)
        )

    def find_tasks(self, key_prefix: str, *, after: datetime | None, session_id: str | None) -> Flow[list[Task]]:
        """The tasks that were created under keys which begin so."""
        check_key(key_prefix)
        contract = yield from self._contract()
        return (
            yield from tasks_with_key(
                contract,
                key_prefix,
                after=_since("after", after) or ago(self._clock, LOOK_BACK),
                session_id=session_id,
                server_clock=self._server_clock,
                as_prefix=True,
            )
        )

    def stop_task(self, task: AnyTask, *, stop_session: bool) -> Flow[Task]:
        """Stops a task."""
        contract = yield from self._contract()
        known = not isinstance(task, str)
        return (yield from stop_task(contract, id_of(task), stop_session=stop_session, known=known))

    def stop_session(self, session_id: str) -> Flow[None]:
        """Stops a session."""
        contract = yield from self._contract()
        yield from stop_session(contract, session_id)

    def start_session(self, settings: BrowserSettings | None) -> Flow[Session]:
        """Starts a session."""
        contract = yield from self._contract()
        starting = SessionStart(
            contract,
            contract.start_session(settings or BrowserSettings()),
            id_of=lambda session: session.id,
            room_until=0.0,
            clock=self._clock,
            server_clock=self._server_clock,
        )
        return (yield from starting.start())

    def get_session(self, session_id: str) -> Flow[Session]:
        """Reads a session."""
        contract = yield from self._contract()
        return (yield from retried(contract.get_session(session_id)))

    def get_task(self, task: AnyTask) -> Flow[Task]:
        """Reads a task."""
        contract = yield from self._contract()
        found = yield from retried(contract.get_task(id_of(task)), known=not isinstance(task, str))
        return (yield from retried(contract.details(found), known=True))

    def share_session(self, session_id: str) -> Flow[Share]:
        """A session's public link: the one there is, else a new one."""
        contract = yield from self._contract()
        try:
            return (yield from retried(contract.get_share(session_id)))
        except NotFoundError:
            return (yield from retried(contract.share_session(session_id)))

    def upload_file(self, path: str | Path, session_id: str | None) -> Flow[str]:
        """Uploads a file."""
        file = LocalFile.at(path)
        contract = yield from self._contract()
        return (yield from upload(contract, file, into=session_id)).file_name

    def download_output_files(self, task: Task | str, folder: str | Path) -> Flow[list[Path]]:
        """Downloads what a task left behind."""
        target = folder_at(folder)
        if not isinstance(task, Task):
            task = yield from self.get_task(task)
        contract = yield from self._contract()
        return (yield from download_output_files(contract, task, target))

    def contract_name(self) -> Flow[str]:
        """The contract that the server speaks."""
        contract = yield from self._contract()
        return contract.name

    def _contract(self) -> Flow[Contract]:
        return contract_of(self._settings.base_url, self._settings.api_version)

    def _creation(
        self,
        request: Any,
        key: str | None,
        session_id: str | None,
        keep_session: bool,
        key_after: datetime | None,
        key_is_new: bool,
        wait_when_busy: Seconds | None,
        accept: Callable[[Task], bool] | None,
        files: Iterable[str | Path] | None,
        find: FindTasks | None,
    ) -> Flow[Creation]:
        patience = 0.0 if wait_when_busy is None else seconds_of("wait_when_busy", wait_when_busy, may_be_zero=True)
        if key is not None:
            check_key(key)
        if isinstance(request, str):
            request = CreateTaskRequest(task=request)
        if not isinstance(request, CreateTaskRequest):
            raise InvalidRequestError(f"What to do is a prompt or a CreateTaskRequest, not {type(request).__name__}.")
        request = _in_session(request, session_id)
        contract = yield from self._contract()
        return Creation(
            contract=contract,
            request=request,
            key=key or uuid4().hex,
            returning=key is not None and not key_is_new,
            after=_since("key_after", key_after) or ago(self._clock, LOOK_BACK if key else timedelta()),
            keep_session=keep_session,
            wait_when_busy=patience,
            accept=accept or succeeded,
            files=files or (),
            clock=self._clock,
            find=find,
            server_clock=self._server_clock,
        )


def _since(name: str, moment: datetime | None) -> datetime | None:
    """Since when to look, kept where a clock that is wrong can be allowed for: nothing is older, or as young."""
    return None if moment is None else min(max(time_of(name, moment), FIRST), LAST)


def succeeded(task: Task) -> bool:
    """Whether a task finished and its agent does not say that it failed."""
    return task.status == "finished" and task.is_success is not False


def check_key(key: Any) -> None:
    """An idempotency key comes back as it was sent, or the task would never be found again.

    Raises:
        InvalidRequestError: It is empty, blank, or holds what no server keeps.
    """
    if not isinstance(key, str) or not key.strip() or ODD_CHARACTERS.search(key):
        raise InvalidRequestError(
            "The idempotency key `key` must be text that is not blank, with no NUL and no lone surrogate in it."
        )


def _in_session(request: CreateTaskRequest, session_id: str | None) -> CreateTaskRequest:
    if session_id is None:
        return request
    named = request.browser_settings.session_id
    if named not in (None, session_id):
        raise InvalidRequestError(
            f"The request names session {named} and the call names session {session_id}. Name one."
        )
    fields = request.browser_settings.model_dump(exclude_unset=True) | {"session_id": session_id}
    return request.model_copy(update={"browser_settings": BrowserSettings(**fields)})
