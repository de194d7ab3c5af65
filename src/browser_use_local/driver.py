"""The driver of the browsers: Playwright's own process, which stands between the server and every Chromium."""

from __future__ import annotations

import asyncio
import contextlib

from playwright.async_api import Error, Playwright, async_playwright

ANSWERS_WITHIN_SECONDS = 30.0
ENDS_WITHIN_SECONDS = 3.0


class Driver:
    """Playwright, started anew when its process has died."""

    def __init__(self) -> None:
        self._running: Playwright | None = None

    async def playwright(self) -> Playwright:
        """What starts browsers."""
        if self._running is None:
            self._running = await async_playwright().start()
        return self._running

    async def is_alive(self) -> bool:
        """Whether the process answers. Where it does not, the next browser gets a new one."""
        if self._running is None:
            return True
        try:
            # The cheapest thing that goes there and back.
            probe = await asyncio.wait_for(self._running.request.new_context(), ANSWERS_WITHIN_SECONDS)
            await asyncio.wait_for(probe.dispose(), ANSWERS_WITHIN_SECONDS)
        except (Error, asyncio.TimeoutError):
            await self.stop()
            return False
        return True

    async def stop(self) -> None:
        """Ends it."""
        running, self._running = self._running, None
        if running is not None:
            with contextlib.suppress(Exception):  # one that has died needs no end
                await asyncio.wait_for(running.stop(), ENDS_WITHIN_SECONDS)
