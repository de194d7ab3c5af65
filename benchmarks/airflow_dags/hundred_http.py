"""As many operators of another provider."""

from __future__ import annotations

from airflow.providers.http.operators.http import HttpOperator
from airflow.sdk import DAG

with DAG("hundred_http"):
    for number in range(100):
        HttpOperator(task_id=f"task_{number}", endpoint="page/{{ ds }}", deferrable=True, retries=2)
