"""One task, in either mode and with all kinds of limits; its prompt and its server come with the run."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow.providers.common.compat.sdk import DAG, Param, task

from airflow_browser_use.operators import BrowserUseTaskOperator
from airflow_browser_use.sessions import browser_session

PARAMS = {"prompt": Param("log in", type="string"), "conn": Param("browser_use_default", type="string")}
# See `session_dags.RETRIED`; what fails by itself is tried less often.
RETRIED = {"retries": 9, "retry_delay": timedelta(0)}
FAILING = {"retries": 2, "retry_delay": timedelta(0)}
KINDS: dict[str, dict[str, Any]] = {
    "one": RETRIED,
    "late": {"timeout": 3},
    "overdue": {"execution_timeout": timedelta(seconds=4)},
    "expired": {},
    "unlimited": {},
    "dear": {"max_cost_usd": 0.2, "poll_interval": 0.5},
}

for mode in ("deferred", "on_worker"):
    common: dict[str, Any] = {
        "task_id": "browse",
        "deferrable": mode == "deferred",
        "browser_use_conn_id": "{{ params.conn }}",
    }
    for kind, settings in KINDS.items():
        run_limit = timedelta(minutes=1) if kind == "expired" else None
        with DAG(f"{kind}_{mode}", params=PARAMS, dagrun_timeout=run_limit):
            BrowserUseTaskOperator(task="{{ params.prompt }}", **common, **settings)
    with DAG(f"tested_{mode}", params=PARAMS, is_paused_upon_creation=True):  # a scheduler would execute it as well
        BrowserUseTaskOperator(task="{{ params.prompt }}", **common)
    with DAG(f"mapped_{mode}", params=PARAMS):
        BrowserUseTaskOperator.partial(**common, **RETRIED).expand(task=["the same", "the same"])
    with DAG(f"chain_{mode}", params=PARAMS):
        log_in = BrowserUseTaskOperator(task="log in", **{**common, **RETRIED, "task_id": "log_in"})
        BrowserUseTaskOperator(task="{{ params.prompt }}", session_id=log_in.output["session_id"], **common, **FAILING)
    with DAG(f"group_{mode}", params=PARAMS):
        conn = common["browser_use_conn_id"]
        with browser_session("shop", browser_use_conn_id=conn) as session_id:

            @task.browser_use(
                session_id=session_id, browser_use_conn_id=conn, deferrable=common["deferrable"], **RETRIED
            )
            def log_in_as(name: str) -> str:
                return f"log in as {name}"

            log_in_as("{{ conn.shop.login }}") >> BrowserUseTaskOperator(task="fail", session_id=session_id, **common)
    with DAG(f"branches_{mode}", params=PARAMS):
        log_in = BrowserUseTaskOperator(task="log in", **{**common, **RETRIED, "task_id": "log_in"})
        for branch in ("orders", "refunds"):
            BrowserUseTaskOperator(
                task="{{ params.prompt }}",
                session_id=log_in.output["session_id"],
                wait_when_busy=60,
                **{**common, **RETRIED, "task_id": branch},
            )
