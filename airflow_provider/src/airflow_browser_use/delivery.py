"""What a finished task leaves goes where the user wants it. The task was paid for, so no failure here loses it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from airflow_browser_use import files
from airflow_browser_use.failures import ResultNotKeptError

if TYPE_CHECKING:
    from browser_use_client import BrowserUseClient, Task

MAX_XCOM_BYTES = 1_000_000
"""The most that an output may take in XCom, unless the user says otherwise."""


@dataclass(frozen=True)
class Delivery:
    """Where what a task leaves goes.

    Attributes:
        download_output_to: A folder, or a URL in object storage, for output files.
        max_xcom_bytes: The most bytes that an output may take in XCom, as JSON; None for no limit.
        large_output_to: A folder, or a URL in object storage, for an output past that.
    """

    download_output_to: Any = None
    max_xcom_bytes: int | None = MAX_XCOM_BYTES
    large_output_to: Any = None

    def check(self) -> None:
        """Find out that results cannot go there before a task is paid for.

        Raises:
            InvalidRequestError: They cannot.
        """
        files.check_folder(self.download_output_to)
        files.check_folder(self.large_output_to)


def deliver(client: BrowserUseClient, task: Task, value: dict[str, Any], to: Delivery) -> dict[str, Any]:
    """Download the output files, and write down an output that is too large for XCom.

    Args:
        client: Of the server that ran the task.
        task: A task that did its work.
        value: Its XCom value.
        to: Where to.

    Returns:
        The value, which says where everything is.

    Raises:
        ResultNotKeptError: That failed, or nobody said where to. A retry can do it again.
    """
    finished = f"Task {task.id} in session {task.session_id} has finished, but"
    ids = {"task_id": task.id, "session_id": task.session_id}
    try:
        if to.download_output_to:
            paths = files.download(client, task, str(to.download_output_to))
            listed = [{**file, "path": path} for file, path in zip(value["output_files"], paths, strict=True)]
            value = {**value, "output_files": listed}
        content = json.dumps(value["output"]).encode()
        if to.max_xcom_bytes is None or len(content) <= to.max_xcom_bytes:
            return value
        if to.large_output_to:
            path = files.write(content, str(to.large_output_to), f"{task.id}.json")
            return {**value, "output": None, "output_path": path}
    except Exception as error:
        raise ResultNotKeptError(f"{finished} its result could not be stored: {error}", **ids) from error
    raise ResultNotKeptError(
        f"{finished} its output of {len(content):,} bytes as JSON is more than `max_xcom_bytes`"
        f" ({to.max_xcom_bytes:,}) lets into XCom. Raise that, or name a folder or a URL in object storage"
        " with `large_output_to`.",
        **ids,
    )
