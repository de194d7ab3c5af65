"""The sessions that are active now, and their browsers."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import shutil
import time
from collections import deque
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

from playwright.async_api import Error, StorageState

from browser_use_local.active_session import ActiveSession
from browser_use_local.browser import Browser
from browser_use_local.driver import Driver
from browser_use_local.launching import launch
from browser_use_local.profiles import Profiles
from browser_use_local.records import Session, now
from browser_use_local.settings import Settings
from browser_use_local.store import Store

logger = logging.getLogger(__name__)

DEFAULT_SIZE = (1280, 800)
# An idle session of this age, in seconds, makes room for a new one; nobody is likely to come back to it.
GIVES_WAY_AFTER_SECONDS = 60.0
# Seconds for reading cookies and local storage from a browser.
STATE_WITHIN_SECONDS = 15.0
SHOWN_BREAKDOWNS = 5


class TooManySessionsError(Exception):
    """As many sessions are active as this server was started for. The message says which, and how to free one."""


@dataclass(frozen=True)
class Breakdown:
    """That a browser broke down, why, and when."""

    reason: str
    at: str = field(default_factory=now)


class Sessions:
    """Opens sessions, starts a browser for each when it is first needed, and stops them.

    Args:
        settings: What the server was told.
        store: Where sessions are written down.
        profiles: Where browsers start from, and are written back to.
        driver: What starts browsers.
        clock: What says how late it is, in seconds.
    """

    def __init__(
        self,
        settings: Settings,
        store: Store,
        profiles: Profiles,
        driver: Driver,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings = settings
        self._store = store
        self._profiles = profiles
        self._driver = driver
        self._folder = settings.data_dir / "browsers"
        shutil.rmtree(self._folder, ignore_errors=True)
        self._active: dict[str, ActiveSession] = {}
        self._clock = clock
        self._settling: dict[asyncio.Task[None], ActiveSession] = {}
        self.breakdowns: deque[Breakdown] = deque(maxlen=SHOWN_BREAKDOWNS)
        self.on_break: Callable[[ActiveSession, str], None] = lambda session, reason: None  # noqa: ARG005

    def open(
        self,
        *,
        keep_alive: bool,
        persist_memory: bool = True,
        profile_id: str | None = None,
        size: tuple[int | None, int | None] = (None, None),
        start_url: str | None = None,
        conversation_id: str | None = None,
    ) -> Session:
        """Makes a session. Its browser starts with its first use, which opens `start_url`.

        Where `max_sessions` are active, the one that was idle for longest gives way, if that is a minute at least.

        Raises:
            TooManySessionsError: `max_sessions` are active, and none gives way.
            ProfileNotFoundError: There is no such browser profile.
        """
        profile = self._profiles.of_browser(profile_id)
        if len(self._active) >= self._settings.max_sessions:
            self._make_room()
        session = Session(
            keep_alive=keep_alive,
            persist_memory=persist_memory,
            profile_id=profile_id,
            conversation_id=conversation_id,
        )
        self._store.add(session)
        width = size[0] or profile.get("browserViewportWidth", DEFAULT_SIZE[0])
        height = size[1] or profile.get("browserViewportHeight", DEFAULT_SIZE[1])
        self._active[session.id] = ActiveSession(
            id=session.id,
            keep_alive=keep_alive,
            size=(width, height),
            folder=self._folder / session.id,
            start_url=start_url,
            is_mobile=profile.get("isMobile", False),
            profile_id=profile_id if profile.get("persist", True) else None,
            idle_timeout=self._settings.idle_timeout,
            is_replaceable=conversation_id is not None,
            used_at=self._clock(),
        )
        return session

    def _make_room(self) -> None:
        """Stops the session that was idle for longest, if that is long enough."""
        idle = sorted((one for one in self._active.values() if not one.running_task), key=lambda one: one.used_at)
        waited = self._clock() - idle[0].used_at if idle else 0.0
        if not idle or waited < GIVES_WAY_AFTER_SECONDS:
            raise TooManySessionsError(self._all_in_use(len(idle), GIVES_WAY_AFTER_SECONDS - waited))
        logger.info("session %s was idle for %.0f s and gives way to a new one", idle[0].id, waited)
        self.retire(idle[0], "it was idle, and another one needed its place")

    def _all_in_use(self, idle: int, wait: float) -> str:
        """What a client is told that gets no session, and how to get one."""
        most = self._settings.max_sessions
        said = f"Too many concurrent active sessions: {most} of {most} are in use, {most - idle} by running tasks."
        if idle:
            said += (
                f" {idle} {'is' if idle == 1 else 'are'} idle: free one with `browser-use-local stop SESSION`"
                " (`browser-use-local sessions` lists them) or at /live, or wait: in"
                f" {max(1, round(wait))} s the one that was idle for longest gives way."
            )
        else:
            said += " Wait for one to finish, or stop one with `browser-use-local stop SESSION`."
        return f"{said} `browser-use-local up --max-sessions {most + 1}` allows one more."

    def end_task(self, session: ActiveSession, unwind: Coroutine[Any, Any, None] | None = None) -> None:
        """Notes that the running task of a session ended: from now on it is idle, or stopped if it was for that task.

        Args:
            session: The session.
            unwind: What has to come to its end before the browser is free for the next task.
        """
        session.running_task = None
        if session.is_replaceable:
            session.secrets.clear()
        session.used_at = self._clock()
        stays = session.keep_alive and (session.browser is not None or not session.is_replaceable)
        if stays or self._active.get(session.id) is not session:
            self._settle(session, unwind)
        else:
            self.retire(session, unwind=unwind)

    def broke(self, session: ActiveSession, reason: str) -> None:
        """Stops a session whose browser does not work any more, and the task in it."""
        if self._active.get(session.id) is not session:
            return
        logger.warning("the browser of session %s broke down: %s", session.id, reason)
        self.breakdowns.append(Breakdown(reason))
        self.retire(session, f"its browser broke down: {reason}")
        self.on_break(session, reason)

    async def check(self) -> None:
        """Stops all sessions with a browser when the driver of the browsers has died."""
        if await self._driver.is_alive():
            return
        for session in list(self._active.values()):
            if session.browser is not None:
                self.broke(session, "the process that drives the browsers ended unexpectedly")

    def get(self, session_id: str) -> ActiveSession | None:
        """The session, if it is active."""
        return self._active.get(session_id)

    async def browser(self, session: ActiveSession) -> Browser:
        """The browser of a session, started if it is not running yet."""
        await self.settled(session)
        if session.browser is None:
            session.browser = asyncio.create_task(self._launch(session))
        # A task that is stopped while its browser starts must not take the browser with it.
        return await asyncio.shield(session.browser)

    async def settled(self, session: ActiveSession) -> None:
        """Returns when all is done that the last task of a session, or its own end, has left to do."""
        await self._wait_for(lambda other: other is session)

    async def _wait_for(self, meant: Callable[[ActiveSession], bool]) -> None:
        if jobs := [job for job, session in self._settling.items() if meant(session)]:
            await asyncio.wait(jobs)

    def touch(self, session: ActiveSession) -> None:
        """Notes that a session is in use now, by a person: it is not idle."""
        session.used_at = self._clock()

    async def _launch(self, session: ActiveSession) -> Browser:
        state: StorageState | None = None
        if session.profile_id:
            # The session before may still be writing what this one starts from.
            await self._wait_for(lambda other: other.profile_id == session.profile_id)
            state = self._profiles.state(session.profile_id)
        browser = await launch(
            await self._driver.playwright(),
            self._settings.chromium,
            session.folder,
            size=session.size,
            is_mobile=session.is_mobile,
            state=state,
            is_shared=self._settings.engine == "agent",
        )
        browser.on_break = lambda reason: self.broke(session, reason)
        if session.start_url:
            with contextlib.suppress(Error):  # a session whose start page does not answer is one on an empty page
                await browser.page.goto(session.start_url)
        return browser

    async def stop(self, session_id: str) -> None:
        """Stops a session, and returns when its browser is closed. One that is stopped stays as it is."""
        if session := self._active.get(session_id):
            self.retire(session)
        await self._wait_for(lambda other: other.id == session_id)

    def retire(
        self, session: ActiveSession, reason: str | None = None, unwind: Coroutine[Any, Any, None] | None = None
    ) -> None:
        """Takes a session from those that are active. Its place is free at once; its browser closes a moment later."""
        del self._active[session.id]
        self._store.end(Session, session.id, status="stopped", finished_at=now(), reason=reason)
        session.secrets.clear()
        self._settle(session, unwind)

    def _settle(self, session: ActiveSession, unwind: Coroutine[Any, Any, None] | None) -> None:
        """Lets a session come to rest, after what it is busy with already."""

        async def settle(before: asyncio.Task[None] | None) -> None:
            if before is not None:
                await asyncio.wait([before])
            if unwind is not None:
                await unwind
                await self._after_task(session)
            if self._active.get(session.id) is not session:
                await self._close(session)

        session.settling = asyncio.create_task(settle(session.settling))
        self._settling[session.settling] = session
        session.settling.add_done_callback(self._settled)

    def _settled(self, job: asyncio.Task[None]) -> None:
        del self._settling[job]
        if not job.cancelled() and (error := job.exception()):
            logger.error("a session could not be tidied up", exc_info=error)

    async def _after_task(self, session: ActiveSession) -> None:
        """Sees to it that the page answers, and writes what the browser knows back to its profile."""
        browser = session.running_browser
        if browser is None:
            return
        if self._active.get(session.id) is not session and not session.profile_id:
            return
        if not await browser.answers():
            self.broke(session, "a page does not answer any more, since one of its scripts does not end")
            return
        if session.profile_id:
            try:
                state = await asyncio.wait_for(browser.state(), STATE_WITHIN_SECONDS)
                self._profiles.keep_state(session.profile_id, state)
            except (Error, asyncio.TimeoutError, OSError) as error:
                logger.warning("profile %s could not be kept: %s", session.profile_id, str(error) or "it took too long")

    async def _close(self, session: ActiveSession) -> None:
        if session.browser is not None:
            with contextlib.suppress(Exception):  # one that did not start needs no closing
                await (await session.browser).close()
        await asyncio.to_thread(shutil.rmtree, session.folder, ignore_errors=True)

    async def stop_idle(self) -> None:
        """Stops sessions that had no task for as long as they stay without one."""
        time_is = self._clock()
        idle = [
            session
            for session in self._active.values()
            if not session.running_task and session.used_at + session.idle_timeout < time_is
        ]
        for session in idle:
            logger.info("session %s was idle for %g s and is stopped", session.id, session.idle_timeout)
            await self.stop(session.id)

    async def close(self) -> None:
        """Stops all sessions."""
        for session in list(self._active.values()):
            self.retire(session)
        await asyncio.gather(*self._settling, return_exceptions=True)
        shutil.rmtree(self._folder, ignore_errors=True)
