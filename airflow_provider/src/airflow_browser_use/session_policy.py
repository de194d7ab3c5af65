"""What a task has to know about its session to decide, wherever it ends, who may still go on in it."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from airflow_browser_use import task_states
from airflow_browser_use.cleanup import AT_WORK, ENDED, Cleanup, Ending, Others, Outcome, cleanup_after
from airflow_browser_use.follow_ups import SessionUse

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class SessionPolicy:
    """Plain values, which go with a trigger too.

    Attributes:
        owned: Closing the session is the business of this task.
        begun_here: The task began it.
        beside: Tasks of the run that may go on in it, in whatever order.
        downstream: Tasks that go on in it further down, and for which it is kept.
        outlives_failure: One of these may run although this task has failed.
        per_map_index: Only those of the same map index.
    """

    owned: bool = False
    begun_here: bool = False
    beside: tuple[str, ...] = ()
    downstream: tuple[str, ...] = ()
    outlives_failure: bool = False
    per_map_index: bool = False

    @classmethod
    def of(cls, use: SessionUse, *, keep_session: bool | None, begun_here: bool) -> SessionPolicy:
        """The policy of a task.

        Args:
            use: What the DAG says.
            keep_session: What the user says; None to keep it exactly while a task downstream may go on in it.
            begun_here: The task has no session to continue.
        """
        closes_by_itself = bool(use.begun_by) and use.group is None
        return cls(
            owned=keep_session is False or (keep_session is None and (closes_by_itself or begun_here)),
            begun_here=begun_here,
            beside=use.beside,
            downstream=use.downstream if keep_session is None else (),
            outlives_failure=use.outlives_failure,
            per_map_index=use.per_map_index,
        )

    @classmethod
    def from_values(cls, values: Mapping[str, Any] | None) -> SessionPolicy:
        """The policy that `to_values` wrote down."""
        given: dict[str, Any] = dict(values or {})
        for name in ("beside", "downstream"):
            given[name] = tuple(given.get(name, ()))
        return cls(**given)

    def to_values(self) -> dict[str, Any]:
        """As JSON."""
        values = asdict(self)
        return {**values, "beside": list(self.beside), "downstream": list(self.downstream)}

    @property
    def keeps_for_others(self) -> bool:
        """Whether the session has to outlive the task."""
        return bool(self.downstream or self.beside) or not self.owned

    def cleanup_after(self, ti: Any, ending: Ending) -> Cleanup:
        """Decide what to clean up after a try; asks Airflow how the others stand only where that matters.

        Args:
            ti: The task instance; it needs no more than its ids.
            ending: How its try ends.
        """
        cleanup = self.cleanup_beside(Others.NONE, ending)
        return self.cleanup_beside(self.others(ti, ending.outcome), ending) if cleanup.close_session else cleanup

    def cleanup_beside(self, others: Others, ending: Ending) -> Cleanup:
        """The same decision, of who knows what the others do."""
        return cleanup_after(ending, owned=self.owned, begun_here=self.begun_here, others=others)

    def others(self, ti: Any, outcome: Outcome) -> Others:
        """What the other tasks do that may use the session of a task instance which ends so."""
        task_ids = [*self.beside, *self.downstream]
        if not task_ids:
            return Others.NONE
        try:
            states = task_states.states_of(ti, task_ids, map_index=ti.map_index if self.per_map_index else None)
        except Exception:
            log.warning("How %s stand could not be read; the session stays open.", task_ids, exc_info=True)
            return Others.TO_COME
        states.pop(task_states.name_of(ti), None)
        return self.weigh(states, outcome)

    def weigh(self, states: Mapping[str, str | None], outcome: Outcome) -> Others:
        """The same, of states by the names that Airflow gives to task instances."""
        if any(state in AT_WORK for state in states.values()):
            return Others.AT_WORK
        runs_anyway = outcome is not Outcome.FAILED or self.outlives_failure
        to_come = [name for name, state in states.items() if state not in ENDED]
        if runs_anyway:
            return Others.TO_COME if to_come else Others.NONE
        beside = any(task_states.instance_of(name, self.beside)[0] in self.beside for name in to_come)
        return Others.TO_COME if beside else Others.NONE
