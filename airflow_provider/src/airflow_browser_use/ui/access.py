"""Who may see what: the user of Airflow's session cookie, what Airflow lets them read."""

from __future__ import annotations

from typing import Annotated

from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity
from airflow.api_fastapi.core_api.security import GetUserDep, requires_access_dag
from fastapi import Depends

CAN_READ_TASK = [
    Depends(requires_access_dag("GET", entity)) for entity in (DagAccessEntity.TASK_INSTANCE, DagAccessEntity.XCOM)
]
"""Of a page whose path names a DAG: what is asked for the task instance and for its XComs in Airflow's own API."""

CAN_READ_DAGS = [Depends(requires_access_dag("GET", DagAccessEntity.TASK_INSTANCE))]
"""Of a page over all DAGs, which shows those of `ReadableDags`."""


def readable_dags(user: GetUserDep) -> set[str]:
    """The DAGs that the user may read."""
    return get_auth_manager().get_authorized_dag_ids(user=user, method="GET")


ReadableDags = Annotated[set[str], Depends(readable_dags)]
