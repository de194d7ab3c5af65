"""Steps that read, check and wait for what the page says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from browser_use_local.output_schema import as_json
from browser_use_local.script.coerce import same_name
from browser_use_local.script.context import FINDS_WITHIN_MS, StepContext, StepFailedError, Table
from browser_use_local.script.grammar import Form, Value

APPEARS_WITHIN_MS = 30_000
LONGEST_WAIT_SECONDS = 600


async def _shows(context: StepContext, text: str, timeout_ms: int) -> bool:
    shown = context.page.get_by_text(text).locator("visible=true")
    return bool(await context.until(shown.count, timeout_ms))


@dataclass(frozen=True)
class ReadTable:
    """Reads a table."""

    name: str | None = None
    forms: ClassVar[tuple[Form, ...]] = (
        Form.of("(read|report|extract|get|list|collect|return) the table"),
        Form.of("(read|report|extract|get|list|collect|return) [the] <name> table"),
    )

    async def perform(self, context: StepContext) -> str:
        """Reads the one table of this name; without a name the only one there is."""

        async def look() -> list[Table]:
            tables = (await context.read_page()).tables
            # Pages are also laid out with tables, which have no headings.
            for those in ([table for table in tables if table.headings], tables):
                if named := self._named(those):
                    return named
            return []

        found: list[Table] = await context.until(look)
        if len(found) != 1:
            there = ", ".join(f'"{table.name}"' for table in (await context.read_page()).tables) or "none"
            wanted = f'named "{self.name}" ' if self.name else ""
            raise StepFailedError(
                f"{len(found) or 'No'} tables {wanted}are on {context.page.url}. What is there: {there}."
            )
        found[0].check()
        context.extracted.tables.append(found[0])
        return as_json(context.shown(found[0].records))

    def _named(self, tables: list[Table]) -> list[Table]:
        if self.name is None:
            return tables
        exact = [table for table in tables if table.name.casefold() == self.name.casefold()]
        return exact or [table for table in tables if same_name(table.name, self.name, part=True)]


@dataclass(frozen=True)
class Report:
    """Reads values by their names."""

    names: tuple[str, ...]
    forms: ClassVar[tuple[Form, ...]] = (
        Form.of("(report|read|extract|get|find|note|return|tell me) [the|its|their] <names>"),
    )

    async def perform(self, context: StepContext) -> str:
        """Reads each name; fails where one is not on the page, or has several values there."""

        async def look() -> list[list[tuple[str, str]]] | None:
            pairs = (await context.read_page()).pairs
            found = [_named(pairs, name) for name in self.names]
            return found if all(found) else None

        found: list[list[tuple[str, str]]] | None = await context.until(look)
        if found is None:
            content = await context.read_page()
            missing = ", ".join(f'"{name}"' for name in self.names if not _named(content.pairs, name))
            there = ", ".join(f'"{label}"' for label in dict.fromkeys(label for label, _ in content.pairs))
            raise StepFailedError(f"No value for {missing} is on {content.url}. What is there: {there}.")
        for name, pairs in zip(self.names, found, strict=True):
            if len(pairs) > 1:
                shown = context.shown([list(pair) for pair in pairs])
                there = ", ".join(f'"{label}: {value}"' for label, value in shown)
                raise StepFailedError(f'"{name}" has several values on {context.page.url}: {there}.')
        read = [pair for (pair,) in found]
        context.extracted.pairs.extend(read)
        return context.lines(read)


def _named(pairs: Sequence[tuple[str, str]], name: str) -> list[tuple[str, str]]:
    """The values of this name, each once; without one, those whose name has it among its words."""
    for part in (False, True):
        if found := [pair for pair in dict.fromkeys(pairs) if same_name(pair[0], name, part=part)]:
            # One value may stand on a page under two spellings of its name.
            return found if len({value for _, value in found}) > 1 else found[:1]
    return []


@dataclass(frozen=True)
class ReportIt:
    """Says that what was read is the result, which it is anyway."""

    forms: ClassVar[tuple[Form, ...]] = (Form.of("(report|return|tell me) (it|them|the result|the results)"),)

    async def perform(self, context: StepContext) -> str:
        """Fails where nothing was read."""
        if not context.extracted.tables and not context.extracted.pairs:
            raise StepFailedError("Nothing was read before this step.")
        return "Reported."


@dataclass(frozen=True)
class CheckText:
    """Checks that the page says something."""

    text: Value
    forms: ClassVar[tuple[Form, ...]] = (
        Form.of("(check|verify|confirm|make sure) [that] [the] page (says|shows|contains) <text>"),
    )

    async def perform(self, context: StepContext) -> str:
        """Fails where the page does not say it."""
        if not await _shows(context, context.reveal(self.text), FINDS_WITHIN_MS):
            raise StepFailedError(
                f'The page "{await context.page.title()}" ({context.page.url}) does not say "{self.text.text}".'
            )
        return f'The page says "{self.text.text}".'


@dataclass(frozen=True)
class Wait:
    """Waits for some seconds."""

    number: str
    forms: ClassVar[tuple[Form, ...]] = (Form.of("wait [for] <number> (seconds|second)"),)

    def __post_init__(self) -> None:
        if float(self.number) > LONGEST_WAIT_SECONDS:
            raise ValueError(f"the longest wait is {LONGEST_WAIT_SECONDS} seconds.")

    async def perform(self, context: StepContext) -> str:
        """Waits."""
        await context.pause(float(self.number))
        return f"Waited {self.number} s."


@dataclass(frozen=True)
class WaitForText:
    """Waits until the page says something."""

    text: Value
    forms: ClassVar[tuple[Form, ...]] = (
        Form.of("wait for <text> [to appear]"),
        Form.of("wait until [the page says|the page shows] <text> [appears|is shown]"),
    )

    async def perform(self, context: StepContext) -> str:
        """Fails where the page does not say it within half a minute."""
        if not await _shows(context, context.reveal(self.text), APPEARS_WITHIN_MS):
            raise StepFailedError(
                f'The page did not say "{self.text.text}" within {APPEARS_WITHIN_MS // 1000} seconds.'
            )
        return f'The page says "{self.text.text}".'
