"""What an operator sees of Airflow when it is executed in this process, without a scheduler."""

from __future__ import annotations

from contextvars import copy_context
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from types import SimpleNamespace
from typing import Any

from airflow.providers.common.compat.sdk import DAG, BaseOperator, TaskDeferred


@dataclass
class TaskInstance:
    """A task instance, the XComs that were pushed, and what each of another task's is."""

    max_tries: int = 0
    try_number: int = 1
    map_index: int = -1
    dag_id: str = "shop"
    run_id: str = "run"
    task_id: str = "browse"
    xcoms: dict[str, Any] = field(default_factory=dict)
    task: Any = None
    pulled: Any = None

    def xcom_push(self, key: str, value: Any) -> None:
        self.xcoms[key] = value

    def xcom_pull(self, task_ids: str, *, key: str = "return_value", map_indexes: Any = None, **_: Any) -> Any:
        own = (task_ids, map_indexes) == (self.task_id, self.map_index)
        return self.xcoms.get(key) if own else self.pulled


class Store(dict[str, Any]):
    """The state store of a task instance, of which a dictionary has `get` already (Airflow 3.3)."""

    def set(self, key: str, value: Any) -> None:
        self[key] = value


def context_of(task: BaseOperator, ti: TaskInstance | None = None) -> Any:
    started = datetime.now(timezone.utc) - timedelta(minutes=1)
    return {
        "ti": ti or TaskInstance(),
        "task": task,
        "dag_run": SimpleNamespace(start_date=started, conf={}, clear_number=0),
    }


def retry(context: Any) -> Any:
    """The context of the next try."""
    context["ti"].try_number += 1
    return context


def execute(task: BaseOperator, context: Any = None) -> Any:
    """Call `execute`, which Airflow lets nobody but its own machinery do."""
    return type(task).execute.__wrapped__(task, context or context_of(task))  # type: ignore[attr-defined]


def resume(task: BaseOperator, context: Any, deferred: TaskDeferred, event: dict[str, Any]) -> Any:
    """Call `execute_complete` as Airflow 3 does when a trigger has fired."""
    from airflow.sdk.bases.operator import ExecutorSafeguard

    def run() -> Any:
        ExecutorSafeguard.tracker.set(task)
        return task.resume_execution(deferred.method_name, {**(deferred.kwargs or {}), "event": event}, context)

    return copy_context().run(run)


def rendered(task_id: str, dag: DAG, xcom: Any = None, ti: TaskInstance | None = None, **variables: Any) -> Any:
    """The operator as Airflow 3 makes and renders it for its first map index, where every XCom has this value."""
    task, ti = dag.get_task(task_id).prepare_for_execution(), ti or TaskInstance(map_index=0, task_id=task_id)
    ti.task, ti.pulled = task, xcom
    context = {**context_of(task, ti), "dag": dag, "expanded_ti_count": 1, **variables}
    task.render_template_fields(context)
    return context["task"]
