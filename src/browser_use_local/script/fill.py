"""Fills a JSON schema with what was read from a page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from browser_use_local.output_schema import faults
from browser_use_local.script.coerce import coerce, same_name, words
from browser_use_local.script.stage import Facts, Readings, Table

MISSING = object()
DEEPEST = 8


class DoesNotFitError(Exception):
    """The page does not have what the schema asks for. The message says what is missing."""


def fill(schema: dict[str, Any], readings: Readings, facts: Facts) -> Any:
    """Fills the schema, first from what was read, then from the page.

    Raises:
        DoesNotFitError: The result is not valid.
    """
    filler = _Filler(schema, [*readings.tables, *facts.tables], [*readings.pairs, *facts.pairs])
    result = filler.value(schema, "")
    if result is MISSING:
        result = {}
    if problem := faults(schema, result):
        raise DoesNotFitError(problem)
    return result


class _Filler:
    def __init__(self, root: dict[str, Any], tables: Sequence[Table], pairs: Sequence[tuple[str, str]]) -> None:
        self._root = root
        self._tables = tables
        self._pairs = pairs

    def value(self, schema: Any, name: str, row: dict[str, str] | None = None, depth: int = 0) -> Any:
        """The value for one (sub)schema: from the row that it belongs to, or else from the page."""
        if depth > DEEPEST or not isinstance(schema, dict):
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
        pairs = list(row.items()) if row is not None else self._pairs
        text = next((value for wanted in names for value in _named(pairs, wanted)), None)
        return MISSING if text is None else coerce(text, schema)

    def _array(self, items: Any, name: str, depth: int) -> Any:
        """Objects from the table that fits best; plain values from the column of this name."""
        for choice in self._choices(items if isinstance(items, dict) else {}):
            if "properties" in choice:
                wanted = list(choice["properties"])
                best = max(self._tables, key=lambda table: _fit(table, wanted, name), default=None)
                if best is None or not _fit(best, wanted, ""):
                    return MISSING
                rows = (self.value(choice, "", record, depth + 1) for record in best.records)
                return [row for row in rows if row is not MISSING]
            for table in self._tables:
                for heading in table.headings:
                    if same_name(heading, name):
                        return [coerce(record[heading], choice) for record in table.records]
        return MISSING

    def _choices(self, schema: dict[str, Any], depth: int = 0) -> Iterator[dict[str, Any]]:
        """The schemas that a value may fit, references resolved; `null` is what is left when none is found."""
        if depth > DEEPEST:
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
        node: Any = self._root
        for part in reference.removeprefix("#").strip("/").split("/") if reference != "#" else []:
            node = node.get(part.replace("~1", "/").replace("~0", "~"), {}) if isinstance(node, dict) else {}
        return node if isinstance(node, dict) and reference.startswith("#") else {}


def _named(pairs: Sequence[tuple[str, str]], wanted: str) -> Iterator[str]:
    """The values of this name: first those that have it, then those that have it among their words, or it them."""
    yield from (value for label, value in pairs if same_name(label, wanted))
    yield from (value for label, value in pairs if same_name(label, wanted, part=True))
    yield from (value for label, value in pairs if same_name(wanted, label, part=True))


def _fit(table: Table, wanted: Sequence[str], name: str) -> float:
    """How well the headings of a table match the wanted names; its own name decides between equals."""
    hits = sum(any(True for _ in _named([(heading, "") for heading in table.headings], key)) for key in wanted)
    return hits + (0.5 if name and set(words(name)) & set(words(table.name)) else 0)
