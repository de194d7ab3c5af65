"""A hundred operators to parse."""

from __future__ import annotations

from airflow.sdk import DAG

from airflow_browser_use.operators import BrowserUseTaskOperator

with DAG("hundred_browser_use"):
    for number in range(100):
        BrowserUseTaskOperator(
            task_id=f"task_{number}", task="Report the heading of page {{ ds }}.", deferrable=True, retries=2
        )
