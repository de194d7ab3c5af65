"""Fills a JSON schema with what was read from a page."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Any

from referencing import Registry
from referencing.exceptions import Unresolvable
from referencing.jsonschema import DRAFT202012

from browser_use_local.output_schema import TOO_MUCH_WORK, faults_found
from browser_use_local.script.coerce import coerce, same_name, words
from browser_use_local.script.context import ExtractedValues, PageContent, StepFailedError, Table
from browser_use_local.work import TooMuchWorkError, bounded

MISSING = object()
MAX_NESTING = 8

# From each source, what the steps have read first, and then what the page has.
Tables = tuple[Sequence[Table], Sequence[Table]]
Pairs = tuple[Sequence[tuple[str, str]], Sequence[tuple[str, str]]]


class DoesNotFitError(Exception):
    """The page does not have what the schema asks for. The message says what is missing."""


async def fill(schema: dict[str, Any], extracted: ExtractedValues, content: PageContent) -> Any:
    """Fills the schema, first from what was read, then from the page.

    Raises:
        DoesNotFitError: The result is not valid.
    """
    tables = (_without_frames(extracted.tables), _without_frames(content.tables))
    try:
        return await bounded(_filled, schema, tables, (extracted.pairs, content.pairs))
    except TooMuchWorkError:
        raise DoesNotFitError(TOO_MUCH_WORK) from None


def _filled(schema: dict[str, Any], tables: Tables, pairs: Pairs) -> Any:
    result = _Filler(schema, tables, pairs).value(schema, "")
    if result is MISSING:
        result = {}
    if problem := faults_found(schema, result):
        raise DoesNotFitError(problem)
    return result


def _without_frames(tables: Sequence[Table]) -> list[Table]:
    """What can go to another process."""
    return [dataclasses.replace(table, frame=None) for table in tables]


class _Filler:
    """Takes values from what was read, and then from the page as it is."""

    def __init__(self, root: dict[str, Any], tables: Tables, pairs: Pairs) -> None:
        self._references = Registry().with_resource("", DRAFT202012.create_resource(root)).resolver()
        self._tables = tables
        self._pairs = pairs

    def value(self, schema: Any, name: str, row: dict[str, str] | None = None, depth: int = 0) -> Any:
        """The value for one (sub)schema: from the row that it belongs to, or else from the page."""
        if depth > MAX_NESTING or not isinstance(schema, dict):
            return MISSING
        for choice in self._choices(schema):
            if (found := self._choice(choice, name, row, depth)) is not MISSING:
                return found
        return schema.get("default", MISSING)

    def _choice(self, schema: dict[str, Any], name: str, row: dict[str, str] | None, depth: int) -> Any:
        if "properties" in schema:
            values = {key: self.value(sub, key, row, depth + 1) for key, sub in schema["properties"].items()}
            return {key: value for key, value in values.items() if value is not MISSING} or MISSING
        if schema.get("type") == "array":
            return MISSING if row is not None else self._array(schema.get("items"), name, depth)
        names = [name, *([schema["title"]] if isinstance(schema.get("title"), str) else [])]
        sources = (list(row.items()),) if row is not None else self._pairs
        text = next((value for wanted in names if (value := _named(sources, wanted)) is not None), None)
        return MISSING if text is None else coerce(text, schema)

    def _array(self, items: Any, name: str, depth: int) -> Any:
        """Objects from the table that fits best; plain values from the column of this name."""
        for choice in self._choices(items if isinstance(items, dict) else {}):
            if "properties" in choice:
                wanted = list(choice["properties"])
                best = self._table(wanted, name)
                if best is None:
                    return MISSING
                rows = (self.value(choice, "", record, depth + 1) for record in best.records)
                return [row for row in rows if row is not MISSING]
            if best := self._table([name], "", whole=True):
                heading = next(heading for heading in best.headings if same_name(heading, name))
                return [coerce(record[heading], choice) for record in best.records]
        return MISSING

    def _table(self, wanted: Sequence[str], name: str, *, whole: bool = False) -> Table | None:
        """The table with most of the wanted columns: one that was read, else of the page. Its name decides between two.

        Raises:
            DoesNotFitError: Several tables fit alike, or the one that fits cannot be read right.
        """
        most = max((_fit(table, wanted, whole) for tables in self._tables for table in tables), default=0)
        if not most:
            return None
        fit = next(
            those for tables in self._tables if (those := [one for one in tables if _fit(one, wanted, whole) == most])
        )
        fit = [table for table in fit if set(words(name)) & set(words(table.name))] or fit
        if len({(tuple(table.headings), tuple(map(tuple, table.rows))) for table in fit}) > 1:
            names = ", ".join(f'"{table.name}"' for table in fit)
            where = f"{name}: s" if name else "S"
            raise DoesNotFitError(f"{where}everal tables have these columns: {names}. Read the one that is meant.")
        try:
            fit[0].check()
        except StepFailedError as error:
            raise DoesNotFitError(str(error)) from error
        return fit[0]

    def _choices(self, schema: dict[str, Any], depth: int = 0) -> Iterator[dict[str, Any]]:
        """The schemas that a value may fit, references resolved; `null` is what is left when none is found."""
        if depth > MAX_NESTING:
            return
        if "$ref" in schema:
            schema = {**self._resolve(schema["$ref"]), **{key: schema[key] for key in schema if key != "$ref"}}
        alternatives = schema.get("anyOf") or schema.get("oneOf") or schema.get("allOf")
        if isinstance(schema.get("type"), list):
            alternatives = [{**schema, "type": kind} for kind in schema["type"]]
        if not alternatives:
            if schema.get("type") != "null":
                yield schema
            return
        shared = {key: schema[key] for key in ("title",) if key in schema}
        for alternative in alternatives:
            if isinstance(alternative, dict):
                yield from self._choices({**shared, **alternative}, depth + 1)

    def _resolve(self, reference: str) -> dict[str, Any]:
        """What a reference means, within the schema itself; nothing, where that is not there."""
        try:
            found = self._references.lookup(reference).contents
        except (Unresolvable, TypeError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}


def _named(sources: Sequence[Sequence[tuple[str, str]]], wanted: str) -> str | None:
    """The value of this name: of what has it, else of what has it among its words, else of what it has among its own.

    Raises:
        DoesNotFitError: It has several.
    """
    for is_meant in _NAMED:
        for pairs in sources:
            found = dict.fromkeys(value for label, value in pairs if is_meant(label, wanted))
            if len(found) == 1:
                return next(iter(found))
            if found and is_meant is not _part_of:  # a part of a name that fits several fits none
                there = ", ".join(f'"{value}"' for value in found)
                raise DoesNotFitError(f"{wanted} has several values: {there}")
    return None


def _is(there: str, wanted: str) -> bool:
    return same_name(there, wanted)


def _has(there: str, wanted: str) -> bool:
    return same_name(there, wanted, part=True)


def _part_of(there: str, wanted: str) -> bool:
    return same_name(wanted, there, part=True)


_NAMED = (_is, _has, _part_of)


def _fit(table: Table, wanted: Sequence[str], whole: bool) -> int:
    """How many of the wanted names the headings of a table match, as a whole or also in part."""
    ways = (_is,) if whole else _NAMED
    return sum(any(way(heading, key) for way in ways for heading in table.headings) for key in wanted)
