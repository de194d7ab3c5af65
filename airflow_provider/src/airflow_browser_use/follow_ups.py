"""Which tasks of a DAG work in the same browser session, worked out from the DAG itself."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import MappedOperator, XComArg

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from airflow.providers.common.compat.sdk import DAG, BaseOperator

_QUOTED = re.compile(r"""["']([^"']+)["']""")

_NOT_KNOWN = object()
"""The session argument of a task that is mapped with `expand_kwargs`: it may have one, or not."""


@dataclass(frozen=True)
class SessionUse:
    """What a task does with its session.

    Attributes:
        starts: The task begins the session; with `expand_kwargs`, it may.
        begun_by: The tasks that may have begun it, which makes closing it the business of this DAG.
        group: The setup task that may have begun it, whose teardown closes it; see `browser_session`.
        continues: The tasks that it names as the ones before it.
        downstream: Tasks further down that go on in it.
        beside: Other tasks that go on in it, in whatever order, but for those that begin it; other map indexes of the
            task itself as well.
        outlives_failure: A task downstream may run in it although this one has failed, by its trigger rule.
        per_map_index: The task that started it is mapped, so that each map index has a session of its own.
        sharing: All tasks that work in it, itself as well.
        left: Those of them whose remote task the user may want left running, see `stop_on_kill`.
    """

    starts: bool
    begun_by: tuple[str, ...]
    group: str | None
    continues: tuple[str, ...]
    downstream: tuple[str, ...]
    beside: tuple[str, ...]
    outlives_failure: bool
    per_map_index: bool
    sharing: tuple[str, ...] = ()
    left: frozenset[str] = frozenset()

    @classmethod
    def by(cls, task: BaseOperator) -> SessionUse:
        """Find out from the DAG.

        A follow-up names the session of the task before it: by an XComArg (`log_in.output["session_id"]`) or by a
        template that pulls from it (`{{ ti.xcom_pull("log_in", key="session_id") }}`). So a chain leads back to the
        task that started its session, and tasks that lead back to the same one share it.

        Which operators these are, they say themselves: `works_in_session`, and `starts_session` of one that only starts
        it.

        Args:
            task: The task, or one that only starts a session; it may be rendered, its DAG is not.
        """
        users = _Users(task.dag)
        original = task.dag.get_task(task.task_id)
        roots = users.roots_of(task.task_id)
        per_map_index = any(_is_mapped(task.dag.get_task(root)) for root in roots)
        sharing = [other for other in users.task_ids if users.roots_of(other) & roots]
        after = original.get_flat_relative_ids(upstream=False)
        downstream = tuple(other for other in sharing if other in after)
        # Of the task itself, other map indexes are beside each other, unless each has a session of its own.
        alone = {*after, *roots} if _is_mapped(original) and not per_map_index else {*after, *roots, task.task_id}
        return cls(
            starts=task.task_id in roots,
            begun_by=tuple(sorted(root for root in roots if root in users.task_ids)),
            group=next((root for root in sorted(roots) if root not in users.task_ids), None),
            continues=users.sources_of(task.task_id),
            downstream=downstream,
            beside=tuple(other for other in sharing if other not in alone),
            outlives_failure=_outlives_failure(task.dag, after, downstream),
            per_map_index=per_map_index,
            sharing=tuple(sharing),
            left=frozenset(other for other in sharing if _may_be_left(task.dag.get_task(other))),
        )

    @property
    def owner(self) -> str | None:
        """The task that began the session, for whoever finds it on the server; None if none of this DAG did."""
        return self.group or next(iter(self.begun_by), None)


class _Users:
    """The tasks of a DAG that work in a browser session, and where each one's session comes from."""

    def __init__(self, dag: DAG) -> None:
        self.dag = dag
        self.task_ids = [task_id for task_id, task in dag.task_dict.items() if _says(task, "works_in_session")]
        self._groups = [
            task_id for task_id, task in dag.task_dict.items() if _says(task, "starts_session") and task.is_setup
        ]
        self._roots: dict[str, frozenset[str]] = {}

    def roots_of(self, task_id: str) -> frozenset[str]:
        """The tasks that begin the session of a task; none if it comes from elsewhere."""
        if task_id in self._groups:
            return frozenset({task_id})
        if task_id not in self._roots:
            self._roots[task_id] = frozenset()  # templates that name each other in a circle lead nowhere
            argument = _session_argument(self.dag.get_task(task_id))
            begins = argument is None or argument is _NOT_KNOWN
            self._roots[task_id] = frozenset({task_id} if begins else ()).union(
                *(self.roots_of(source) for source in self._named_by(task_id, argument))
            )
        return self._roots[task_id]

    def sources_of(self, task_id: str) -> tuple[str, ...]:
        """The tasks whose session a task names."""
        if task_id in self._groups:
            return ()
        return tuple(self._named_by(task_id, _session_argument(self.dag.get_task(task_id))))

    def _named_by(self, task_id: str, argument: Any) -> Iterable[str]:
        if argument is _NOT_KNOWN:  # any of those before it
            named: Iterable[str] = self.dag.get_task(task_id).get_flat_relative_ids(upstream=True)
        else:
            named = _named_in(argument)
        users = {*self.task_ids, *self._groups} - {task_id}
        return dict.fromkeys(other for other in named if other in users)


def _named_in(argument: Any) -> Iterator[str]:
    if isinstance(argument, str):
        yield from _QUOTED.findall(argument)
    elif isinstance(argument, list):
        for each in argument:
            yield from _named_in(each)
    else:
        yield from (task.task_id for task, _ in XComArg.iter_xcom_references(argument))


def _session_argument(task: Any) -> Any:
    if not isinstance(task, MappedOperator):
        return task.session_id
    expanded = getattr(task.expand_input, "value", None)
    if isinstance(expanded, dict):  # of `expand`
        return expanded.get("session_id", task.partial_kwargs.get("session_id"))
    named = list(_session_ids_in(expanded))
    return named or task.partial_kwargs.get("session_id", _NOT_KNOWN)


def _session_ids_in(expanded: Any) -> Iterator[Any]:
    """The session ids that `expand_kwargs` was given where they can be read: in a list of mappings."""
    for arguments in expanded if isinstance(expanded, (list, tuple)) else ():
        if isinstance(arguments, dict) and arguments.get("session_id") is not None:
            yield arguments["session_id"]


def _says(task: Any, what: str) -> bool:
    return bool(getattr(task.operator_class, what, False))


def _may_be_left(task: Any) -> bool:
    """Whether its remote task may be left running on purpose. A mapped one may have that of each map index."""
    given = task.partial_kwargs if isinstance(task, MappedOperator) else vars(task)
    return not (given.get("stop_on_timeout", True) and given.get("stop_on_kill", True))


def _is_mapped(task: Any) -> bool:
    return isinstance(task, MappedOperator) or next(task.iter_mapped_task_groups(), None) is not None


def _outlives_failure(dag: DAG, after: Iterable[str], downstream: Iterable[str]) -> bool:
    """Whether a task on the way to one downstream runs whatever became of those before it."""
    on_the_way = set(downstream).union(
        *(dag.get_task(task_id).get_flat_relative_ids(upstream=True) & set(after) for task_id in downstream)
    )
    return any(dag.get_task(task_id).trigger_rule != "all_success" for task_id in on_the_way)
