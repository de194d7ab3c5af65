"""Steps that go from page to page."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import ClassVar

from playwright.async_api import Error, Response

from browser_use_local.script.coerce import comparable, same_name
from browser_use_local.script.context import BLOCKED_PAGE, HttpError, StepContext, StepFailedError, Table
from browser_use_local.script.elements import clickable
from browser_use_local.script.grammar import Form
from browser_use_local.urls import is_web_url

MONEY = re.compile(r"^\W*(?:[A-Z]{3}|[$€£¥])?\s*[\d.,]*\d\s*(?:[A-Z]{3}|[$€£¥])?$")
CURRENCY = re.compile(r"[A-Z]{3}|[$€£¥]")


async def open_url(context: StepContext, url: str) -> None:
    """Opens a web page; a URL without a scheme is one of https. Fails where there is no page."""
    url = url if "://" in url else f"https://{url}"
    try:
        response = await context.page.goto(url)
    except Error as error:
        if BLOCKED_PAGE in error.message:
            raise StepFailedError(f"{context.browser.gate.refused or url} is not in the allowed domains.") from error
        reason = re.sub(r"^.*?net::| at https?:.*$", "", error.message.splitlines()[0])
        raise StepFailedError(f"{url} cannot be opened: {reason}") from error
    _check(response)


def _check(response: Response | None) -> None:
    if response is not None and response.status >= 400:
        raise HttpError(f"{response.url} answers with HTTP {response.status}.")


@dataclass(frozen=True)
class OpenUrl:
    """Opens a web page."""

    url: str
    forms: ClassVar[tuple[Form, ...]] = (Form.of("(open|go to|visit|navigate to|load) <url>"),)

    def __post_init__(self) -> None:
        if not is_web_url(self.url):
            raise ValueError(f'only http and https URLs can be opened, and this one is "{self.url}".')

    async def perform(self, context: StepContext) -> str:
        """Goes there."""
        await open_url(context, self.url)
        return f'The page "{await context.page.title()}" is open.'


@dataclass(frozen=True)
class GoBack:
    """Goes back to the page before."""

    forms: ClassVar[tuple[Form, ...]] = (Form.of("go back [to the previous page]"),)

    async def perform(self, context: StepContext) -> str:
        """Goes back."""
        response = await context.page.go_back()
        if response is None:
            raise StepFailedError("There is no page to go back to.")
        _check(response)
        return f'Back on "{await context.page.title()}".'


@dataclass(frozen=True)
class Reload:
    """Loads the page anew."""

    forms: ClassVar[tuple[Form, ...]] = (Form.of("(reload|refresh) [the page]"),)

    async def perform(self, context: StepContext) -> str:
        """Reloads."""
        _check(await context.page.reload())
        return f'"{await context.page.title()}" is loaded anew.'


@dataclass(frozen=True)
class Click:
    """Clicks a link or a button."""

    name: str
    forms: ClassVar[tuple[Form, ...]] = (
        Form.of("(click|press|follow|tap) [on] [the] <name> [link|button|tab]"),
        Form.of("(open|go to) [the] <name> [page|link|tab|menu]"),
    )

    async def perform(self, context: StepContext) -> str:
        """Clicks."""
        element = await clickable(context, self.name)
        await context.act(element.click)
        return f'Clicked "{self.name}"; the page is "{await context.page.title()}".'


@dataclass(frozen=True)
class PressKey:
    """Presses a key."""

    key: str
    forms: ClassVar[tuple[Form, ...]] = (Form.of("(press|hit) [the] <key> [key]"),)

    async def perform(self, context: StepContext) -> str:
        """Presses."""
        await context.act(lambda: context.page.keyboard.press(self.key.capitalize()))
        return f"Pressed {self.key}."


@dataclass(frozen=True)
class OpenHighest:
    """Opens the row of a table that has the most of something."""

    row: str
    column: str | None = None
    forms: ClassVar[tuple[Form, ...]] = (
        Form.of("open [the] <row:name> with [the] (highest|largest|biggest|latest|newest|most recent) <column:name>"),
        Form.of("open [the] (dearest|most expensive) <row:name>"),
    )
    sign: ClassVar[int] = 1

    async def perform(self, context: StepContext) -> str:
        """Finds the row, and clicks the first link in it."""
        table, column = await self._table(context)
        table.check()
        values = {index: comparable(row[column]) for index, row in enumerate(table.rows)}
        ranks = {index: self.sign * value for index, value in values.items() if value is not None}
        if not ranks:
            raise StepFailedError(f'The column "{table.headings[column]}" has no numbers or dates to compare.')
        best = max(ranks, key=lambda index: ranks[index])
        value = context.shown(table.rows[best][column])
        if list(ranks.values()).count(ranks[best]) > 1:
            raise StepFailedError(f'Several rows share the same "{table.headings[column]}", {value}.')
        row = (table.frame or context.page).locator("table").nth(table.index).locator("tr").nth(table.positions[best])
        link = row.get_by_role("link").first
        if not await link.count():
            raise StepFailedError(f"The row {context.shown(table.rows[best])} has no link to open.")
        await context.act(link.click)
        return f'Opened the row with {table.headings[column]} {value}: "{await context.page.title()}".'

    async def _table(self, context: StepContext) -> tuple[Table, int]:
        async def look() -> list[tuple[Table, int]]:
            tables = (await context.read_page()).tables
            return [(table, index) for table in tables for index in self._columns(table)]

        found: list[tuple[Table, int]] = await context.until(look)
        if len(found) == 1:
            return found[0]
        what = f'column "{self.column}"' if self.column else "column with amounts of money"
        raise StepFailedError(f"{len(found) or 'No'} tables with a {what} are on this page, and one is needed.")

    def _columns(self, table: Table) -> list[int]:
        """The columns that can be meant."""
        columns = range(len(table.headings))
        if self.column:
            return [index for index in columns if same_name(table.headings[index], self.column)]
        return [
            index
            for index in columns
            if table.rows and all(MONEY.match(row[index]) and CURRENCY.search(row[index]) for row in table.rows)
        ]


@dataclass(frozen=True)
class OpenLowest(OpenHighest):
    """Opens the row of a table that has the least of something."""

    forms: ClassVar[tuple[Form, ...]] = (
        Form.of("open [the] <row:name> with [the] (lowest|smallest|earliest|oldest) <column:name>"),
        Form.of("open [the] cheapest <row:name>"),
    )
    sign: ClassVar[int] = -1
