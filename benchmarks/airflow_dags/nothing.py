"""What every file costs, whatever is in it."""

from __future__ import annotations

from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG

with DAG("nothing"):
    EmptyOperator(task_id="wait")
