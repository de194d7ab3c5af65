"""Output as a table, where it is one."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

MAX_ROWS = 200
MAX_COLUMNS = 30
MAX_TEXT_CHARACTERS = 50_000


@dataclass(frozen=True)
class Table:
    """Rows of one shape; `title` is the field that they were in, `left_out` how many more there are."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    title: str = ""
    left_out: int = 0


@dataclass(frozen=True)
class Output:
    """What a task returned: a table if it is one, else text; `left_out` characters of that are not shown."""

    table: Table | None = None
    text: str = ""
    left_out: int = 0


def output_from(value: Any) -> Output | None:
    """What there is to show of an output, parsed or as text; None for nothing."""
    if isinstance(value, str):
        value = _parsed(value)
    if value in (None, ""):
        return None
    if table := _table(value):
        return Output(table)
    text = value if isinstance(value, str) else json.dumps(value, indent=2, ensure_ascii=False)
    return Output(text=text[:MAX_TEXT_CHARACTERS], left_out=max(len(text) - MAX_TEXT_CHARACTERS, 0))


def _parsed(text: str) -> Any:
    """A text that is a JSON object or array; else the text itself."""
    if text.lstrip().startswith(("{", "[")):
        try:
            return json.loads(text)
        except ValueError:
            pass
    return text


def _table(value: Any, title: str = "") -> Table | None:
    if _is_list_of_records(value):
        columns = tuple(dict.fromkeys(str(name) for record in value for name in record))
        if len(columns) > MAX_COLUMNS:
            return None
        rows = tuple(tuple(_cell(record.get(name)) for name in columns) for record in value[:MAX_ROWS])
        return Table(columns, rows, title, left_out=max(len(value) - MAX_ROWS, 0))
    if isinstance(value, Mapping) and value:
        [(name, only), *more] = value.items()
        if not more and _is_list_of_records(only):
            return _table(only, str(name))
        if not any(isinstance(each, (Mapping, list)) for each in value.values()):
            return Table(("", ""), tuple((str(name), _cell(each)) for name, each in value.items()), title)
    return None


def _is_list_of_records(value: Any) -> bool:
    return isinstance(value, Sequence) and bool(value) and all(isinstance(each, Mapping) and each for each in value)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
