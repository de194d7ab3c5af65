"""One running Chromium: the browser of a session."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from playwright.async_api import BrowserContext, Dialog, Download, Error, Page, StorageState

from browser_use_local.controls import Controls
from browser_use_local.gate import Gate
from browser_use_local.processes import end_all, of_profile
from browser_use_local.windows import Windows

ACTION_TIMEOUT_MS = 10_000
NAVIGATION_TIMEOUT_MS = 30_000
CLOSES_WITHIN_SECONDS = 5.0
# What must not be seen in a picture: passwords, and fields that a secret was typed into.
MASK_ATTRIBUTE = "data-browser-use-masked"
MASKED = f"input[type=password], [{MASK_ATTRIBUTE}]"


@dataclass(frozen=True)
class AnsweredDialog:
    """What a page asked, and what it was answered."""

    said: str
    is_answered: bool = True


@dataclass(frozen=True)
class Tab:
    """An open page: its number among all that the browser ever opened, and what its tab says."""

    number: int
    title: str
    url: str
    is_front: bool


class Browser:
    """One running Chromium with a profile folder of its own."""

    def __init__(self, context: BrowserContext, folder: Path, cdp_url: str | None = None) -> None:
        self._context = context
        self._folder = folder
        self.cdp_url = cdp_url
        self.on_download: Callable[[Download], None] | None = None
        self.on_break: Callable[[str], None] | None = None
        self.gate = Gate(context)
        self.windows = Windows(context)
        self._controls = Controls(context, self.windows.expect)
        self._counter = itertools.count(1)
        self._numbers: dict[Page, int] = {}
        self._chosen: Page | None = None
        self._is_closing = False
        self.dialogs: list[AnsweredDialog] = []
        context.set_default_timeout(ACTION_TIMEOUT_MS)
        context.set_default_navigation_timeout(NAVIGATION_TIMEOUT_MS)
        context.on("page", self._watch)
        context.on("close", lambda _: self._break("Chromium ended unexpectedly"))
        for page in context.pages:
            self._watch(page)

    @property
    def page(self) -> Page:
        """The page in front: the newest that is open, or the one that a person chose since."""
        if not self._context.pages:
            raise Error("its last page was closed")
        return self._chosen if self._chosen in self._context.pages else self._context.pages[-1]

    async def allow_only(self, domains: Sequence[str]) -> None:
        """From now on opens pages of these domains only (`shop.test`, `*.test`, `https://shop.test`); none: all."""
        await self.gate.allow_only(domains)

    async def state(self) -> StorageState:
        """Cookies and local storage."""
        return await self._context.storage_state()

    async def screenshot(self, *, with_caret: bool = False) -> bytes:
        """The page in front as a JPEG, without passwords and secrets."""
        page = self.page
        hidden = [frame.locator(MASKED) for frame in page.frames]
        caret: Literal["initial", "hide"] = "initial" if with_caret else "hide"
        return await page.screenshot(type="jpeg", quality=70, mask=hidden, mask_color="#333333", caret=caret)

    async def tabs(self) -> list[Tab]:
        """The open pages, in the order of their opening; what a busy page is called is asked of Chromium itself."""
        pages = self._context.pages
        titles = await asyncio.gather(*map(self._title, pages))
        there = [(page, title) for page, title in zip(pages, titles, strict=True) if page in self._numbers]
        return [Tab(self._numbers[page], title, page.url, page is self.page) for page, title in there]

    async def _title(self, page: Page) -> str:
        try:
            about = await self.send("Target.getTargetInfo", page=page)
        except Error:  # it is only just opening, or closed
            return ""
        title: str = about["targetInfo"]["title"]
        return title

    async def send(self, method: str, parameters: dict[str, Any] | None = None, page: Page | None = None) -> Any:
        """One CDP command to a page, by default the one in front.

        Raises:
            playwright.async_api.Error: The page refuses, is gone, or does not react.
        """
        return await self._controls.send(page or self.page, method, parameters)

    async def choose(self, number: int) -> None:
        """Brings a tab to the front."""
        self._chosen = self._numbered(number)
        await self._chosen.bring_to_front()

    async def close_tab(self, number: int) -> None:
        """Closes a tab. The last one stays, since a session is a browser with a page."""
        page = self._numbered(number)
        if len(self._context.pages) > 1:
            await page.close()

    def _numbered(self, number: int) -> Page:
        found = next((page for page, given in self._numbers.items() if given == number), None)
        if found is None:
            raise Error("the tab is closed already")
        return found

    async def ready(self) -> None:
        """Returns when its pages are under control, so that no script can keep one busy without end."""
        await self._controls.ready()

    async def answers(self) -> bool:
        """Whether the page in front answers, once no task is at work on it: scripts that keep it busy are ended."""
        return not self._context.pages or await self._controls.answers(self.page)

    async def ended_script(self) -> bool:
        """Ends the script of the page in front if it keeps the page from answering. Returns whether it did."""
        return bool(self._context.pages) and await self._controls.ended_script(self.page)

    async def close(self) -> None:
        """Closes Chromium, whatever its pages do, and removes its folder."""
        self._is_closing = True
        try:
            with contextlib.suppress(Error, asyncio.TimeoutError):
                await asyncio.wait_for(self._context.close(), CLOSES_WITHIN_SECONDS)
        finally:
            await asyncio.to_thread(end_all, of_profile(self._folder / "profile"))
            await asyncio.to_thread(shutil.rmtree, self._folder, ignore_errors=True)

    def _break(self, reason: str) -> None:
        if self.on_break and not self._is_closing:
            self.on_break(reason)

    def _forget(self, page: Page) -> None:
        self._numbers.pop(page, None)
        self._controls.remove(page)

    def _watch(self, page: Page) -> None:
        self._chosen = None
        self._numbers[page] = next(self._counter)
        self._controls.add(page)
        page.on("close", self._forget)
        page.on("crash", lambda _: self._break("a page crashed"))
        if self.cdp_url is None:
            page.on("download", self._pass_on)
            page.on("dialog", self._answer)
        else:
            # The agent that is attached takes downloads for itself, and accepts what pages ask; else Playwright, which
            # declines, would be first now and then.
            page.on("dialog", _accept)

    def _pass_on(self, download: Download) -> None:
        if self.on_download:
            self.on_download(download)

    async def _answer(self, dialog: Dialog) -> None:
        """Agrees to what a page asks, since a step asked for it, and notes it; a text to type is known to nobody."""
        if dialog.type == "prompt":
            said = AnsweredDialog(f'The page asked "{dialog.message}" and was answered "Cancel".', is_answered=False)
        elif dialog.type == "alert":
            said = AnsweredDialog(f'The page said "{dialog.message}" and was answered "OK".')
        else:
            question = dialog.message or "Leave this page?"
            said = AnsweredDialog(f'The page asked "{question}" and was answered "OK".')
        self.dialogs.append(said)
        with contextlib.suppress(Error):  # the page is gone
            await (dialog.accept() if said.is_answered else dialog.dismiss())


async def _accept(dialog: Dialog) -> None:
    with contextlib.suppress(Error):  # the agent was first
        await dialog.accept()
