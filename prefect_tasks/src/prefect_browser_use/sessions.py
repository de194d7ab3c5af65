"""A browser session for a block of code, which is closed at the end of it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import Future
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Any

from browser_use_client import BrowserSettings, CreateTaskRequest
from prefect_browser_use.credentials import BrowserUseCredentials
from prefect_browser_use.inputs import Credentials, load_credentials
from prefect_browser_use.lifecycle import opened_sessions
from prefect_browser_use.options import SessionTaskOptions, TaskOptions
from prefect_browser_use.results import BrowserTaskResult
from prefect_browser_use.started import close_session
from prefect_browser_use.stops import await_stops, wait_for_stops
from prefect_browser_use.tasks import arun_browser_task, run_browser_task

if TYPE_CHECKING:
    from typing_extensions import Unpack  # in `typing` from Python 3.11 on

TURN_SECONDS = 0.05
"""How often a coroutine looks whether the browser is free."""


class BrowserSession:
    """A browser that several tasks use one after the other. Its first task starts it.

    Attributes:
        id: The session; None until the first task has started.
    """

    def __init__(self, credentials: BrowserUseCredentials, browser_settings: Any) -> None:
        self._credentials = credentials
        self._browser_settings = browser_settings
        self._opened: list[str] = []
        self._in_use = threading.Lock()  # one for all threads and event loops, so that one task opens the browser

    @property
    def id(self) -> str | None:
        """The session; None until the first task has started."""
        return self._opened[-1] if self._opened else None  # a retry of the first task may have opened another

    def run(
        self, task: str | CreateTaskRequest, *, name: str | None = None, **options: Unpack[SessionTaskOptions]
    ) -> BrowserTaskResult:
        """Run a task in this session, as `run_browser_task` does, once those that were called before have ended.

        Args:
            task: The prompt, or a whole request.
            name: The Prefect task's name. Default: `run-browser-task`.
            options: See `SessionTaskOptions`.
        """
        with self._in_use, opened_sessions(self._opened):
            result: BrowserTaskResult = run_browser_task.with_options(name=name)(task, **self._with_session(options))
            return result

    async def arun(
        self, task: str | CreateTaskRequest, *, name: str | None = None, **options: Unpack[SessionTaskOptions]
    ) -> BrowserTaskResult:
        """As `run`, for asyncio."""
        while not self._in_use.acquire(blocking=False):  # noqa: ASYNC110 - an event belongs to one event loop
            await asyncio.sleep(TURN_SECONDS)
        try:
            with opened_sessions(self._opened):
                task_with_name = arun_browser_task.with_options(name=name)
                result: BrowserTaskResult = await task_with_name(task, **self._with_session(options))
                return result
        finally:
            self._in_use.release()

    def _close(self) -> list[Future[bool]]:
        """A browser that cannot be closed is logged: it is no reason to lose what happened in the block."""
        return [close_session(session_id, self._credentials) for session_id in dict.fromkeys(self._opened)]

    def _with_session(self, options: SessionTaskOptions) -> TaskOptions:
        where: TaskOptions = {"credentials": self._credentials, "session_id": self.id, "keep_session": True}
        if self.id is None:
            where["browser_settings"] = self._browser_settings
        return {**options, **where}


@contextmanager
def browser_session(
    *, credentials: Credentials = None, browser_settings: BrowserSettings | dict[str, Any] | None = None
) -> Iterator[BrowserSession]:
    """One browser for the tasks of a block of code; it is closed at the end, whatever happens inside.

    If the server does not close it within 20 seconds, a warning in the run log names the session.

        with browser_session(credentials="browser-use") as session:
            session.run("Log in to ...")
            orders = session.run("Read the orders", output_schema=Orders)

    Args:
        credentials: A block, the name of a saved one, or None for the environment's.
        browser_settings: How the browser is started.
    """
    session = BrowserSession(load_credentials(credentials), browser_settings)
    try:
        yield session
    finally:
        wait_for_stops(session._close())  # noqa: SLF001 - of this module


@asynccontextmanager
async def abrowser_session(
    *, credentials: Credentials = None, browser_settings: BrowserSettings | dict[str, Any] | None = None
) -> AsyncIterator[BrowserSession]:
    """As `browser_session`, for asyncio; tasks are run with `arun`."""
    session = BrowserSession(await asyncio.to_thread(load_credentials, credentials), browser_settings)
    try:
        yield session
    finally:
        await await_stops(session._close())  # noqa: SLF001 - of this module
