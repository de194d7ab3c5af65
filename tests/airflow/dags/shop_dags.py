"""Sign in, then two follow-ups in the same session."""

from __future__ import annotations

from airflow.providers.common.compat.sdk import DAG, Param
from airflow.providers.openlineage.utils.selective_enable import enable_lineage
from pydantic import BaseModel

from airflow_browser_use.operators import BrowserUseTaskOperator


class Order(BaseModel):
    number: int
    total: float


for mode in ("deferred", "on_worker"):
    with DAG(f"shop_{mode}", params={"conn": Param("browser_use_default", type="string")}):
        common = {"deferrable": mode == "deferred", "browser_use_conn_id": "{{ params.conn }}"}
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
        open_first = BrowserUseTaskOperator(
            task_id="open_first",
            task="open order {{ ti.xcom_pull(task_ids='read')['output'][0]['number'] }}",
            session_id=read.output["session_id"],
            **common,
        )
        enable_lineage(log_in)
