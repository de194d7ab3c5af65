"""A task for each way to give Airflow bad input. Templates show it only when the task runs."""

from __future__ import annotations

from typing import Any

from airflow.sdk import DAG

from airflow_browser_use.operators import BrowserUseTaskOperator

GOOD = "Open {{ conn.shop.host }}."
CASES: dict[str, dict[str, Any]] = {
    "wrong_key": {"task": GOOD, "browser_use_conn_id": "wrong_key"},
    "no_key": {"task": GOOD, "browser_use_conn_id": "no_key"},
    "no_server": {"task": GOOD, "browser_use_conn_id": "no_server"},
    "no_text": {"task": "{{ '' }}"},
    "no_uuid": {"task": GOOD, "session_id": "{{ 'orders' }}"},
    "no_schema": {"task": GOOD, "output_schema": {"type": "orders"}},
    "not_understood": {"task": "Make me rich."},
}

with DAG("bad_input", default_args={"deferrable": True}):
    for name, settings in CASES.items():
        BrowserUseTaskOperator(task_id=name, **settings)
