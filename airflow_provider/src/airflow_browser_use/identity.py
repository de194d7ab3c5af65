"""The name of one task instance's remote tasks, the same on every worker and in every try."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from datetime import datetime

    from airflow.providers.common.compat.sdk import Context

    from browser_use_client import Task

OWNER_NAME = "airflow_session_owner"
"""Where the metadata of a task says which task instance began its session, if closing it is Airflow's business."""

MAKER_NAME = "airflow_made_by"
"""Where it says which task instance created it, if its key does not: the user chose that."""

LEFT_NAME = "airflow_left_running"
"""Where it says that the user wants the task left running, by `stop_on_timeout=False` or `stop_on_kill=False`."""


def name_of_run(dag_id: str, run_id: str, started: datetime | None) -> str:
    """A run of a DAG, by a name that no other Airflow with the same Browser Use account gives to a run of its own.

    Args:
        dag_id: The DAG.
        run_id: The run.
        started: When it started: keeps apart two Airflows that run the same DAG for the same date, and what was before
            an ended run was cleared from what comes after.
    """
    return f"airflow/{dag_id}/{run_id}/{started.timestamp() if started else 0:.3f}"


def run_of(instance: str) -> tuple[str, str, str] | None:
    """The run that a task instance is of, the id of its DAG and its own; None if the name is not one of these."""
    match instance.split("/"):
        case ["airflow", dag_id, run_id, _, _, _]:
            return instance.rsplit("/", 2)[0], dag_id, run_id
    return None


@dataclass(frozen=True)
class RemoteIdentity:
    """Under which keys a task instance creates its remote tasks.

    Each try that creates one has a key of its own, `{instance}/{max_tries}.{clears}/{try_number}`. All tries up to the
    next clear of the task instance are a generation: a retry reattaches to the remote task of its generation, a clear
    stops the one before it.

    A clear sets `max_tries` of the task instance anew, to the tries so far and the `retries` of the DAG; neither a
    retry nor an edit of the DAG changes it. Only an edit of `retries` right before a clear can lead to the same number
    again. Then `clear_number` of the run tells them apart, which counts the clears of all its tasks (3.2 and newer;
    before, only those of ended runs). All measured on 3.0 to 3.3.

    Attributes:
        run: The DAG's run, see `name_of_run`.
        task_id: The task.
        map_index: Its map index, or -1.
        max_tries: As Airflow has it for the task instance.
        try_number: Counts tries, from 1, over all generations.
        retries: As the DAG has it now.
        clears: How often tasks of the run were cleared.
        since: Before this moment there can be no remote task.
    """

    run: str
    task_id: str
    map_index: int
    max_tries: int
    try_number: int
    retries: int
    clears: int
    since: datetime | None

    @classmethod
    def of(cls, context: Context) -> RemoteIdentity:
        """The identity of the task instance that is running."""
        ti: Any = context["ti"]
        dag_run: Any = context["dag_run"]
        return cls(
            run=name_of_run(ti.dag_id, ti.run_id, dag_run.start_date),
            task_id=ti.task_id,
            map_index=ti.map_index,
            max_tries=ti.max_tries,
            try_number=ti.try_number,
            retries=context["task"].retries or 0,
            clears=dag_run.clear_number,
            since=dag_run.start_date,
        )

    @property
    def instance(self) -> str:
        """What the keys of all its remote tasks begin with."""
        return self.name_of(self.task_id, self.map_index)

    @property
    def key(self) -> str:
        """The key of this try."""
        return f"{self.instance}/{self.max_tries}.{self.clears}/{self.try_number}"

    @property
    def is_first_try(self) -> bool:
        """Whether nothing can have been created before."""
        return self.try_number <= 1

    def name_of(self, task_id: str, map_index: int) -> str:
        """A task instance of the same run."""
        return f"{self.run}/{task_id}/{map_index}"

    def made(self, task: Task) -> bool:
        """Whether a remote task is one of this task instance, of any generation."""
        return _instance_of(task) == self.instance

    def made_in_this_generation(self, task: Task) -> bool:
        """Whether a remote task is one of this task instance, since it was cleared last."""
        key = _parts_of(task.key)
        if key is None or key.instance != self.instance:
            return False
        last_before_a_clear = self.max_tries - self.retries  # of a clear that led to the same `max_tries`
        cleared = key.clears < self.clears and key.try_number <= last_before_a_clear < self.try_number
        return key.max_tries == self.max_tries and not cleared

    def other_instance(self, task: Task) -> tuple[str, int] | None:
        """Task id and map index of the task instance of this run that made a remote task; None if none of it did."""
        instance = _instance_of(task)
        if instance is None or not instance.startswith(f"{self.run}/"):
            return None
        task_id, _, map_index = instance.removeprefix(f"{self.run}/").rpartition("/")
        return task_id, int(map_index)


class _Key(NamedTuple):
    instance: str
    max_tries: int
    clears: int
    try_number: int


def _parts_of(key: str | None) -> _Key | None:
    """What a key says; None if no task instance has made it up."""
    match = re.fullmatch(r"(airflow/.+)/(\d+)\.(\d+)/(\d+)", key or "", re.DOTALL)
    return match and _Key(match[1], *map(int, match.groups()[1:]))


def _instance_of(task: Task) -> str | None:
    if maker := task.metadata.get(MAKER_NAME):
        return str(maker)
    key = _parts_of(task.key)
    return key and key.instance
