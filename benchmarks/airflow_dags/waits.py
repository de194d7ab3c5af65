"""The same remote tasks, waited for by the deferrable operator and by the official SDK in a task of Python."""

from __future__ import annotations

from airflow.sdk import DAG, BaseHook, task

from airflow_browser_use.operators import BrowserUseTaskOperator

with DAG("waits"):
    for seconds in (10, 30):
        BrowserUseTaskOperator(task_id=f"ours_{seconds}", task=f"ours takes {seconds} s", deferrable=True)

        @task(task_id=f"sdk_{seconds}")
        def run(prompt: str) -> str | None:
            from browser_use_sdk.v2 import BrowserUse

            connection = BaseHook.get_connection("browser_use_default")
            return BrowserUse(api_key=connection.password, base_url=connection.host).run(prompt).output

        run(f"sdk takes {seconds} s")
