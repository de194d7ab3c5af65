"""The output of a task as a table, where it is one."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class OutputTable:
    """Headings, and rows of as many cells."""

    headings: list[str]
    rows: list[list[str]]

    def as_csv(self) -> str:
        """The table as CSV, with its headings."""
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows([self.headings, *self.rows])
        return text.getvalue()


def as_table(output: str | None) -> OutputTable | None:
    """The table that an output is; None where it is none.

    A list of objects is a table, also as the only value of an object; so is an object of plain values, and a list of
    them.
    """
    try:
        value = json.loads(output or "")
    except (ValueError, RecursionError):
        return None
    if isinstance(value, dict) and len(value) == 1 and isinstance(only := next(iter(value.values())), list):
        value = only
    if isinstance(value, dict):
        return _of_records([value])
    if isinstance(value, list) and value and all(isinstance(item, dict) for item in value):
        return _of_records(value)
    if isinstance(value, list) and value and all(_is_plain(item) for item in value):
        return OutputTable(["Value"], [[_cell(item)] for item in value])
    return None


def _of_records(records: list[dict[str, Any]]) -> OutputTable | None:
    headings = list(dict.fromkeys(name for record in records for name in record))
    if not headings or not all(_is_plain(cell) for record in records for cell in record.values()):
        return None
    return OutputTable(headings, [[_cell(record.get(name)) for name in headings] for record in records])


def _is_plain(value: object) -> bool:
    return not isinstance(value, (dict, list))


def _cell(value: object) -> str:
    """`None` is an empty cell; what JSON calls true is not called True here."""
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value)
