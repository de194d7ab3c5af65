"""The client for asyncio: the same flows as the blocking one, awaited."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterable
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import TypeVar

from pydantic import SecretStr

from browser_use_client.api import Api
from browser_use_client.contracts import ApiVersion, Contract
from browser_use_client.drivers import AsyncDriver
from browser_use_client.effects import Call, Clock
from browser_use_client.flows.lookup import FindTasks
from browser_use_client.flows.wait import MAX_FAILURES
from browser_use_client.flows.watch import Sweep
from browser_use_client.limits import Seconds, count_of, seconds_of
from browser_use_client.models import (
    Account,
    AnyTask,
    BrowserSettings,
    CreatedTask,
    CreateTaskRequest,
    Page,
    Profile,
    Session,
    Share,
    Step,
    Task,
)
from browser_use_client.network import Verify
from browser_use_client.server_clock import ServerClock
from browser_use_client.settings import Settings
from browser_use_client.watcher import TaskWatcher

T = TypeVar("T")
P = TypeVar("P", bound=Profile)


class AsyncBrowserUseClient:
    """`BrowserUseClient` for asyncio: the same arguments, the same methods, each to be awaited.

    Use it with `async with`, or call `aclose`. Callbacks may be coroutine functions, lists are asynchronous
    iterators. A cancelled `run_task` stops its task before it ends; inside an anyio cancel scope, which
    cancels clean-up too, shield the call or stop the task yourself.

    Args:
        api_key: See `BrowserUseClient`.
        base_url: See `BrowserUseClient`.
        api_version: See `BrowserUseClient`.
        timeout: See `BrowserUseClient`.
        verify: See `BrowserUseClient`.
        proxy: See `BrowserUseClient`.
        sleep: How waits pause, in seconds; awaited. What it raises ends the wait.
        clock: The time in seconds since the epoch.
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
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
        clock: Clock = time.time,
    ) -> None:
        settings = Settings(api_key, base_url, api_version, timeout, verify, proxy)
        self.base_url = settings.base_url
        server_clock = ServerClock(clock)
        self._api = Api(settings, clock, server_clock)
        self._driver = AsyncDriver(settings, clock, server_clock, sleep)
        self._sleep = sleep
        self._clock = clock

    async def run_task(
        self,
        request: CreateTaskRequest | str,
        *,
        key: str | None = None,
        session_id: str | None = None,
        keep_session: bool = False,
        key_after: datetime | None = None,
        key_is_new: bool = False,
        wait_when_busy: Seconds = 0.0,
        accept: Callable[[Task], bool] | None = None,
        files: Iterable[str | Path] = (),
        find: FindTasks | None = None,
        timeout: Seconds | None = None,
        poll_interval: Seconds | None = None,
        on_created: Callable[[CreatedTask], object] | None = None,
        on_step: Callable[[Step], object] | None = None,
        on_live_url: Callable[[str], object] | None = None,
        stop_on_timeout: bool = True,
        stop_on_interrupt: bool = True,
        fail_on_unsuccessful: bool = True,
    ) -> Task:
        """As `BrowserUseClient.run_task`."""
        return await self._driver.run(
            self._api.run_task(
                request,
                key=key,
                session_id=session_id,
                keep_session=keep_session,
                key_after=key_after,
                key_is_new=key_is_new,
                wait_when_busy=wait_when_busy,
                accept=accept,
                files=files,
                find=find,
                timeout=timeout,
                poll_interval=poll_interval,
                on_created=on_created,
                on_step=on_step,
                on_live_url=on_live_url,
                stop_on_timeout=stop_on_timeout,
                stop_on_interrupt=stop_on_interrupt,
                fail_on_unsuccessful=fail_on_unsuccessful,
            )
        )

    async def create_task(
        self,
        request: CreateTaskRequest | str,
        *,
        key: str | None = None,
        session_id: str | None = None,
        keep_session: bool = False,
        key_after: datetime | None = None,
        key_is_new: bool = False,
        wait_when_busy: Seconds = 0.0,
        accept: Callable[[Task], bool] | None = None,
        files: Iterable[str | Path] = (),
        find: FindTasks | None = None,
    ) -> CreatedTask:
        """As `BrowserUseClient.create_task`."""
        return await self._driver.run(
            self._api.create_task(
                request,
                key=key,
                session_id=session_id,
                keep_session=keep_session,
                key_after=key_after,
                key_is_new=key_is_new,
                wait_when_busy=wait_when_busy,
                accept=accept,
                files=files,
                find=find,
            )
        )

    async def wait_for_task(
        self,
        task: AnyTask,
        *,
        timeout: Seconds | None = None,
        deadline: float | None = None,
        poll_interval: Seconds | None = None,
        on_step: Callable[[Step], object] | None = None,
        on_live_url: Callable[[str], object] | None = None,
        stop_on_timeout: bool = True,
        max_failures: int = MAX_FAILURES,
    ) -> Task:
        """As `BrowserUseClient.wait_for_task`."""
        return await self._driver.run(
            self._api.wait_for_task(
                task,
                timeout=timeout,
                deadline=deadline,
                poll_interval=poll_interval,
                on_step=on_step,
                on_live_url=on_live_url,
                stop_on_timeout=stop_on_timeout,
                max_failures=max_failures,
            )
        )

    async def get_task(self, task: AnyTask) -> Task:
        """As `BrowserUseClient.get_task`."""
        return await self._driver.run(self._api.get_task(task))

    async def find_task(self, key: str, *, after: datetime | None = None, session_id: str | None = None) -> Task | None:
        """As `BrowserUseClient.find_task`."""
        return await self._driver.run(self._api.find_task(key, after=after, session_id=session_id))

    async def find_tasks(
        self, key_prefix: str, *, after: datetime | None = None, session_id: str | None = None
    ) -> list[Task]:
        """As `BrowserUseClient.find_tasks`."""
        return await self._driver.run(self._api.find_tasks(key_prefix, after=after, session_id=session_id))

    async def stop_task(self, task: AnyTask, *, stop_session: bool = False) -> Task:
        """As `BrowserUseClient.stop_task`."""
        return await self._driver.run(self._api.stop_task(task, stop_session=stop_session))

    def list_tasks(
        self,
        *,
        session_id: str | None = None,
        status: str | None = None,
        after: datetime | None = None,
        before: datetime | None = None,
    ) -> AsyncIterator[Task]:
        """As `BrowserUseClient.list_tasks`."""
        return self._each(
            lambda contract, cursor: contract.list_tasks(
                cursor=cursor, session_id=session_id, status=status, after=after, before=before
            )
        )

    async def pause_task(self, task_id: str) -> Task:
        """As `BrowserUseClient.pause_task`."""
        return await self._driver.run(self._api.read(lambda contract: contract.pause_task(task_id)))

    async def resume_task(self, task_id: str) -> Task:
        """As `BrowserUseClient.resume_task`."""
        return await self._driver.run(self._api.read(lambda contract: contract.resume_task(task_id)))

    async def get_log_url(self, task_id: str) -> str:
        """As `BrowserUseClient.get_log_url`."""
        return await self._driver.run(self._api.read(lambda contract: contract.get_log_url(task_id)))

    async def upload_file(self, path: str | Path, *, session_id: str | None = None) -> str:
        """As `BrowserUseClient.upload_file`."""
        return await self._driver.run(self._api.upload_file(path, session_id))

    async def download_output_files(self, task: Task | str, folder: str | Path) -> list[Path]:
        """As `BrowserUseClient.download_output_files`."""
        return await self._driver.run(self._api.download_output_files(task, folder))

    async def start_session(self, settings: BrowserSettings | None = None) -> Session:
        """As `BrowserUseClient.start_session`."""
        return await self._driver.run(self._api.start_session(settings))

    async def get_session(self, session_id: str) -> Session:
        """As `BrowserUseClient.get_session`."""
        return await self._driver.run(self._api.get_session(session_id))

    async def stop_session(self, session_id: str) -> None:
        """As `BrowserUseClient.stop_session`."""
        await self._driver.run(self._api.stop_session(session_id))

    def list_sessions(self, *, status: str | None = None) -> AsyncIterator[Session]:
        """As `BrowserUseClient.list_sessions`."""
        return self._each(lambda contract, cursor: contract.list_sessions(cursor=cursor, status=status))

    async def delete_session(self, session_id: str) -> None:
        """As `BrowserUseClient.delete_session`."""
        await self._driver.run(self._api.read(lambda contract: contract.delete_session(session_id)))

    async def share_session(self, session_id: str) -> Share:
        """As `BrowserUseClient.share_session`."""
        return await self._driver.run(self._api.share_session(session_id))

    async def unshare_session(self, session_id: str) -> None:
        """As `BrowserUseClient.unshare_session`."""
        await self._driver.run(self._api.read(lambda contract: contract.unshare_session(session_id)))

    def list_profiles(self, kind: type[P]) -> AsyncIterator[P]:
        """As `BrowserUseClient.list_profiles`."""
        return self._each(lambda contract, cursor: contract.profiles(kind).list(cursor))

    async def get_profile(self, kind: type[P], profile_id: str) -> P:
        """As `BrowserUseClient.get_profile`."""
        return await self._driver.run(self._api.read(lambda contract: contract.profiles(kind).get(profile_id)))

    async def create_profile(self, profile: P) -> P:
        """As `BrowserUseClient.create_profile`."""
        return await self._driver.run(self._api.once(lambda contract: contract.profiles(type(profile)).create(profile)))

    async def delete_profile(self, kind: type[P], profile_id: str) -> None:
        """As `BrowserUseClient.delete_profile`."""
        await self._driver.run(self._api.read(lambda contract: contract.profiles(kind).delete(profile_id)))

    async def get_api_version(self) -> str:
        """As `BrowserUseClient.get_api_version`."""
        return await self._driver.run(self._api.contract_name())

    async def get_account(self) -> Account:
        """As `BrowserUseClient.get_account`."""
        return await self._driver.run(self._api.read(lambda contract: contract.get_account()))

    def watcher(self, *, poll_interval: Seconds | None = None, max_failures: int = MAX_FAILURES) -> TaskWatcher:
        """Wait for many tasks at once, with far fewer requests than one wait each.

        Args:
            poll_interval: Seconds between looks at all of them, or a timedelta. Default: 0.5 while a task is young, up
                to 5, and never more than 20 requests a second.
            max_failures: Looks in a row that may fail before all waits are given up.

        Raises:
            InvalidRequestError: A number is out of range.

        Returns:
            What can be awaited on: `await watcher.wait(task_id)`. It belongs to the event loop that it is used in.
        """

        async def look(task_ids: Collection[str], overview_requests: int | None) -> Sweep:
            return await self._driver.run(self._api.sweep(task_ids, overview_requests))

        return TaskWatcher(
            look,
            sleep=self._sleep,
            clock=self._clock,
            poll_interval=seconds_of("poll_interval", poll_interval),
            max_failures=count_of("max_failures", max_failures),
        )

    async def aclose(self) -> None:
        """Close the connections."""
        await self._driver.aclose()

    async def __aenter__(self) -> AsyncBrowserUseClient:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.aclose()

    async def _each(self, make_call: Callable[[Contract, str | None], Call[Page[T]]]) -> AsyncIterator[T]:
        page = await self._driver.run(self._api.list_page(make_call, None))
        for item in page.items:
            yield item
        while page.next is not None:
            page = await self._driver.run(self._api.list_page(make_call, page.next))
            for item in page.items:
                yield item
