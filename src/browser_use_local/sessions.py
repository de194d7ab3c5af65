"""The sessions that are active now, and their browsers."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from playwright.async_api import Error, Playwright

from browser_use_local.chromium import Browser
from browser_use_local.profiles import Profiles
from browser_use_local.records import Session, now
from browser_use_local.settings import Settings
from browser_use_local.store import Store

logger = logging.getLogger(__name__)

DEFAULT_SIZE = (1280, 800)
PICTURE_LASTS = 0.8


# An idle session of this age, in seconds, makes room for a new one; nobody is likely to come back to it.
GIVES_WAY_AFTER = 60.0


class TooManySessionsError(Exception):
    """As many sessions are active as this server was started for. The message says which, and how to free one."""


@dataclass(frozen=True)
class Picture:
    """What the live view shows."""

    jpeg: bytes
    taken_at: float = field(default_factory=time.monotonic)


@dataclass
class ActiveSession:
    """What an active session has in memory only: its browser, and the secrets that its tasks brought.

    `profile_id` is the browser profile to start from and to write back to.
    """

    id: str
    size: tuple[int, int]
    folder: Path
    start_url: str | None = None
    is_mobile: bool = False
    profile_id: str | None = None
    secrets: dict[str, str] = field(default_factory=dict)
    used_at: float = 0.0
    running_task: str | None = None
    browser: asyncio.Task[Browser] | None = None
    picture: Picture | None = None


class Sessions:
    """Opens sessions, starts a browser for each when it is first needed, and stops them.

    Args:
        settings: What the server was told.
        store: Where sessions are written down.
        profiles: Where browsers start from, and are written back to.
        playwright: What starts browsers.
        clock: What says how late it is, in seconds.
    """

    def __init__(
        self,
        settings: Settings,
        store: Store,
        profiles: Profiles,
        playwright: Playwright,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings = settings
        self._store = store
        self._profiles = profiles
        self._playwright = playwright
        self._folder = settings.data_dir / "browsers"
        shutil.rmtree(self._folder, ignore_errors=True)
        self._active: dict[str, ActiveSession] = {}
        self._clock = clock
        self._closing: set[asyncio.Task[None]] = set()

    def open(
        self,
        *,
        keep_alive: bool,
        persist_memory: bool = True,
        profile_id: str | None = None,
        size: tuple[int | None, int | None] = (None, None),
        start_url: str | None = None,
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
        session = Session(keep_alive=keep_alive, persist_memory=persist_memory, profile_id=profile_id)
        self._store.add(session)
        width = size[0] or profile.get("browserViewportWidth", DEFAULT_SIZE[0])
        height = size[1] or profile.get("browserViewportHeight", DEFAULT_SIZE[1])
        self._active[session.id] = ActiveSession(
            id=session.id,
            size=(width, height),
            folder=self._folder / session.id,
            start_url=start_url,
            is_mobile=profile.get("isMobile", False),
            profile_id=profile_id if profile.get("persist", True) else None,
            used_at=self._clock(),
        )
        return session

    def _make_room(self) -> None:
        """Stops the session that was idle for longest, if that is long enough."""
        idle = sorted((one for one in self._active.values() if not one.running_task), key=lambda one: one.used_at)
        waited = self._clock() - idle[0].used_at if idle else 0.0
        if not idle or waited < GIVES_WAY_AFTER:
            raise TooManySessionsError(self._all_in_use(len(idle), GIVES_WAY_AFTER - waited))
        logger.info("session %s was idle for %.0f s and gives way to a new one", idle[0].id, waited)
        # Its place is free at once; that its browser closes takes a moment longer.
        closing = asyncio.create_task(self._close(self._retire(idle[0])))
        self._closing.add(closing)
        closing.add_done_callback(self._closing.discard)

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

    def end_task(self, session: ActiveSession) -> None:
        """Notes that the running task of a session ended: from now on it is idle."""
        session.running_task = None
        session.used_at = self._clock()

    def get(self, session_id: str) -> ActiveSession | None:
        """The session, if it is active."""
        return self._active.get(session_id)

    async def browser(self, session: ActiveSession) -> Browser:
        """The browser of a session, started if it is not running yet."""
        if session.browser is None:
            session.browser = asyncio.create_task(self._launch(session))
        # A task that is stopped while its browser starts must not take the browser with it.
        return await asyncio.shield(session.browser)

    async def picture(self, session: ActiveSession) -> bytes | None:
        """The page as it is now, at most `PICTURE_LASTS` seconds old; None while there is no browser."""
        if session.browser is None or not session.browser.done() or session.browser.exception():
            return None
        if session.picture is None or session.picture.taken_at < time.monotonic() - PICTURE_LASTS:
            try:
                session.picture = Picture(await session.browser.result().screenshot())
            except Error:  # the page is on its way to the next one
                return session.picture.jpeg if session.picture else None
        return session.picture.jpeg

    async def keep_profile(self, session: ActiveSession) -> None:
        """Writes what the browser knows back to its profile, after each task: the next session starts from it."""
        if session.profile_id and session.browser is not None:
            with contextlib.suppress(Error):  # a browser that broke down has nothing to keep
                self._profiles.keep_state(session.profile_id, await (await session.browser).state())

    async def _launch(self, session: ActiveSession) -> Browser:
        browser = await Browser.launch(
            self._playwright,
            self._settings.chromium,
            session.folder,
            size=session.size,
            is_mobile=session.is_mobile,
            state=self._profiles.state(session.profile_id) if session.profile_id else None,
            is_shared=self._settings.engine == "agent",
        )
        if session.start_url:
            with contextlib.suppress(Error):  # a session whose start page does not answer is one on an empty page
                await browser.page.goto(session.start_url)
        return browser

    async def stop(self, session_id: str) -> None:
        """Stops a session and closes its browser. One that is stopped stays as it is."""
        if session := self._active.get(session_id):
            await self._close(self._retire(session))

    def _retire(self, session: ActiveSession) -> ActiveSession:
        """Takes a session from those that are active."""
        del self._active[session.id]
        self._store.change(Session, {"id": session.id}, status="stopped", finished_at=now())
        session.secrets.clear()
        return session

    async def _close(self, session: ActiveSession) -> None:
        if session.browser is not None:
            with contextlib.suppress(Exception):  # one that did not start, or died, needs no closing
                await (await session.browser).close()
        shutil.rmtree(session.folder, ignore_errors=True)

    async def stop_idle(self) -> None:
        """Stops sessions that had no task for `idle_timeout` seconds."""
        latest = self._clock() - self._settings.idle_timeout
        idle = [
            session.id for session in self._active.values() if not session.running_task and session.used_at < latest
        ]
        for session_id in idle:
            logger.info("session %s was idle for %g s and is stopped", session_id, self._settings.idle_timeout)
            await self.stop(session_id)

    async def close(self) -> None:
        """Stops all sessions."""
        await asyncio.gather(*(self.stop(session_id) for session_id in list(self._active)), *self._closing)
        shutil.rmtree(self._folder, ignore_errors=True)
