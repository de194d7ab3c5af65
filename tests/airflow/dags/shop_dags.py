"""Sign in, then two follow-ups in the same session; and prompts that hold what a page says."""

from __future__ import annotations

from datetime import timedelta

from airflow.providers.common.compat.sdk import DAG, Param, task
from airflow.providers.openlineage.utils.selective_enable import enable_lineage
from pydantic import BaseModel

from airflow_browser_use.operators import BrowserUseTaskOperator

PAGE = "for 1 s: {{ conn.shop.password }} {{ var.value.x }} {% if %}"


@task
def read_page() -> str:
    return PAGE


@task
def opening_first(orders: list[dict[str, int]]) -> str:
    return f"open order {orders[0]['number']}"


@task
def rows(session_id: str) -> list[dict[str, str]]:
    return [{"task": PAGE, "session_id": session_id}]


class Order(BaseModel):
    number: int
    total: float


PARAMS = {"conn": Param("browser_use_default", type="string")}

for mode in ("deferred", "on_worker"):
    with DAG(f"shop_{mode}", params=PARAMS):
        common = {
            "deferrable": mode == "deferred",
            "browser_use_conn_id": "{{ params.conn }}",
            # A busy scheduler can take a task that has resumed for one that died (apache/airflow#67287).
            "retries": 9,
            "retry_delay": timedelta(0),
        }
        log_in = BrowserUseTaskOperator(
            task_id="log_in",
            task="log in",
            agent_settings={"start_url": "{{ conn.shop.host }}"},
            secrets={"name": "{{ conn.shop.login }}", "password": "{{ conn.shop.password }}"},
            **common,
        )
        read = BrowserUseTaskOperator(
            task_id="read",
            task='report [{"number": 7, "total": 9.5}]',
            session_id=log_in.output["session_id"],
            output_schema=list[Order],
            **common,
        )
        BrowserUseTaskOperator(
            task_id="open_first",
            task=opening_first(read.output["output"]),
            session_id=read.output["session_id"],
            **common,
        )
        enable_lineage(log_in)

    with DAG(f"page_{mode}", params=PARAMS, render_template_as_native_obj=mode == "on_worker"):

        @task.browser_use(**common)
        def ask(page: str) -> str:
            return page

        page = read_page()
        ask(page)
        told = BrowserUseTaskOperator(task_id="told", task=page, **common)
        BrowserUseTaskOperator.partial(task_id="mapped", **common).expand_kwargs(rows(told.output["session_id"]))
