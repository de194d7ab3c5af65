"""What a finished task leaves goes where the user wants it. The task was paid for, so no failure here loses it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from airflow_browser_use import files
from airflow_browser_use.failures import ResultNotKeptError

if TYPE_CHECKING:
    from airflow_browser_use.operators.task import BrowserUseTaskOperator
    from browser_use_client import BrowserUseClient, Task

MAX_XCOM_BYTES = 1_000_000
"""The most that an output may take in XCom, unless the user says otherwise."""


def deliver(
    client: BrowserUseClient, task: Task, value: dict[str, Any], operator: BrowserUseTaskOperator
) -> dict[str, Any]:
    """Download the output files, and write down an output that is too large for XCom.

    Args:
        client: Of the server that ran the task.
        task: A task that did its work.
        value: Its XCom value.
        operator: Says where to.

    Returns:
        The value, which says where everything is.

    Raises:
        ResultNotKeptError: That failed, or nobody said where to. A retry can do it again.
    """
    finished = f"Task {task.id} in session {task.session_id} has finished, but"
    ids = {"task_id": task.id, "session_id": task.session_id}
    try:
        if operator.download_output_to:
            paths = files.download(client, task, str(operator.download_output_to))
            listed = [{**file, "path": path} for file, path in zip(value["output_files"], paths, strict=True)]
            value = {**value, "output_files": listed}
        content = json.dumps(value["output"]).encode()
        if operator.max_xcom_bytes is None or len(content) <= operator.max_xcom_bytes:
            return value
        if operator.large_output_to:
            path = files.write(content, str(operator.large_output_to), f"{task.id}.json")
            return {**value, "output": None, "output_path": path}
    except Exception as error:
        raise ResultNotKeptError(
            f"{finished} what it left could not be put where it was to go: {error}", **ids
        ) from error
    raise ResultNotKeptError(
        f"{finished} its output of {len(content):,} bytes as JSON is more than `max_xcom_bytes`"
        f" ({operator.max_xcom_bytes:,}) lets into XCom. Raise that, or name a folder or an address in object storage"
        " with `large_output_to`.",
        **ids,
    )
