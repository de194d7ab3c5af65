"""Chromium's own control of each page (CDP), which works while a script keeps the page busy."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Any

from playwright.async_api import BrowserContext, CDPSession, Error, Page

from browser_use_local.gate import ignore_error

REACTS_WITHIN_SECONDS = 5.0
# A script is held to be endless after so many seconds of work, in a step and once no task is at work any more. What
# counts is the time that the page's own thread had: on a busy machine everything takes long.
ENDLESS_AFTER_WORK_SECONDS = 5.0
ENDLESS_AT_REST_AFTER_WORK_SECONDS = 1.0
POLL_SECONDS = 0.1
# Seconds until a page is given up that waits for something itself, as for the answer to a synchronous request.
GIVEN_UP_AFTER_SECONDS = 20.0
# A page may have more than one that does not end.
SCRIPTS_TO_END = 5


class Controls:
    """Sends commands to pages, and ends scripts that keep a page from answering.

    Args:
        context: The pages.
        on_window: Called with what Chromium says when a page opens a window.
    """

    def __init__(self, context: BrowserContext, on_window: Callable[[object], None]) -> None:
        self._context = context
        self._on_window = on_window
        self._controls: dict[Page, asyncio.Task[CDPSession]] = {}

    def add(self, page: Page) -> None:
        """Gets the control of a page as soon as it is there: one that is busy gives none."""
        self._controls[page] = asyncio.create_task(self._control(page))
        self._controls[page].add_done_callback(ignore_error)

    def remove(self, page: Page) -> None:
        """Forgets a page that is closed."""
        if control := self._controls.pop(page, None):
            control.cancel()

    async def ready(self) -> None:
        """Returns when all pages are under control, or gone."""
        if controls := list(self._controls.values()):
            await asyncio.wait(controls, timeout=GIVEN_UP_AFTER_SECONDS)

    async def send(self, page: Page, method: str, parameters: dict[str, Any] | None = None) -> Any:
        """One CDP command.

        Raises:
            playwright.async_api.Error: The page refuses, is gone, or does not react.
        """
        control = self._controls.get(page)
        if control is None:
            raise Error("the page is gone")
        try:
            session = await asyncio.wait_for(asyncio.shield(control), REACTS_WITHIN_SECONDS)
            return await asyncio.wait_for(session.send(method, parameters), REACTS_WITHIN_SECONDS)
        except asyncio.TimeoutError:
            raise Error("the page does not react: one of its scripts may be at work without end") from None
        except asyncio.CancelledError:
            if control.cancelled():
                raise Error("the page is gone") from None
            raise

    async def ended_script(self, page: Page) -> bool:
        """Ends the script of a page if it keeps the page from answering. Returns whether it did."""
        async with _asked(page) as answer:
            await self._wait(answer, page, ENDLESS_AFTER_WORK_SECONDS)
            if _came(answer):
                return False
            await self._end_script(page)
            return True

    async def answers(self, page: Page) -> bool:
        """Whether a page answers, once no task is at work on it: scripts that keep it busy are ended."""
        for _ in range(SCRIPTS_TO_END):
            async with _asked(page) as answer:
                await self._wait(answer, page, ENDLESS_AT_REST_AFTER_WORK_SECONDS)
                if answer.done():
                    return _came(answer)
                await self._end_script(page)
        return False

    async def _wait(self, answer: asyncio.Future[Any], page: Page, seconds: float) -> None:
        """Waits for an answer until the page has worked for so many seconds more."""
        work = asyncio.create_task(self._work(page, seconds))
        try:
            await asyncio.wait([answer, work], return_when=asyncio.FIRST_COMPLETED)
        finally:
            work.cancel()

    async def _work(self, page: Page, seconds: float) -> None:
        """Returns when the thread of a page has worked for so many seconds."""
        began: float | None = None
        while True:
            with contextlib.suppress(Error):  # it does not react now, or is gone
                worked = await self._worked(page)
                if began is None:
                    began = worked
                if worked - began >= seconds:
                    return
            await asyncio.sleep(POLL_SECONDS)

    async def _worked(self, page: Page) -> float:
        """Seconds that the thread of a page has worked since it began."""
        said = await self.send(page, "Performance.getMetrics")
        return float(next((one["value"] for one in said["metrics"] if one["name"] == "ThreadTime"), 0.0))

    async def _end_script(self, page: Page) -> None:
        with contextlib.suppress(Error):
            await self.send(page, "Runtime.terminateExecution")

    async def _control(self, page: Page) -> CDPSession:
        session = await self._context.new_cdp_session(page)
        session.on("Page.windowOpen", self._on_window)
        await session.send("Page.enable")
        await session.send("Performance.enable")
        return session


@contextlib.asynccontextmanager
async def _asked(page: Page) -> AsyncIterator[asyncio.Future[Any]]:
    """A question to a page, which answers it as soon as it has the time."""
    answer = asyncio.ensure_future(asyncio.wait_for(page.evaluate("0"), GIVEN_UP_AFTER_SECONDS))
    answer.add_done_callback(ignore_error)
    try:
        yield answer
    finally:
        answer.cancel()


def _came(answer: asyncio.Future[Any]) -> bool:
    """Whether a page has answered; one that is on its way to the next one, or closed, refuses at once."""
    return answer.done() and not isinstance(answer.exception(), asyncio.TimeoutError)
