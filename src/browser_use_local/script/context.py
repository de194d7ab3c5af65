"""What a step has at hand while it is carried out: the page, the secrets, and what was read so far."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any, Protocol, TypeVar

from playwright.async_api import Error, Frame, Page, Request

from browser_use_local.browser import AnsweredDialog, Browser
from browser_use_local.engine import Upload
from browser_use_local.masking import mask
from browser_use_local.script.grammar import Value
from browser_use_local.urls import is_of_host

T = TypeVar("T")

# How long a step looks for what it names, since pages build themselves up; in milliseconds.
FINDS_WITHIN_MS = 3_000
POLL_MS = 100
# What is read of a page; the script that reads it knows each of them.
READ = "table, dl, input, select, textarea, output, h1, h2, h3, h4, h5, h6"
ERROR_PAGE = "chrome-error:"
NOT_OF_THE_WEB = "about:blank#blocked"
BLOCKED_PAGE = "ERR_BLOCKED_BY_CLIENT"
# A click's navigation starts a moment after the click has returned.
NAVIGATION_STARTS_WITHIN_MS = 60


class StepFailedError(Exception):
    """A step could not be carried out. The message says what was looked for and what is there instead."""


class HttpError(StepFailedError):
    """A step led to a page that the site answers with an HTTP error."""


@dataclass(frozen=True)
class Table:
    """A table of the page: its name (caption, label or the heading above it), headings, and rows of cells.

    `index` is its place among the tables of its frame, `positions` those of the rows within it. Where a `problem` keeps
    it from being read right, it has no rows.
    """

    name: str
    index: int
    headings: list[str]
    rows: list[list[str]]
    positions: list[int]
    problem: str | None = None
    frame: Frame | None = None

    def check(self) -> None:
        """Raises StepFailedError where the table cannot be read right."""
        if self.problem:
            raise StepFailedError(f'The table "{self.name}" cannot be read: {self.problem}.')

    @property
    def records(self) -> list[dict[str, str]]:
        """The rows as objects."""
        return [dict(zip(self.headings, row, strict=True)) for row in self.rows]


@dataclass(frozen=True)
class PageContent:
    """What a page says in a form that a program can read: tables, and names with values."""

    title: str
    url: str
    tables: list[Table]
    pairs: list[tuple[str, str]]


@dataclass
class ExtractedValues:
    """What the steps of a task have read, and what the pages asked meanwhile."""

    tables: list[Table] = field(default_factory=list)
    pairs: list[tuple[str, str]] = field(default_factory=list)
    dialogs: list[AnsweredDialog] = field(default_factory=list)


class Step(Protocol):
    """A step of a task. Its class says in which forms it may be written."""

    async def perform(self, context: StepContext) -> str:
        """Carries the step out and says what came of it; raises StepFailedError."""


@dataclass
class StepContext:
    """The page that steps work on."""

    browser: Browser
    secrets: Mapping[str, str] = field(repr=False)
    secret_hosts: Mapping[str, list[str]] = field(default_factory=dict)
    uploads: Mapping[str, Upload] = field(default_factory=dict)
    extracted: ExtractedValues = field(default_factory=ExtractedValues)

    @property
    def page(self) -> Page:
        """The page in front."""
        return self.browser.page

    def reveal(self, value: Value) -> str:
        """The text to type for a value."""
        return self.secrets[value.text] if value.is_secret else value.text

    def check_host(self, value: Value, host: str) -> None:
        """Raises StepFailedError where a value is a secret that is not for pages of this host."""
        hosts = self.secret_hosts.get(value.text) if value.is_secret else None
        if hosts and not any(is_of_host(host, one) for one in hosts):
            where = f"a page of {host}" if host else "a page of no host"
            raise StepFailedError(
                f"The secret {{{{{value.text}}}}} is for pages of {', '.join(hosts)} only, and this is {where}."
            )

    def shown(self, value: T) -> T:
        """What was read from the page, as it may be written down: without secrets."""
        return mask(value, self.secrets)

    def lines(self, pairs: Sequence[tuple[str, str]]) -> str:
        """Names and values as they may be written down, each on a line."""
        return "\n".join(f"{label}: {self.shown(value)}" for label, value in pairs)

    async def read_page(self) -> PageContent:
        """Reads the page."""
        content = PageContent(await self.page.title(), self.page.url, [], [])
        for frame in await self.frames():
            is_page = frame == self.page.main_frame
            read: dict[str, Any] = await frame.locator(READ).evaluate_all(_reading_script(), is_page)
            content.tables.extend(Table(**table, frame=frame) for table in read["tables"])
            content.pairs.extend((label, value) for label, value in read["pairs"])
        return content

    async def frames(self) -> list[Frame]:
        """The page, and the frames on it that can be seen."""
        page = self.page
        return [page.main_frame, *[frame for frame in page.frames if await _is_seen(frame)]]

    async def until(self, look: Callable[[], Awaitable[Any]], timeout_ms: int = FINDS_WITHIN_MS) -> Any:
        """What `look` returns as soon as that is something, or its last answer when the time is over."""
        for _ in range(timeout_ms // POLL_MS):
            with contextlib.suppress(Error):  # the page may be on its way to the next one
                if found := await look():
                    return found
            await self.pause(POLL_MS / 1000)
        return await look()

    async def pause(self, seconds: float) -> None:
        """Lets time pass, whatever becomes of the page meanwhile."""
        await asyncio.sleep(seconds)

    async def act(self, action: Callable[[], Awaitable[Any]]) -> None:
        """Does something to the page, and returns when the page that it leads to is there, in this window or a new one.

        Raises:
            StepFailedError: There is no such page, or it is an error of the site.
        """
        page = self.page
        self.browser.gate.refused = None
        self.browser.windows.forget()
        navigations: list[Request] = []
        arrived: list[Frame] = []

        def watch_request(request: Request) -> None:
            if request.is_navigation_request() and request.frame == page.main_frame:
                navigations.append(request)

        def watch_frame(frame: Frame) -> None:
            if frame == page.main_frame:
                arrived.append(frame)

        page.on("request", watch_request)
        page.on("framenavigated", watch_frame)
        try:
            await action()
            with contextlib.suppress(Error):  # the page is closed by then
                await page.wait_for_timeout(NAVIGATION_STARTS_WITHIN_MS)
            while navigations and not arrived and navigations[-1].failure is None and not page.is_closed():
                await self.pause(POLL_MS / 4000)
            has_ended = navigations and (arrived or navigations[-1].failure)
            answer = await navigations[-1].response() if has_ended else None
            windows = await self.browser.windows.arrived()
        finally:
            page.remove_listener("request", watch_request)
            page.remove_listener("framenavigated", watch_frame)
        await self._load()
        # An error without a body is a page of the browser's own: what the site said comes first.
        if answer is not None and answer.status >= 400:
            raise HttpError(f"{answer.url} answers with HTTP {answer.status}.")
        for window in windows:
            if (status := await _status(window)) >= 400:
                raise HttpError(f"The page of the new window answers with HTTP {status}.")
        self._check_arrival(navigations, windows)

    async def _load(self) -> None:
        """Returns when the page in front is loaded: the one before, where a window closes meanwhile."""
        while True:
            page = self.page
            try:
                return await page.wait_for_load_state()
            except Error:
                if not page.is_closed():
                    raise

    def _check_arrival(self, navigations: Sequence[Request], windows: Sequence[Page]) -> None:
        """Raises StepFailedError where there is no page now, but what a browser shows instead of one."""
        if self.page.url == NOT_OF_THE_WEB:
            raise StepFailedError("It leads to a URL that is not one of the web, which is not opened.")
        if self.page.url.startswith(ERROR_PAGE):
            if self.browser.gate.refused:
                raise StepFailedError(f"{self.browser.gate.refused} is not in the allowed domains.")
            if navigations:
                raise StepFailedError(f"{navigations[-1].url} cannot be opened: {navigations[-1].failure}")
            if windows:
                raise StepFailedError("The page of the new window cannot be opened.")


_STATUS = "performance.getEntriesByType('navigation')[0]?.responseStatus ?? 0"


async def _status(window: Page) -> int:
    """What the page of a window was answered with; 0 where that cannot be known."""
    try:
        status: int = await window.evaluate(_STATUS)
    except Error:
        if window.is_closed():
            return 0
        raise
    return status


async def _is_seen(frame: Frame) -> bool:
    """Whether a frame of a page can be seen; the page itself is not one."""
    if frame.parent_frame is None:
        return False
    try:
        return await (await frame.frame_element()).is_visible()
    except Error:  # it is gone
        return False


@cache
def _reading_script() -> str:
    return files(__package__).joinpath("read_page.js").read_text(encoding="utf-8")
