"""What a client can do, each as a flow of its server: what the caller says is checked, and has its defaults, here."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import uuid4

from browser_use_client.contracts import ApiVersion, Contract
from browser_use_client.effects import Call, Clock, Flow, call
from browser_use_client.errors import InvalidRequestError, NotFoundError
from browser_use_client.flows import files as moving
from browser_use_client.flows import lookup, sessions, watch
from browser_use_client.flows.contract import contract_of
from browser_use_client.flows.create import Creation
from browser_use_client.flows.lookup import LOOK_BACK, FindTasks, ago
from browser_use_client.flows.run import run
from browser_use_client.flows.start import SessionStart
from browser_use_client.flows.wait import MAX_FAILURES, wait
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

if TYPE_CHECKING:
    from typing_extensions import Unpack  # in `typing` from Python 3.11 on

    from browser_use_client.options import CreateOptions

T = TypeVar("T")

FIRST, LAST = datetime(1970, 1, 1, tzinfo=timezone.utc), datetime(9000, 1, 1, tzinfo=timezone.utc)


@dataclass(frozen=True)
class Server:
    """The server of one client.

    Attributes:
        base_url: Where its API is.
        api_version: What it speaks, or `auto`.
        clock: The time now, here.
        server_clock: What time it is there.
    """

    base_url: str
    api_version: ApiVersion
    clock: Clock
    server_clock: ServerClock

    def contract(self) -> Flow[Contract]:
        """What it speaks."""
        return contract_of(self.base_url, self.api_version)

    def read(self, ask: Callable[[Contract], Call[T] | Flow[T]], *, known: bool = False) -> Flow[T]:
        """What can be asked again without harm, about something that may be known to exist."""
        contract = yield from self.contract()
        return (yield from retried(ask(contract), known=known))

    def name(self) -> Flow[str]:
        """How what it speaks is called."""
        contract = yield from self.contract()
        return contract.name

    def page(self, ask: Callable[[Contract, str | None], Call[Page[T]]], cursor: str | None) -> Flow[Page[T]]:
        """The page of a list at a cursor; the first one without."""
        return self.read(lambda contract: ask(contract, cursor))

    def once(self, ask: Callable[[Contract], Call[T]]) -> Flow[T]:
        """One call that is not repeated, since a second one could make a second thing."""
        contract = yield from self.contract()
        return (yield from call(ask(contract)))


def run_task(
    server: Server,
    request: CreateTaskRequest | str,
    *,
    timeout: Seconds | None = None,
    poll_interval: Seconds | None = None,
    on_created: Callable[[CreatedTask], object] | None = None,
    on_step: Callable[[Step], object] | None = None,
    on_live_url: Callable[[str], object] | None = None,
    stop_on_timeout: bool = True,
    stop_on_interrupt: bool = True,
    fail_on_unsuccessful: bool = True,
    **creating: Unpack[CreateOptions],
) -> Flow[Task]:
    """Creates a task exactly once, waits for it and closes its session."""
    timeout = seconds_of("timeout", timeout)
    poll_interval = seconds_of("poll_interval", poll_interval)
    creation = yield from creation_of(server, request, **creating)
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


def create_task(
    server: Server, request: CreateTaskRequest | str, **options: Unpack[CreateOptions]
) -> Flow[CreatedTask]:
    """Creates a task exactly once."""
    creation = yield from creation_of(server, request, **options)
    return (yield from creation.create())


def creation_of(
    server: Server,
    request: CreateTaskRequest | str,
    *,
    key: str | None = None,
    session_id: str | None = None,
    keep_session: bool = False,
    key_after: datetime | None = None,
    key_is_new: bool = False,
    wait_when_busy: Seconds | None = 0.0,
    accept: Callable[[Task], bool] | None = None,
    files: Iterable[str | Path] | None = (),
    find: FindTasks | None = None,
) -> Flow[Creation]:
    """The creation of a task, with nothing sent yet but the question what the server speaks."""
    room = 0.0 if wait_when_busy is None else seconds_of("wait_when_busy", wait_when_busy, may_be_zero=True)
    if key is not None:
        check_key(key)
    asked = _in_session(_request_of(request), session_id)
    contract = yield from server.contract()
    return Creation(
        contract=contract,
        request=asked,
        key=key or uuid4().hex,
        returning=key is not None and not key_is_new,
        after=_since("key_after", key_after) or ago(server.clock, LOOK_BACK if key else timedelta()),
        keep_session=keep_session,
        wait_when_busy=room,
        accept=accept or succeeded,
        files=files or (),
        clock=server.clock,
        find=find,
        server_clock=server.server_clock,
    )


def wait_for_task(
    server: Server,
    task: AnyTask,
    *,
    timeout: Seconds | None = None,
    deadline: float | None = None,
    poll_interval: Seconds | None = None,
    on_step: Callable[[Step], object] | None = None,
    on_live_url: Callable[[str], object] | None = None,
    stop_on_timeout: bool = True,
    max_failures: int = MAX_FAILURES,
) -> Flow[Task]:
    """Polls a task until it has ended."""
    if timeout is not None and deadline is not None:
        raise InvalidRequestError("Give a timeout or a deadline, not both.")
    poll_interval = seconds_of("poll_interval", poll_interval)
    max_failures = count_of("max_failures", max_failures)
    if (limit := seconds_of("timeout", timeout)) is not None:
        deadline = server.clock() + limit
    deadline = moment_of("deadline", deadline)
    contract = yield from server.contract()
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
            clock=server.clock,
        )
    )


def get_task(server: Server, task: AnyTask) -> Flow[Task]:
    """The whole task."""
    found = yield from server.read(lambda contract: contract.get_task(id_of(task)), known=not isinstance(task, str))
    return (yield from server.read(lambda contract: contract.details(found), known=True))


def find_task(server: Server, key: str, *, after: datetime | None, session_id: str | None) -> Flow[Task | None]:
    """The task under a key that counts: a live one, else the newest that ended; None if there is none."""
    check_key(key)
    after = _since("after", after) or ago(server.clock, LOOK_BACK)
    contract = yield from server.contract()
    return (
        yield from lookup.find_task(contract, key, after=after, session_id=session_id, server_clock=server.server_clock)
    )


def find_tasks(server: Server, key_prefix: str, *, after: datetime | None, session_id: str | None) -> Flow[list[Task]]:
    """The tasks that were created under keys which begin so."""
    check_key(key_prefix)
    after = _since("after", after) or ago(server.clock, LOOK_BACK)
    contract = yield from server.contract()
    return (
        yield from lookup.tasks_with_key(
            contract,
            key_prefix,
            after=after,
            session_id=session_id,
            server_clock=server.server_clock,
            as_prefix=True,
        )
    )


def stop_task(server: Server, task: AnyTask, *, stop_session: bool) -> Flow[Task]:
    """Stops a task, and its session if asked."""
    contract = yield from server.contract()
    known = not isinstance(task, str)
    return (yield from sessions.stop_task(contract, id_of(task), stop_session=stop_session, known=known))


def sweep(server: Server, task_ids: Collection[str], overview_requests: int | None) -> Flow[watch.Sweep]:
    """How many tasks stand."""
    contract = yield from server.contract()
    return (yield from watch.sweep(contract, task_ids, overview_requests=overview_requests))


def start_session(server: Server, settings: BrowserSettings | None) -> Flow[Session]:
    """Starts a session."""
    contract = yield from server.contract()
    starting = SessionStart(
        contract,
        contract.start_session(settings or BrowserSettings()),
        id_of=lambda session: session.id,
        room_until=0.0,
        clock=server.clock,
        server_clock=server.server_clock,
    )
    return (yield from starting.start())


def share_session(server: Server, session_id: str) -> Flow[Share]:
    """A session's public link: the one there is, else a new one."""
    try:
        return (yield from server.read(lambda contract: contract.get_share(session_id)))
    except NotFoundError:
        return (yield from server.read(lambda contract: contract.share_session(session_id)))


def upload_file(server: Server, path: str | Path, session_id: str | None) -> Flow[str]:
    """Uploads a file, and returns the name under which a task finds it."""
    file = moving.LocalFile.at(path)
    contract = yield from server.contract()
    return (yield from moving.upload(contract, file, into=session_id)).file_name


def download_output_files(server: Server, task: Task | str, folder: str | Path) -> Flow[list[Path]]:
    """Downloads what a task left behind."""
    target = moving.folder_at(folder)
    if not isinstance(task, Task):
        task = yield from get_task(server, task)
    contract = yield from server.contract()
    return (yield from moving.download_output_files(contract, task, target))


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


def _since(name: str, moment: datetime | None) -> datetime | None:
    """Since when to look, kept where a clock that is wrong can be allowed for: nothing is older, or as young."""
    return None if moment is None else min(max(time_of(name, moment), FIRST), LAST)


def _request_of(request: Any) -> CreateTaskRequest:
    if isinstance(request, str):
        return CreateTaskRequest(task=request)
    if not isinstance(request, CreateTaskRequest):
        raise InvalidRequestError(f"What to do is a prompt or a CreateTaskRequest, not {type(request).__name__}.")
    return request


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
