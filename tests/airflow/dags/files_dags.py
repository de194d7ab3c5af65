"""A file in, files out, an asset, and OpenLineage; where the files are and what the task leaves comes with the run."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow.providers.common.compat.sdk import DAG, Asset, Param, task
from airflow.providers.openlineage.utils.selective_enable import enable_lineage

from airflow_browser_use.operators import BrowserUseTaskOperator

PARAMS = {name: Param("?", type="string") for name in ("conn", "prompt", "folder")}
SETTINGS: dict[str, Any] = {
    "files": ["file://{{ params.folder }}/in.csv"],
    "download_output_to": "{{ params.folder }}/out",
    "max_xcom_bytes": 100,
    "large_output_to": "file://{{ params.folder }}/large",
    "browser_use_conn_id": "{{ params.conn }}",
    "retries": 9,
    "retry_delay": timedelta(0),
}

with DAG("files_deferred", params=PARAMS):
    enable_lineage(
        BrowserUseTaskOperator(
            task_id="browse",
            task="{{ params.prompt }}",
            deferrable=True,
            outlets=[Asset("browsed_deferred")],
            **SETTINGS,
        )
    )

with DAG("files_on_worker", params=PARAMS):

    @task.browser_use(deferrable=False, outlets=[Asset("browsed_on_worker")], **SETTINGS)
    def browse(prompt: str) -> str:
        return prompt

    enable_lineage(browse("{{ params.prompt }}"))
