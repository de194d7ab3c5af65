"""How other task instances of the same run stand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.version_compat import AIRFLOW_V_3_0_PLUS

if TYPE_CHECKING:
    from collections.abc import Sequence


def states_of(ti: Any, task_ids: Sequence[str], *, map_index: int | None = None) -> dict[str, str | None]:
    """The states of task instances in the run of `ti`, by `name_of`; None for one that was cleared or is still to come.

    Args:
        ti: The task instance that asks; it needs no more than its ids.
        task_ids: The tasks.
        map_index: Only this map index; None for all.
    """
    if not AIRFLOW_V_3_0_PLUS:
        return _states_in_database(ti, task_ids, map_index)
    from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance  # heavy, and not there in 2.11

    states = RuntimeTaskInstance.get_task_states(
        dag_id=ti.dag_id, task_ids=list(task_ids), run_ids=[ti.run_id], map_index=map_index
    )
    return dict(states.get(ti.run_id, {}))


def _states_in_database(ti: Any, task_ids: Sequence[str], map_index: int | None) -> dict[str, str | None]:
    """Airflow 2 lets tasks and triggers read its database, and offers nothing else."""
    from airflow.models.taskinstance import TaskInstance
    from airflow.utils.session import create_session

    with create_session() as session:
        found = session.query(TaskInstance).filter(
            TaskInstance.dag_id == ti.dag_id, TaskInstance.run_id == ti.run_id, TaskInstance.task_id.in_(task_ids)
        )
        return {name_of(each): each.state for each in found if map_index in (None, each.map_index)}


def instances_of(ti: Any, task_ids: Sequence[str]) -> dict[tuple[str, int], str | None]:
    """The same of all map indexes, by task id and map index, which is -1 where a task is not mapped."""
    states = states_of(ti, task_ids) if task_ids else {}
    return {instance_of(name, task_ids): state for name, state in states.items()}


def instance_of(name: str, task_ids: Sequence[str]) -> tuple[str, int]:
    """The task id and the map index that Airflow's name of a task instance means; see `name_of`.

    Args:
        name: The name, where a map index follows the task id.
        task_ids: The tasks that it may be of.
    """
    task_id, _, map_index = name.rpartition("_")
    return (task_id, int(map_index)) if name not in task_ids and map_index.isdigit() else (name, -1)


def state_of(ti: Any) -> str | None:
    """The state of a task instance as the database has it, which is more than its own process knows."""
    return states_of(ti, [ti.task_id], map_index=ti.map_index).get(name_of(ti))


def name_of(ti: Any) -> str:
    """What Airflow calls a task instance among the states of its run."""
    name: str = ti.task_id if ti.map_index < 0 else f"{ti.task_id}_{ti.map_index}"
    return name
