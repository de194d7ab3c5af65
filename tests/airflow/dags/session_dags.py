"""Chains, branches and groups that share a session, for what may happen to one while it is in use."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path
from typing import Any

from airflow.providers.common.compat.sdk import DAG, Param

from airflow_browser_use.operators import BrowserUseTaskOperator
from airflow_browser_use.sessions import browser_session

PARAMS = {
    "prompt": Param("forever", type="string"),
    "root": Param("log in", type="string"),
    "other": Param("for 1 s", type="string"),
    "conn": Param("browser_use_default", type="string"),
}
# A busy scheduler takes a task that has resumed for one that died (apache/airflow#67287): on two cores, as often as not
# where a remote task ends at once. The next try reattaches, so what is tested stays the same.
RETRIED = {"retries": 9, "retry_delay": timedelta(0)}
SECONDS = timedelta(seconds=1)
KINDS: dict[str, dict[str, Any]] = {
    "once": RETRIED,
    "unrendered": {"task": "{{ nothing.like.this }}"},
    "patient": {"retries": 2, "retry_delay": timedelta(hours=1)},
    "unkilled": {"stop_on_kill": False},
    "expired_unkilled": {"stop_on_kill": False},
    "hasty": {"execution_timeout": 12 * SECONDS},
    "hasty_unstopped": {"execution_timeout": 12 * SECONDS, "stop_on_timeout": False},
    "hasty_unkilled": {"execution_timeout": 12 * SECONDS, "stop_on_kill": False},
}

for mode in ("deferred", "on_worker"):
    common: dict[str, Any] = {"deferrable": mode == "deferred", "browser_use_conn_id": "{{ params.conn }}"}
    for kind, settings in KINDS.items():
        run_limit = timedelta(minutes=1) if kind.startswith("expired") else None
        with DAG(f"{kind}_chain_{mode}", params=PARAMS, dagrun_timeout=run_limit):
            log_in = BrowserUseTaskOperator(task_id="log_in", task="{{ params.root }}", **common, **RETRIED)
            arguments = {"task_id": "browse", "task": "{{ params.prompt }}", **common, **settings}
            BrowserUseTaskOperator(session_id=log_in.output["session_id"], **arguments)
    with DAG(f"three_{mode}", params=PARAMS):
        log_in = BrowserUseTaskOperator(task_id="log_in", task="{{ params.root }}", **common, **RETRIED)
        browse = BrowserUseTaskOperator(
            task_id="browse", task="{{ params.prompt }}", session_id=log_in.output["session_id"], **common, **RETRIED
        )
        BrowserUseTaskOperator(task_id="ship", task="ship", session_id=browse.output["session_id"], **common, **RETRIED)
    with DAG(f"siblings_{mode}", params=PARAMS):
        log_in = BrowserUseTaskOperator(task_id="log_in", task="{{ params.root }}", **common, **RETRIED)
        for branch, prompt in (("first", "{{ params.prompt }}"), ("second", "{{ params.other }}")):
            BrowserUseTaskOperator(
                task_id=branch,
                task=prompt,
                session_id=log_in.output["session_id"],
                wait_when_busy=120,
                priority_weight=10 if branch == "first" else 1,
                **common,
                **RETRIED,
            )
    with (
        DAG(f"live_group_{mode}", params=PARAMS),
        browser_session("shop", browser_use_conn_id=common["browser_use_conn_id"]) as session_id,
    ):
        BrowserUseTaskOperator(task_id="browse", task="{{ params.prompt }}", session_id=session_id, **common, **RETRIED)
    with (
        DAG(f"unordered_group_{mode}", params=PARAMS),
        browser_session("shop", browser_use_conn_id=common["browser_use_conn_id"]) as session_id,
    ):
        for branch in ("first", "second"):
            BrowserUseTaskOperator(
                task_id=branch, task="for 1 s", session_id=session_id, wait_when_busy=120, **common, **RETRIED
            )
    for edited in (0, 9):
        with DAG(f"edited_{edited}_{mode}", params=PARAMS):
            retries = edited if Path(os.environ["AIRFLOW_HOME"], f"retries-{edited}").exists() else 3
            BrowserUseTaskOperator(
                task_id="browse", task="{{ params.prompt }}", retries=retries, retry_delay=timedelta(0), **common
            )
