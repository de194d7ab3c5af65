"""The name of one task instance's remote tasks, the same on every worker and in every try."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timezone
from itertools import product
from typing import TYPE_CHECKING, Any
from uuid import UUID

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from airflow.providers.common.compat.sdk import Context

    from browser_use_client import Task

MAKER_NAME = "airflow_made_by"
"""Where the metadata of a task, if it has any, says which task instance created it, if its key does not: the user chose
that."""

ENDS_WITH_RUN = "session_ends_with_run"
"""In XCom: a session that is to be closed at the latest with the run, if no key of a remote task says so."""

MOST_RETRIES_TAKEN_AWAY = 20
"""Up to how many retries an edit may take away so that a later try still knows the tasks from before it."""


def name_of_run(dag_id: str, run_id: str, started: datetime | None) -> str:
    """A run of a DAG, by a name that no other Airflow with the same Browser Use account gives to a run of its own.

    Args:
        dag_id: The DAG.
        run_id: The run.
        started: When it started: keeps apart two Airflows that run the same DAG for the same date, and what was before
            an ended run was cleared from what comes after.
    """
    return f"airflow/{dag_id}/{run_id}/{started.timestamp() if started else 0:.3f}"


def name_of_instance(run: str, task_id: str, map_index: int) -> str:
    """A task instance of a run, see `name_of_run`."""
    return f"{run}/{task_id}/{map_index}"


def run_of(instance: str) -> tuple[str, str, str] | None:
    """The run that a task instance is of, the id of its DAG and its own; None if the name is not one of these."""
    match instance.split("/"):
        case ["airflow", dag_id, run_id, _, _, _]:
            return instance.rsplit("/", 2)[0], dag_id, run_id
    return None


@dataclass(frozen=True)
class TaskKey:
    """The idempotency key of a remote task, and all that whoever cleans up later has to know of it.

    It is told from exact keys only, since a contract may send back no more than what stands for one (`v4`): so each
    part has few values, and `possible_keys` tries them all.

    Attributes:
        instance: The task instance, see `RemoteIdentity.instance`.
        max_tries: As Airflow had it for the task instance.
        clears: How often tasks of the run had been cleared.
        try_number: The try.
        ends_with_run: The session is to be closed at the latest when the run has ended.
        left: The user wants the task left running, by `stop_on_timeout=False` or `stop_on_kill=False`.
    """

    instance: str
    max_tries: int
    clears: int
    try_number: int
    ends_with_run: bool = False
    left: bool = False

    def __str__(self) -> str:
        marks = ("+own" if self.ends_with_run else "") + ("+left" if self.left else "")
        return f"{self.instance}/{self.max_tries}.{self.clears}{marks}/{self.try_number}"

    @classmethod
    def read(cls, key: str | None) -> TaskKey | None:
        """A key as it was written; None if no task instance has made it up."""
        match = re.fullmatch(r"(airflow/.+)/(\d+)\.(\d+)(\+own)?(\+left)?/(\d+)", key or "", re.DOTALL)
        if match is None:
            return None
        instance, max_tries, clears, own, left, try_number = match.groups()
        return cls(instance, int(max_tries), int(clears), int(try_number), own is not None, left is not None)


def possible_keys(instance: str, *, max_tries: Iterable[int], clears: int, try_numbers: Iterable[int]) -> Iterator[str]:
    """All keys under which a task instance can have created a remote task.

    Args:
        instance: The task instance, see `RemoteIdentity.instance`.
        max_tries: What `max_tries` may have been.
        clears: How often tasks of the run were cleared by now.
        try_numbers: The tries.
    """
    each = product(max_tries, range(clears + 1), try_numbers, (False, True), (False, True))
    return (str(TaskKey(instance, *parts)) for parts in each)


@dataclass(frozen=True)
class RemoteIdentity:
    """Under which keys a task instance creates its remote tasks.

    Each try that creates one has a key of its own, see `TaskKey`. All tries up to the next clear of the task instance
    are a generation: a retry reattaches to the remote task of its generation, a clear stops the one before it.

    A clear sets `max_tries` of the task instance anew, to the tries so far and the `retries` of the DAG; neither a
    retry nor an edit of the DAG changes it. Only an edit of `retries` right before a clear can lead to the same number
    again. Then `clear_number` of the run tells them apart, which counts the clears of all its tasks (3.2 and newer;
    before, only those of ended runs; read in 3.0 to 3.3.2).

    Attributes:
        run: The DAG's run, see `name_of_run`.
        task_id: The task.
        map_index: Its map index, or -1.
        max_tries: As Airflow has it for the task instance.
        try_number: Counts tries, from 1, over all generations.
        retries: As the DAG has it now.
        clears: How often tasks of the run were cleared.
        since: Before this moment there can be no remote task.
        last_try_ended: When the last try had ended, or was cleared, if Airflow says (3.0 and newer).
    """

    run: str
    task_id: str
    map_index: int
    max_tries: int
    try_number: int
    retries: int
    clears: int
    since: datetime | None
    last_try_ended: datetime | None = None

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
            last_try_ended=_moment_in(getattr(ti, "id", None)),
        )

    @property
    def instance(self) -> str:
        """What tells its remote tasks from those of others."""
        return name_of_instance(self.run, self.task_id, self.map_index)

    def key(self, *, ends_with_run: bool, left: bool) -> str:
        """The key of this try; see `TaskKey`."""
        return str(TaskKey(self.instance, self.max_tries, self.clears, self.try_number, ends_with_run, left))

    def earlier_keys(self) -> list[str]:
        """All keys that tries before this one can have had."""
        max_tries = range(self.max_tries + MOST_RETRIES_TAKEN_AWAY + 1)
        tries = range(1, self.try_number)
        return list(possible_keys(self.instance, max_tries=max_tries, clears=self.clears, try_numbers=tries))

    @property
    def is_first_try(self) -> bool:
        """Whether nothing can have been created before."""
        return self.try_number <= 1

    def made(self, task: Task) -> bool:
        """Whether a remote task is one of this task instance, of any generation, as far as the server tells."""
        key = TaskKey.read(task.key)
        return key.instance == self.instance if key else task.metadata.get(MAKER_NAME) == self.instance

    def made_in_last_try(self, task: Task) -> bool:
        """Whether a remote task is that of the try before this one."""
        key = TaskKey.read(task.key)
        return key is not None and key.instance == self.instance and key.try_number == self.try_number - 1

    def made_in_this_generation(self, task: Task) -> bool:
        """Whether a remote task is one of this task instance, since it was cleared last."""
        key = TaskKey.read(task.key)
        if key is None or key.instance != self.instance:
            return False
        last_before_a_clear = self.max_tries - self.retries  # of a clear that led to the same `max_tries`
        cleared = key.clears < self.clears and key.try_number <= last_before_a_clear < self.try_number
        return key.max_tries == self.max_tries and not cleared


def _moment_in(ti_id: Any) -> datetime | None:
    """When Airflow gave a task instance its id, which is a new one for each try: the first 48 bits of a UUID 7."""
    if not isinstance(ti_id, UUID) or ti_id.version != 7:
        return None
    return datetime.fromtimestamp((ti_id.int >> 80) / 1000, timezone.utc)
