"""A run of a DAG, and what became of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import httpx

from demo.airflow import Airflow
from demo.report import RunReport, TaskReport

FINISHED = {"success", "failed"}


class DagRun:
    """One run of a DAG.

    Args:
        airflow: Where it runs.
        dag_id: The DAG.
        run_id: Its run.
    """

    def __init__(self, airflow: Airflow, dag_id: str, run_id: str) -> None:
        self.airflow = airflow
        self.dag_id = dag_id
        self.id = run_id
        self._path = f"/api/v2/dags/{dag_id}/dagRuns/{run_id}"

    def wait(self, *, seconds: float) -> str:
        """The state in which it ended, once it has; `seconds` are after how many it is too late."""

        def ended() -> str | None:
            state = str(self.airflow.get(self._path)["state"])
            return state if state in FINISHED else None

        return self.airflow.until(f"Airflow's run of {self.dag_id}", ended, seconds=seconds)

    def xcom(self, task_id: str, key: str = "return_value", map_index: int = -1) -> Any:
        """What a task has pushed."""
        path = f"{self._path}/taskInstances/{task_id}/xcomEntries/{key}"
        return self.airflow.get(path, map_index=map_index, stringify=False)["value"]

    def report(self, *, within: float) -> RunReport:
        """What became of it, once it has ended; `within` are the seconds after which it is too late."""
        state = self.wait(seconds=within)
        instances = self.airflow.get(f"{self._path}/taskInstances", order_by="start_date")["task_instances"]
        return RunReport(
            title=f"Airflow, DAG {self.dag_id}",
            state=state,
            succeeded=state == "success",
            tasks=[self._task_report(instance) for instance in instances],
        )

    def _task_report(self, instance: Mapping[str, Any]) -> TaskReport:
        task_id = instance["task_id"]
        succeeded = instance["state"] == "success"
        result = self._xcom_if_there(task_id, "return_value")
        return TaskReport(
            name=task_id,
            state=instance["state"] or "none",
            succeeded=succeeded,
            session_id=self._xcom_if_there(task_id, "session_id"),
            result=result["output"] if isinstance(result, dict) else result,
            log="" if succeeded else self._end_of_log(task_id, instance["try_number"]),
        )

    def _xcom_if_there(self, task_id: str, key: str) -> Any:
        try:
            return self.xcom(task_id, key)
        except httpx.HTTPStatusError as error:
            if error.response.status_code != httpx.codes.NOT_FOUND:
                raise
            return None

    def _end_of_log(self, task_id: str, try_number: int) -> str:
        if not try_number:
            return ""
        entries = self.airflow.get(f"{self._path}/taskInstances/{task_id}/logs/{try_number}")["content"]
        lines = [entry if isinstance(entry, str) else _log_line(entry) for entry in entries]
        return "\n".join(lines[-30:])


def _log_line(entry: Mapping[str, Any]) -> str:
    causes = [f"{cause['exc_type']}: {cause['exc_value']}" for cause in entry.get("error_detail") or ()]
    return " ".join([entry["event"], *causes])
