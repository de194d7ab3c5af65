"""What a client can do, each as a flow of its server."""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from browser_use_client.asked import check_key, checked_request, creation_of, keys_of, since
from browser_use_client.effects import Flow
from browser_use_client.errors import InvalidRequestError, NotFoundError
from browser_use_client.flows import account, lookup, sessions, watch
from browser_use_client.flows import files as moving
from browser_use_client.flows.lookup import LOOK_BACK, Keys, TaskLists, ago
from browser_use_client.flows.profiles import wait_until_free, with_profile
from browser_use_client.flows.run import run
from browser_use_client.flows.start import SessionStart
from browser_use_client.flows.wait import MAX_FAILURES, wait
from browser_use_client.limits import Seconds, count_of, dollars_of, moment_of, seconds_of
from browser_use_client.models import (
    Account,
    AnyTask,
    BrowserSettings,
    CreatedTask,
    CreateTaskRequest,
    Progress,
    Session,
    Share,
    Step,
    Task,
    id_of,
)
from browser_use_client.retrying import retried
from browser_use_client.server import Server

if TYPE_CHECKING:
    from typing_extensions import Unpack  # in `typing` from Python 3.11 on

    from browser_use_client.options import CreateOptions


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
    require_same_browser: bool = False,
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
        require_same_browser=require_same_browser,
        max_failures=MAX_FAILURES,
    )
    return task.raise_for_status(fail_on_unsuccessful=fail_on_unsuccessful)


def create_task(
    server: Server, request: CreateTaskRequest | str, **options: Unpack[CreateOptions]
) -> Flow[CreatedTask]:
    """Creates a task exactly once."""
    creation = yield from creation_of(server, request, **options)
    return (yield from creation.create())


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
    require_same_browser: bool = False,
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
            require_same_browser=require_same_browser,
            max_failures=max_failures,
            clock=server.clock,
        )
    )


def get_task(server: Server, task: AnyTask) -> Flow[Task]:
    """The whole task."""
    found = yield from server.read(lambda contract: contract.get_task(id_of(task)), known=not isinstance(task, str))
    return (yield from server.read(lambda contract: contract.details(found), known=True))


def get_progress(server: Server, task: AnyTask, cursor: str | None) -> Flow[Progress]:
    """Where a task stands, and its steps since."""
    known = not isinstance(task, str)
    return (yield from server.read(lambda contract: contract.follow(id_of(task), cursor), known=known))


def find_task(server: Server, key: str, *, after: datetime | None, session_id: str | None) -> Flow[Task | None]:
    """The task under a key that counts: a live one, else the newest that ended; None if there is none."""
    check_key(key)
    after = since("after", after) or ago(server.clock, LOOK_BACK)
    contract = yield from server.contract()
    return (
        yield from lookup.find_task(contract, key, after=after, session_id=session_id, server_clock=server.server_clock)
    )


def find_tasks(
    server: Server, keys: str | Collection[str], *, after: datetime | None, session_id: str | None, latest_only: bool
) -> Flow[list[Task]]:
    """The tasks that were created under any of some keys."""
    wanted = keys_of(keys)
    after = since("after", after) or ago(server.clock, LOOK_BACK)
    contract = yield from server.contract()
    return (
        yield from lookup.tasks_with_keys(
            contract,
            wanted,
            after=after,
            session_id=session_id,
            server_clock=server.server_clock,
            latest_only=latest_only,
        )
    )


def read_task_lists(server: Server, *, after: datetime | None) -> Flow[TaskLists]:
    """The lists of tasks as they stand."""
    after = since("after", after) or ago(server.clock, LOOK_BACK)
    contract = yield from server.contract()
    return (yield from lookup.read_lists(contract, after=after, server_clock=server.server_clock))


def find_in(server: Server, lists: TaskLists, key: str, request: CreateTaskRequest | str) -> Flow[list[Task]]:
    """The tasks of lists that were created under a key."""
    check_key(key)
    contract = yield from server.contract()
    return (
        yield from lists.with_keys(contract, Keys([key], prompt=contract.with_key(checked_request(request), key).task))
    )


def stop_task(server: Server, task: AnyTask, *, stop_session: bool) -> Flow[Task]:
    """Stops a task, and its session if asked."""
    contract = yield from server.contract()
    known = not isinstance(task, str)
    return (yield from sessions.stop_task(contract, id_of(task), stop_session=stop_session, known=known))


def sweep(server: Server, task_ids: Collection[str], memory: watch.Memory) -> Flow[watch.Sweep]:
    """How many tasks stand."""
    contract = yield from server.contract()
    return (yield from watch.sweep(contract, task_ids, memory=memory))


def start_session(server: Server, settings: BrowserSettings | None) -> Flow[Session]:
    """Starts a session."""
    contract = yield from server.contract()
    settings = yield from with_profile(contract, settings or BrowserSettings(), server.clock)
    if settings.profile_id is not None:
        yield from wait_until_free(contract, settings.profile_id, room_until=0.0, clock=server.clock)
    starting = SessionStart(
        contract,
        contract.start_session(settings),
        id_of=lambda session: session.id,
        room_until=0.0,
        clock=server.clock,
        server_clock=server.server_clock,
    )
    return (yield from starting.start())


def check_account(
    server: Server,
    *,
    min_credits_usd: float = 0.0,
    min_free_sessions: int = 1,
    timeout: Seconds = 0.0,
    poll_interval: Seconds = 30.0,
) -> Flow[Account]:
    """The account, once it has enough."""
    return account.check_account(
        server,
        min_credits_usd=dollars_of("min_credits_usd", min_credits_usd, may_be_zero=True),
        min_free_sessions=count_of("min_free_sessions", min_free_sessions),
        timeout=seconds_of("timeout", timeout, may_be_zero=True),
        poll_interval=seconds_of("poll_interval", poll_interval),
    )


def share_session(server: Server, session_id: str) -> Flow[Share]:
    """A session's public link: the one there is, else a new one."""
    try:
        return (yield from server.read(lambda contract: contract.get_share(session_id)))
    except NotFoundError:
        return (yield from server.read(lambda contract: contract.share_session(session_id)))


def upload_file(server: Server, path: str | Path, session_id: str | None) -> Flow[str]:
    """Uploads a file, and returns what a task names it by."""
    contract = yield from server.contract()
    file = moving.LocalFile.at(path, contract)
    into = None if session_id is None else (yield from retried(contract.upload_target(session_id)))
    return (yield from moving.upload(contract, file, into=into)).reference


def content_type_of(server: Server, file: str | Path, size: int) -> Flow[str]:
    """The content type that a file is uploaded with."""
    contract = yield from server.contract()
    return contract.content_type(file, size)


def download_output_files(server: Server, task: Task | str, folder: str | Path) -> Flow[list[Path]]:
    """Downloads what a task left behind."""
    target = moving.folder_at(folder)
    if not isinstance(task, Task):
        task = yield from get_task(server, task)
    contract = yield from server.contract()
    return (yield from moving.download_output_files(contract, task, target))
