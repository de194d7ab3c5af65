"""Remote tasks that are tried again, and many at once, for what their look-ups cost."""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import DAG

from airflow_browser_use.operators import BrowserUseTaskOperator

with DAG("retried"):
    BrowserUseTaskOperator(task_id="browse", task="fails", retries=1, retry_delay=timedelta(0))
with DAG("fifty", max_active_tasks=50):
    BrowserUseTaskOperator.partial(task_id="browse", deferrable=True).expand(task=["takes 5 s"] * 50)
