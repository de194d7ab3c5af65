"""The name of one task instance's remote task, the same on every worker and in every retry."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datetime import datetime

    from airflow.providers.common.compat.sdk import Context


@dataclass(frozen=True)
class RemoteIdentity:
    """Under which keys a task instance creates its remote tasks.

    A generation is all tries up to the next clear. Clearing sets `max_tries` to `try_number + retries`, an automatic
    retry leaves it as it is, so `max_tries - retries` names the generation: 0 at first, growing with every clear. A
    retry comes back with its generation's key and adopts the remote task; a clear has a key of its own.

    Attributes:
        task_instance: The DAG, run, task and map index, and when the run started. The last keeps apart two Airflows
            that run the same DAG for the same date with one Browser Use account.
        generation: Counts clears; not always by one.
        since: Before this moment there can be no remote task.
    """

    task_instance: str
    generation: int
    since: datetime | None

    @classmethod
    def of(cls, context: Context) -> RemoteIdentity:
        """The identity of the task instance that is running."""
        ti: Any = context["ti"]
        started = context["dag_run"].start_date
        stamp = f"{started.timestamp():.3f}" if started else ""
        parts = ("airflow", ti.dag_id, ti.run_id, ti.task_id, str(ti.map_index), stamp)
        # `retries` may have been raised by an edit of the DAG since.
        generation = max(ti.max_tries - (context["task"].retries or 0), 0)
        return cls("/".join(parts), generation, started)

    @property
    def key(self) -> str:
        """The key of this generation."""
        return f"{self.task_instance}/{self.generation}"

    @property
    def earlier_keys(self) -> list[str]:
        """The keys that generations before this one may have used."""
        return [f"{self.task_instance}/{generation}" for generation in range(self.generation)]
