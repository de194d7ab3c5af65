"""Each task of the shop on the other worker than the one before; one task that any worker takes; and a follow-up that
never runs, by the name that it has in `tests/airflow/dags`.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow.providers.common.compat.sdk import DAG, Param

from airflow_browser_use.operators import BrowserUseTaskOperator

PARAMS = {"prompt": Param("log in", type="string"), "conn": Param("browser_use_default", type="string")}

for mode in ("deferred", "on_worker"):
    common: dict[str, Any] = {"deferrable": mode == "deferred", "browser_use_conn_id": "{{ params.conn }}"}
    with DAG(f"shop_{mode}", params=PARAMS):
        log_in = BrowserUseTaskOperator(task_id="log_in", task="log in", queue="first", **common)
        read = BrowserUseTaskOperator(
            task_id="read", task="report 7", session_id=log_in.output["session_id"], queue="second", **common
        )
        BrowserUseTaskOperator(
            task_id="open",
            task="open order {{ ti.xcom_pull('read')['output'] }}",
            session_id=read.output["session_id"],
            queue="first",
            **common,
        )
    with DAG(f"one_{mode}", params=PARAMS):
        BrowserUseTaskOperator(
            task_id="browse", task="{{ params.prompt }}", retries=2, retry_delay=timedelta(0), **common
        )
    with DAG(f"unrendered_chain_{mode}", params=PARAMS):
        first = BrowserUseTaskOperator(task_id="log_in", task="log in", **common)
        BrowserUseTaskOperator(
            task_id="browse", task="{{ nothing.like.this }}", session_id=first.output["session_id"], **common
        )
