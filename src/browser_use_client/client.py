"""The blocking client."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, TypeVar

from pydantic import SecretStr

from browser_use_client import operations
from browser_use_client.contracts import ApiVersion, Capability, Contract
from browser_use_client.drivers import Driver
from browser_use_client.effects import Call, Clock
from browser_use_client.flows.lookup import TaskLists
from browser_use_client.flows.wait import MAX_FAILURES
from browser_use_client.limits import Seconds
from browser_use_client.models import (
    Account,
    AnyTask,
    BrowserSettings,
    CreatedTask,
    CreateTaskRequest,
    Page,
    Profile,
    Progress,
    Session,
    SessionCost,
    Share,
    Task,
)
from browser_use_client.network import Verify
from browser_use_client.server import Server
from browser_use_client.server_clock import ServerClock
from browser_use_client.settings import Settings

if TYPE_CHECKING:
    from typing_extensions import Unpack  # in `typing` from Python 3.11 on

    from browser_use_client.options import AccountOptions, CreateOptions, RunOptions, WaitOptions

T = TypeVar("T")
P = TypeVar("P", bound=Profile)


class BrowserUseClient:
    """A client of Browser Use Cloud, or of any server that speaks its API.

    It can be shared by threads. Use it as a context manager, or call `close`.

    Args:
        api_key: The key. Default: `BROWSER_USE_API_KEY`.
        base_url: Where the API is, up to `/api/v2` or `/api/v4`. Default: `BROWSER_USE_BASE_URL`, else that of Browser
            Use Cloud for the `api_version`, which is v2 if that does not say.
        api_version: The contract that the server speaks: `v2-nested`, `v2-flat` or `v4`. `auto` is
            `BROWSER_USE_API_VERSION`, else what the base URL says: /v4 is `v4`; at /v2 the server is asked once.
        timeout: Seconds that one request may take, or a timedelta.
        verify: Whom to trust: the path of a CA bundle or of a folder of certificates; False trusts everybody. Default:
            `SSL_CERT_FILE` or `SSL_CERT_DIR`, else the bundle of certifi.
        proxy: The URL of the proxy for all requests, with its user name and password if it asks for them. Default:
            `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY`.
        sleep: How waits pause, in seconds. What it raises ends the wait.
        clock: The time in seconds since the epoch.

    Attributes:
        base_url: Where the API is.
        traffic: How many requests it has made so far, and how often it waited to ask again.

    Raises:
        AuthenticationError: There is no API key.
        InvalidRequestError: The base URL or another argument is not valid.
    """

    def __init__(
        self,
        api_key: str | SecretStr | None = None,
        base_url: str | None = None,
        *,
        api_version: ApiVersion = "auto",
        timeout: Seconds = 30.0,
        verify: Verify = True,
        proxy: str | SecretStr | None = None,
        sleep: Callable[[float], object] = time.sleep,
        clock: Clock = time.time,
    ) -> None:
        settings = Settings(api_key, base_url, api_version, timeout, verify, proxy)
        self.base_url = settings.base_url
        server_clock = ServerClock(clock)
        self._server = Server(settings.base_url, settings.api_version, clock, server_clock)
        self._driver = Driver(settings, clock, server_clock, sleep)
        self.traffic = self._driver.traffic

    def run_task(self, request: CreateTaskRequest | str, **options: Unpack[RunOptions]) -> Task:
        """Create a task exactly once, wait until it has ended, and close its session.

        The task belongs to this call: Ctrl+C, or an exception of a callback, stops it first.

        Args:
            request: What to do; a string is the prompt.
            **options: See `CreateOptions`, `WaitOptions` and `RunOptions`.

        Returns:
            The finished task.

        Raises:
            TaskFailedError: The task failed.
            TaskStoppedError: Somebody stopped it.
            TaskTimeoutError: It was late; `stopped` says what became of it.
            CostLimitReachedError: It has cost more than its `max_cost_usd`, and was stopped (`v2-flat`).
            BrowserNotReusedError: With `require_same_browser`, its browser was a new one, so it was stopped (`v4`).
            TaskUnreachableError: The server stopped answering; the task may still run.
            CreationUnknownError: It cannot be told whether the task was created; come back with the same key.
            SessionStoppedError: The session to continue is closed.
            SessionBusyError: It runs another task.
            BrowserUseError: Any other answer of the API, each as its own class.
        """
        return self._driver.run(operations.run_task(self._server, request, **options))

    def create_task(self, request: CreateTaskRequest | str, **options: Unpack[CreateOptions]) -> CreatedTask:
        """Create a task exactly once, and do not wait for it.

        Args:
            request: What to do; a string is the prompt.
            **options: See `CreateOptions`.

        Returns:
            The task's id and its session's.

        Raises:
            CreationUnknownError: It cannot be told whether the task was created; come back with the same key.
            BrowserUseError: The server refused, or could not be reached; nothing was created.
        """
        return self._driver.run(operations.create_task(self._server, request, **options))

    def wait_for_task(
        self,
        task: AnyTask,
        *,
        deadline: float | None = None,
        max_failures: int = MAX_FAILURES,
        **options: Unpack[WaitOptions],
    ) -> Task:
        """Wait until a task has ended, whoever started it. Nothing but the time-out stops the task.

        Args:
            task: The task, or its id. What `create_task` returned is known to exist: in its first 10 seconds a 404
                means "not yet", and later a 404, a 401, a proxy's page and the like count as failed polls. Of an id
                alone, the first good answer has to show it.
            deadline: A time-out as a moment, in seconds since the epoch, for a wait that goes on elsewhere.
            max_failures: Polls in a row that may fail.
            **options: See `WaitOptions`.

        Returns:
            The ended task, however it ended; `raise_for_status` tells good from bad.

        Raises:
            TaskTimeoutError: It was late; `stopped` says what became of it.
            CostLimitReachedError: It has cost more than its `max_cost_usd`, and was stopped (`v2-flat`).
            BrowserNotReusedError: With `require_same_browser`, its browser was a new one, so it was stopped (`v4`).
            TaskUnreachableError: `max_failures` polls in a row failed; the task may still run.
            NotFoundError: There is no task of that id.
            BrowserUseError: Any other answer of the API.
        """
        waiting = operations.wait_for_task(self._server, task, deadline=deadline, max_failures=max_failures, **options)
        return self._driver.run(waiting)

    def get_task(self, task: AnyTask) -> Task:
        """Read a task with its steps and files.

        Args:
            task: The task, or its id; see `wait_for_task`.

        Raises:
            NotFoundError: There is no such task.
        """
        return self._driver.run(operations.get_task(self._server, task))

    def get_progress(self, task: AnyTask, cursor: str | None = None) -> Progress:
        """Read where a task stands, and its steps since an earlier call.

        Args:
            task: The task, or its id; see `wait_for_task`.
            cursor: That of the progress before; None for all steps so far.

        Raises:
            NotFoundError: There is no such task.
        """
        return self._driver.run(operations.get_progress(self._server, task, cursor))

    def find_task(self, key: str, *, after: datetime | None = None, session_id: str | None = None) -> Task | None:
        """Find the task that was created under a key.

        Args:
            key: The key.
            after: Look no further back, by the caller's clock. Default: 7 days ago.
            session_id: Look in this session only. Default: everywhere.

        Returns:
            The live task of that key, else the newest that ended, else None.
        """
        return self._driver.run(operations.find_task(self._server, key, after=after, session_id=session_id))

    def find_tasks(
        self,
        keys: str | Collection[str],
        *,
        after: datetime | None = None,
        session_id: str | None = None,
        latest_only: bool = False,
    ) -> list[Task]:
        """Find all tasks that were created under a key, or under any of several, the oldest first, without their steps.

        Args:
            keys: The key, or the keys. However many there are, the lists are read once.
            after: Look no further back, by the caller's clock. Default: 7 days ago.
            session_id: Look in this session only. Default: everywhere.
            latest_only: Read the lists, the newest task first, no further back than the latest of them. Default: to
                the end, for all.

        Returns:
            The tasks, each with the key that it was found by as its `key`.
        """
        return self._driver.run(
            operations.find_tasks(self._server, keys, after=after, session_id=session_id, latest_only=latest_only)
        )

    def read_task_lists(self, *, after: datetime | None = None) -> TaskLists:
        """Read the lists of tasks once, to look up the keys of many tasks in them.

        Args:
            after: Look no further back, by the caller's clock. Default: 7 days ago.

        Returns:
            The lists as they stand, for `find_in` and as `lists` of a creation. Their `tasks` are the oldest first.
        """
        return self._driver.run(operations.read_task_lists(self._server, after=after))

    def find_in(self, lists: TaskLists, key: str, *, request: CreateTaskRequest | str) -> list[Task]:
        """Find all tasks that were created under a key in lists that were read before.

        Args:
            lists: The lists.
            key: The key.
            request: What such a task was asked: one whose prompt the lists show shortened is read whole (`v4`).

        Returns:
            The tasks, the oldest first, each with its `key`.

        Raises:
            UnexpectedResponseError: One that carries the key cannot be read.
        """
        return self._driver.run(operations.find_in(self._server, lists, key, request))

    def stop_task(self, task: AnyTask, *, stop_session: bool = False) -> Task:
        """Stop a task. One that has ended already stays as it is.

        Args:
            task: The task, or its id; see `wait_for_task`.
            stop_session: Stop its session as well.

        Returns:
            The task.
        """
        return self._driver.run(operations.stop_task(self._server, task, stop_session=stop_session))

    def list_tasks(
        self,
        *,
        session_id: str | None = None,
        status: str | None = None,
        after: datetime | None = None,
        before: datetime | None = None,
    ) -> Iterator[Task]:
        """List tasks without their steps, page by page as they are asked for.

        Args:
            session_id: Only tasks of this session.
            status: Only tasks of this status.
            after: Only tasks after this moment, by the server's clock.
            before: Only tasks before this moment, by the server's clock.
        """
        return self._each(
            lambda contract, cursor: contract.list_tasks(
                cursor=cursor, session_id=session_id, status=status, after=after, before=before
            )
        )

    def pause_task(self, task_id: str) -> Task:
        """Pause a task (`v2-nested`).

        Raises:
            UnsupportedOptionError: The other contracts can only stop it.
        """
        return self._driver.run(self._server.read(lambda contract: contract.pause_task(task_id)))

    def resume_task(self, task_id: str) -> Task:
        """Let a paused task go on (`v2-nested`).

        Raises:
            UnsupportedOptionError: The other contracts have no pause.
        """
        return self._driver.run(self._server.read(lambda contract: contract.resume_task(task_id)))

    def get_log_url(self, task_id: str) -> str:
        """Say where the log of a task can be downloaded, for some minutes (`v2`)."""
        return self._driver.run(self._server.read(lambda contract: contract.get_log_url(task_id)))

    def upload_file(self, path: str | Path, *, session_id: str | None = None) -> str:
        """Upload a file for a task. Simpler: pass `files` to `run_task`.

        Args:
            path: The file: at most 10 MB, of a kind that the API takes (`v2`), or at most 50 MiB of any kind (`v4`).
            session_id: The session that it is for (`v2-flat` and `v4`, where it must be named; `v2-nested` has no such
                thing).

        Returns:
            What to put into `CreateTaskRequest.included_file_names`: its name (`v2-nested`) or its id (`v4`). In
            `v2-flat` it is the name to call it in the task, and there is nothing to put.

        Raises:
            InvalidRequestError: There is no such file, or the API does not take it.
            UnsupportedOptionError: The session is missing, or has no place, in the contract.
        """
        return self._driver.run(operations.upload_file(self._server, path, session_id))

    def content_type_of(self, file: str | Path, size: int) -> str:
        """Say with which content type a file would be uploaded: for files that still have to be fetched from elsewhere.

        Args:
            file: Its path, or its URL elsewhere.
            size: Bytes.

        Raises:
            InvalidRequestError: The contract does not take it: it is empty, too large, or of a kind that `v2` refuses.
        """
        return self._driver.run(operations.content_type_of(self._server, file, size))

    def download_output_files(self, task: Task | str, folder: str | Path) -> list[Path]:
        """Download all files that a task left behind, piece by piece, each under its own name.

        Args:
            task: An ended task, or its id.
            folder: Where to; made if it is not there.

        Returns:
            The paths of the files. A file that exists is replaced, once the new one is complete.
        """
        return self._driver.run(operations.download_output_files(self._server, task, folder))

    def start_session(self, settings: BrowserSettings | None = None) -> Session:
        """Start a session that stays open until it is stopped (`v2-flat`).

        A session carries nothing to be found by. If the answer is lost the start is tried again, and a warning in the
        log `browser_use_client` names the sessions that may be orphans of it; none is closed: others may use them.

        Raises:
            UnsupportedOptionError: `v2-nested` and `v4` start sessions with their first task only.
        """
        return self._driver.run(operations.start_session(self._server, settings))

    def get_session(self, session_id: str) -> Session:
        """Read a session; `live_url` shows it.

        Raises:
            NotFoundError: There is no such session.
        """
        return self._driver.run(self._server.read(lambda contract: contract.get_session(session_id)))

    def stop_session(self, session_id: str) -> None:
        """Stop a session and the task that runs in it. One that is stopped or gone already is left in peace.

        In `v4` that is its browser: the conversation stays, and the next follow-up begins in a new browser.
        """
        self._driver.run(self._server.read(lambda contract: contract.stop_session(session_id)))

    def list_sessions(self, *, status: str | None = None) -> Iterator[Session]:
        """List sessions, page by page as they are asked for; `status` is `active` or `stopped`.

        In `v4` there is one for each browser: a session that has had several comes several times.
        """
        return self._each(lambda contract, cursor: contract.list_sessions(cursor=cursor, status=status))

    def get_session_cost(self, session_id: str) -> SessionCost:
        """Read what a session has cost, with its browsers (`v4`). It settles within 90 seconds of the browser's stop.

        Raises:
            UnsupportedOptionError: The contract knows the `cost` of single tasks only.
        """
        return self._driver.run(self._server.read(lambda contract: contract.get_session_cost(session_id)))

    def delete_session(self, session_id: str) -> None:
        """Delete a session and all of its tasks."""
        self._driver.run(self._server.read(lambda contract: contract.delete_session(session_id)))

    def share_session(self, session_id: str) -> Share:
        """Give a session a public link, by which anyone can watch it; the one it has, if it has one."""
        return self._driver.run(operations.share_session(self._server, session_id))

    def unshare_session(self, session_id: str) -> None:
        """Take the public link of a session away."""
        self._driver.run(self._server.read(lambda contract: contract.unshare_session(session_id)))

    def list_profiles(self, kind: type[P]) -> Iterator[P]:
        """List the profiles of a kind: `AgentProfile` (`v2-nested`) or `BrowserProfile`."""
        return self._each(lambda contract, cursor: contract.profiles(kind).list(cursor))

    def get_profile(self, kind: type[P], profile_id: str) -> P:
        """Read a profile of a kind."""
        return self._driver.run(self._server.read(lambda contract: contract.profiles(kind).get(profile_id)))

    def create_profile(self, profile: P) -> P:
        """Make a profile, and return it with its id.

        Raises:
            UnsupportedOptionError: The contract has no such profiles, or not this field of them.
        """
        return self._driver.run(self._server.once(lambda contract: contract.profiles(type(profile)).create(profile)))

    def delete_profile(self, kind: type[P], profile_id: str) -> None:
        """Delete a profile of a kind."""
        self._driver.run(self._server.read(lambda contract: contract.profiles(kind).delete(profile_id)))

    def get_api_version(self) -> str:
        """Say which contract the server speaks: as `api_version`, it spares another process the question."""
        return self._driver.run(self._server.name())

    def lacks(self, capability: Capability) -> bool:
        """Say whether the contract that the server speaks lacks something, such as `metadata` (`v4`)."""
        return self._driver.run(self._server.lacks(capability))

    def get_account(self) -> Account:
        """Read the account behind the key, which is the cheapest way to check a connection.

        Raises:
            AuthenticationError: The key is wrong.
        """
        return self._driver.run(self._server.read(lambda contract: contract.get_account()))

    def check_account(self, **options: Unpack[AccountOptions]) -> Account:
        """Read the account, and see that it has enough, before anything is paid for.

        A snapshot, no reservation: a task that starts in between takes what was free.

        Args:
            **options: See `AccountOptions`.

        Returns:
            The account.

        Raises:
            InsufficientCreditsError: It has too few credits; nothing was created.
            RateLimitedError: It has too few free sessions; nothing was created.
        """
        return self._driver.run(operations.check_account(self._server, **options))

    def close(self) -> None:
        """Close the connections."""
        self._driver.close()

    def __enter__(self) -> BrowserUseClient:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _each(self, ask: Callable[[Contract, str | None], Call[Page[T]]]) -> Iterator[T]:
        cursor: str | None = None
        while True:
            page = self._driver.run(self._server.page(ask, cursor))
            yield from page.items
            if (cursor := page.next) is None:
                return
