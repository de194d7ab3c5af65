"""The windows that the pages of a browser open."""

from __future__ import annotations

import asyncio
import logging

from playwright.async_api import BrowserContext, Error, Page, Request

logger = logging.getLogger(__name__)

# Seconds that a window gets until it has a page, as any other navigation.
ARRIVES_WITHIN_SECONDS = 30.0
ABORTED = "net::ERR_ABORTED"


class Windows:
    """Knows when each window that was opened has a page, or will have none.

    Chromium says at once that a window opens (`Page.windowOpen`); Playwright has it as soon as something came for it.
    Nothing comes where the request is aborted: it was answered with 204 or with a download, or the window was closed.

    Args:
        context: The pages of the browser.
    """

    def __init__(self, context: BrowserContext) -> None:
        self._pages: list[Page] = []
        self._to_come = 0
        self._all_came = asyncio.Event()
        self.forget()
        context.on("page", self._came)
        context.on("requestfailed", self._failed)

    def forget(self) -> None:
        """Forgets the windows so far."""
        self._pages.clear()
        self._expect(0)

    def expect(self, _: object) -> None:
        """Notes that a window opens."""
        self._expect(self._to_come + 1)

    async def arrived(self) -> list[Page]:
        """The windows that were opened since `forget` and have a page, or an error in its place; waits for them."""
        try:
            await asyncio.wait_for(self._all_came.wait(), ARRIVES_WITHIN_SECONDS)
        except asyncio.TimeoutError:
            logger.warning("a window that a page opened has had no page for %g s", ARRIVES_WITHIN_SECONDS)
        self._expect(0)
        return [page for page in self._pages if not page.is_closed()]

    def _came(self, page: Page) -> None:
        if page.url:  # one without belongs to a request that was aborted
            self._pages.append(page)
            self._expect(self._to_come - 1)

    def _failed(self, request: Request) -> None:
        if request.is_navigation_request() and request.failure == ABORTED and not _has_page(request):
            self._expect(self._to_come - 1)

    def _expect(self, number: int) -> None:
        self._to_come = max(0, number)
        if self._to_come:
            self._all_came.clear()
        else:
            self._all_came.set()


def _has_page(request: Request) -> bool:
    try:
        return bool(request.frame)
    except Error:
        return False
