"""What stands in the DAG file of a mapped task, of which Airflow makes an operator only when it runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator


def arguments_of(mapped: Any) -> dict[str, Any]:
    """The arguments that all its map indexes share: those of `partial`, and the defaults of its DAG and group."""
    defaults = [owner.default_args for owner in (mapped.dag, mapped.task_group) if owner]
    return {name: value for part in (*defaults, mapped.partial_kwargs) for name, value in part.items()}


def rows_of(mapped: Any) -> Any:
    """What it is mapped over: of `expand` a mapping, of `expand_kwargs` a list of mappings or an XCom."""
    return getattr(mapped, "op_kwargs_expand_input", mapped.expand_input).value


def expanded_arguments_of(mapped: Any) -> Iterator[Mapping[str, Any]]:
    """The arguments that it is mapped over, each as often as it is written; an XCom stands for all that it holds.

    Of a decorated function there are none: it is mapped over those of the function.
    """
    rows = mapped.expand_input.value
    if isinstance(rows, Mapping):
        for name, values in rows.items():
            for value in values if isinstance(values, (list, tuple)) else [values]:
                yield {name: value}
    elif isinstance(rows, (list, tuple)):
        yield from (row for row in rows if isinstance(row, Mapping))
