"""What an active session has in memory only, and what the live view shows of it."""

from __future__ import annotations

import asyncio
import dataclasses
import time
from dataclasses import dataclass, field
from pathlib import Path

from playwright.async_api import Error

from browser_use_local.browser import Browser, Tab
from browser_use_local.masking import mask

PICTURE_LASTS_SECONDS = 0.1


@dataclass(frozen=True)
class Picture:
    """What the live view shows."""

    jpeg: bytes
    taken_at: float = field(default_factory=time.monotonic)


@dataclass(kw_only=True)
class ActiveSession:
    """What an active session has in memory only: its browser, and the secrets that its tasks brought.

    `profile_id` is the browser profile to start from and to write back to; `idle_timeout` are the seconds that it stays
    without a task; `settling` is what has to be done between the end of one task and the start of the next. One that
    `is_replaceable`, since its v4 session can have another, stays only if it has a browser, and forgets the secrets of
    each task.
    """

    id: str
    keep_alive: bool
    size: tuple[int, int]
    folder: Path
    start_url: str | None = None
    is_mobile: bool = False
    profile_id: str | None = None
    idle_timeout: float
    is_replaceable: bool = False
    secrets: dict[str, str] = field(default_factory=dict)
    used_at: float = 0.0
    running_task: str | None = None
    browser: asyncio.Task[Browser] | None = None
    settling: asyncio.Task[None] | None = None
    last_picture: Picture | None = None

    @property
    def running_browser(self) -> Browser | None:
        """The browser, if it has started."""
        if self.browser is None or not self.browser.done() or self.browser.cancelled() or self.browser.exception():
            return None
        return self.browser.result()

    async def tabs(self) -> list[Tab]:
        """What the tabs of its browser say, without secrets; none while there is no browser."""
        if self.running_browser is None:
            return []
        return [
            dataclasses.replace(tab, title=mask(tab.title, self.secrets), url=mask(tab.url, self.secrets))
            for tab in await self.running_browser.tabs()
        ]

    async def picture(self) -> bytes | None:
        """The page as it is now, at most `PICTURE_LASTS_SECONDS` seconds old; None while there is no browser."""
        if self.running_browser is None:
            return None
        if self.last_picture is None or self.last_picture.taken_at < time.monotonic() - PICTURE_LASTS_SECONDS:
            try:
                self.last_picture = Picture(await self.running_browser.screenshot(with_caret=True))
            except Error:  # the page is on its way to the next one
                return self.last_picture.jpeg if self.last_picture else None
        return self.last_picture.jpeg
