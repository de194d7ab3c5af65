"""What stands in the DAG file of a mapped task, of which Airflow makes an operator only when it runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator


def mapped_task_of(operator: Any) -> Any:
    """The mapped task that Airflow has made an operator of; None if it is of no such task."""
    task = operator.dag.task_dict.get(operator.task_id) if operator.has_dag() else None
    return task if hasattr(task, "partial_kwargs") else None


def arguments_of(mapped: Any) -> dict[str, Any]:
    """The arguments that all its map indexes share: those of `partial`, and the defaults of its DAG and group."""
    defaults = [owner.default_args for owner in (mapped.dag, mapped.task_group) if owner]
    return {name: value for part in (*defaults, mapped.partial_kwargs) for name, value in part.items()}


def rows_of(mapped: Any) -> Any:
    """What it is mapped over: of `expand` a mapping, of `expand_kwargs` a list of mappings or an XCom."""
    return getattr(mapped, "op_kwargs_expand_input", mapped.expand_input).value


def is_mapped_over(task: Any, name: str) -> bool:
    """Whether the operator that Airflow has made of a mapped task was given an argument by its map index."""
    mapped = mapped_task_of(task)
    given = getattr(task, "_BaseOperator__init_kwargs", {})
    return mapped is not None and name in given and name not in arguments_of(mapped)


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
