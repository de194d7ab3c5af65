"""Which tasks of a DAG work in the same browser session, worked out from the DAG itself."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from airflow.providers.common.compat.sdk import MappedOperator, XComArg

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import DAG, BaseOperator

Ending = Literal["succeeded", "failed", "tried again"]
"""How a try ends, as far as its session is concerned: `tried again` is what a retry or a clear follows."""

_QUOTED = re.compile(r"""["']([^"']+)["']""")


@dataclass(frozen=True)
class SessionUse:
    """What a task does with its session.

    Attributes:
        starts: The task begins the session.
        begun_by: The tasks that may have begun it, which makes closing it the business of this DAG.
        continues: The tasks that it names as the ones before it.
        continued: A task further down goes on in it.
        beside: Tasks that go on in it too, and come neither before nor after; other map indexes of the task itself
            as well.
        per_map_index: The task that started it is mapped, so that each map index has a session of its own.
    """

    starts: bool
    begun_by: tuple[str, ...]
    continues: tuple[str, ...]
    continued: bool
    beside: tuple[str, ...]
    per_map_index: bool

    @classmethod
    def by(cls, task: BaseOperator, kind: type) -> SessionUse:
        """Find out from the DAG.

        A follow-up names the session of the task before it: by an XComArg (`log_in.output["session_id"]`) or by a
        template that pulls from it (`{{ ti.xcom_pull("log_in", key="session_id") }}`). So a chain leads back to the
        task that started its session, and tasks that lead back to the same one share it.

        Args:
            task: The task; it may be rendered, its DAG is not.
            kind: The operator class to look for.
        """
        users = _Users(task.dag, kind)
        original = task.dag.get_task(task.task_id)
        roots = users.roots_of(task.task_id)
        per_map_index = any(_is_mapped(task.dag.get_task(root)) for root in roots)
        sharing = [other for other in users.task_ids if users.roots_of(other) & roots]
        after = original.get_flat_relative_ids(upstream=False)
        ordered = after | original.get_flat_relative_ids(upstream=True)
        if not _is_mapped(original) or per_map_index:
            ordered |= {task.task_id}  # else its own map indexes are beside each other
        return cls(
            starts=task.task_id in roots,
            begun_by=tuple(sorted(roots)),
            continues=users.sources_of(task.task_id),
            continued=not after.isdisjoint(sharing),
            beside=tuple(other for other in sharing if other not in ordered),
            per_map_index=per_map_index,
        )

    def closes_session_when(self, keep_session: bool | None) -> frozenset[Ending]:
        """The endings after which the task closes its session.

        Args:
            keep_session: As the user said; None to keep it exactly when a task further down goes on in it.
        """
        if keep_session or not (self.begun_by or keep_session is False):
            return frozenset()
        endings: set[Ending] = {"failed"}
        if keep_session is False or not self.continued:
            endings.add("succeeded")
        if self.starts:
            endings.add("tried again")  # the next try starts a session of its own
        return frozenset(endings)


class _Users:
    """The tasks of a DAG that work in a browser session, and where each one's session comes from."""

    def __init__(self, dag: DAG, kind: type) -> None:
        self.dag = dag
        self.task_ids = [task_id for task_id, task in dag.task_dict.items() if issubclass(task.operator_class, kind)]
        self._roots: dict[str, frozenset[str]] = {}

    def roots_of(self, task_id: str) -> frozenset[str]:
        """The tasks that begin the session of a task; none if it comes from elsewhere."""
        if task_id not in self._roots:
            self._roots[task_id] = frozenset()  # templates that name each other in a circle lead nowhere
            self._roots[task_id] = (
                frozenset({task_id})
                if _session_argument(self.dag.get_task(task_id)) is None
                else frozenset().union(*(self.roots_of(source) for source in self.sources_of(task_id)))
            )
        return self._roots[task_id]

    def sources_of(self, task_id: str) -> tuple[str, ...]:
        """The tasks whose session a task names."""
        argument = _session_argument(self.dag.get_task(task_id))
        named = (
            _QUOTED.findall(argument)
            if isinstance(argument, str)
            else [task.task_id for task, _ in XComArg.iter_xcom_references(argument)]
        )
        return tuple(dict.fromkeys(other for other in named if other in self.task_ids and other != task_id))


def _session_argument(task: Any) -> Any:
    if not isinstance(task, MappedOperator):
        return task.session_id
    expanded = getattr(task.expand_input, "value", None)
    return (expanded if isinstance(expanded, dict) else {}).get("session_id", task.partial_kwargs.get("session_id"))


def _is_mapped(task: Any) -> bool:
    return isinstance(task, MappedOperator) or next(task.iter_mapped_task_groups(), None) is not None
