"""The allowed domains of a task, which Chromium itself asks about before each request for a page."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from playwright.async_api import BrowserContext, CDPSession

from browser_use_local.urls import is_allowed


class Gate:
    """Lets one browser open pages of the allowed domains only.

    Chromium asks for those too that a redirect leads to, and for those of a window that has just opened. Playwright's
    routes see neither.

    Args:
        context: The pages of the browser.
    """

    def __init__(self, context: BrowserContext) -> None:
        self._context = context
        self._domains: Sequence[str] = ()
        self._session: CDPSession | None = None
        self._replies: set[asyncio.Future[Any]] = set()
        self.refused: str | None = None

    async def allow_only(self, domains: Sequence[str]) -> None:
        """From now on lets pages of these domains through; of all, where there are none."""
        self._domains = domains
        if self._session is None and domains and self._context.browser:
            self._session = await self._context.browser.new_browser_cdp_session()
            self._session.on("Fetch.requestPaused", self._check)
            await self._session.send("Fetch.enable", {"patterns": [{"resourceType": "Document"}]})
        elif self._session is not None and not domains:
            session, self._session = self._session, None
            await session.detach()

    def _check(self, paused: dict[str, Any]) -> None:
        url, request = paused["request"]["url"], {"requestId": paused["requestId"]}
        if is_allowed(url, self._domains):
            self._reply("Fetch.continueRequest", request)
        else:
            self.refused = url
            self._reply("Fetch.failRequest", {**request, "errorReason": "BlockedByClient"})

    def _reply(self, method: str, parameters: dict[str, Any]) -> None:
        if self._session is not None:
            reply = asyncio.ensure_future(self._session.send(method, parameters))
            self._replies.add(reply)
            reply.add_done_callback(self._replies.discard)
            reply.add_done_callback(ignore_error)


def ignore_error(job: asyncio.Future[Any]) -> None:
    """What was asked of a page that is gone already is answered with an error, which is no news."""
    if not job.cancelled():
        job.exception()
