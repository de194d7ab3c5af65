"""Defers task instances as a scheduler and workers would have: the rows of Airflow's database, without the hours.

Run by `benchmarks.airflow` in Airflow's environment. Reads `{"classpath": ..., "kwargs": [one for each trigger]}`.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from airflow.models.dag_version import DagVersion
from airflow.models.dagrun import DagRun
from airflow.models.serialized_dag import SerializedDagModel
from airflow.models.taskinstance import TaskInstance
from airflow.models.trigger import Trigger
from airflow.sdk import timezone
from airflow.utils.session import create_session
from airflow.utils.state import DagRunState, TaskInstanceState
from airflow.utils.types import DagRunTriggeredByType, DagRunType

DAG_ID, TASK_ID = "nothing", "wait"


def defer(classpath: str, kwargs: Sequence[Mapping[str, Any]]) -> None:
    """Lets one task instance wait for each trigger."""
    now = timezone.utcnow()
    with create_session() as session:
        version = DagVersion.get_latest_version(DAG_ID, session=session)
        task = SerializedDagModel.get_dag(DAG_ID, session=session).get_task(TASK_ID)
        run = DagRun(
            dag_id=DAG_ID,
            run_id=classpath,
            run_after=now,
            start_date=now,
            run_type=DagRunType.MANUAL,
            state=DagRunState.RUNNING,
            triggered_by=DagRunTriggeredByType.TEST,
        )
        session.add(run)
        session.flush()
        for number, each in enumerate(kwargs):
            trigger = Trigger(classpath, each)
            session.add(trigger)
            session.flush()
            ti = TaskInstance(task, dag_version_id=version.id, run_id=run.run_id, map_index=number)
            ti.state = TaskInstanceState.DEFERRED
            ti.try_number = 1
            ti.start_date = now
            ti.next_method = "execute_complete"
            ti.trigger_id = trigger.id
            session.add(ti)


if __name__ == "__main__":
    defer(**json.load(sys.stdin))
