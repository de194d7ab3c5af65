"""A real Prefect server of the demo's own, and a flow that is served from its file."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
from tenacity import retry, retry_if_exception, stop_after_delay, wait_fixed

from browser_use_client import BrowserUseClient
from browser_use_client import Task as BrowserUseTask
from demo.ports import free_port
from demo.programs import Programs
from demo.report import RunReport, TaskReport

ENDED = ("COMPLETED", "FAILED", "CRASHED", "CANCELLED")

OF_TASK = re.compile(r"Task `(?P<id>[0-9a-f-]{36})` in session")
"""How the artifact of a task names it."""


def _is_busy(error: BaseException) -> bool:
    return isinstance(error, httpx.HTTPStatusError) and error.response.status_code == httpx.codes.SERVICE_UNAVAILABLE


class Prefect:
    """A Prefect server.

    Args:
        programs: Where it runs.
        environment: The virtual environment that has Prefect.
    """

    def __init__(self, programs: Programs, environment: Path) -> None:
        self._programs = programs
        self._python = str(environment / "bin" / "python")
        self.url = f"http://127.0.0.1:{free_port()}"
        self._variables = {
            "PREFECT_HOME": str(programs.folder / "prefect"),
            "PREFECT_API_URL": f"{self.url}/api",
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
            "PREFECT_RUNNER_POLL_FREQUENCY": "1",
        }
        self._api = httpx.Client(base_url=f"{self.url}/api", timeout=30)

    def start(self) -> None:
        """Starts the server; `serve` waits for it."""
        port = self.url.rpartition(":")[2]
        command = ["-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port", port]
        self._programs.start("prefect server", [self._python, *command], self._variables)

    def serve(self, flow: Path, variables: Mapping[str, str]) -> str:
        """Runs the file of a flow, which serves it: makes a deployment of it, and carries out the runs of that.

        Args:
            flow: The file. It serves one flow.
            variables: What the flow reads from its environment.

        Returns:
            The id of the deployment.
        """
        self._programs.wait_for("Prefect", self._answers, within=180, log="prefect server")
        name = f"prefect {flow.stem}"
        self._programs.start(name, [self._python, str(flow)], {**self._variables, **variables})
        return self._programs.wait_for(f"flow {flow.stem}", lambda: self._deployment(flow), within=120, log=name)

    def trigger(self, deployment_id: str) -> str:
        """Starts a run of a deployment.

        Returns:
            The id of the flow run.
        """
        return str(self._post(f"/deployments/{deployment_id}/create_flow_run")["id"])

    def result(self, flow_run_id: str, browser_use: BrowserUseClient, *, within: float) -> RunReport:
        """Waits until a flow run has ended.

        Args:
            flow_run_id: The flow run.
            browser_use: Knows what the tasks did. Prefect keeps what a task returns only for its flow.
            within: Seconds after which it is too late.
        """
        run = self._programs.wait_for(
            "Prefect's flow run", lambda: self._ended(flow_run_id), within=within, log="prefect server"
        )
        flow = self._get(f"/flows/{run['flow_id']}")["name"]
        query = {"flow_runs": {"id": {"any_": [flow_run_id]}}, "sort": "EXPECTED_START_TIME_ASC"}
        # Nothing else runs meanwhile, so what came after its start is of this flow run; whose task run it was, its
        # artifact says. Python 3.10 knows no Z.
        began = datetime.fromisoformat(run["start_time"].replace("Z", "+00:00"))
        tasks = {task.id: task for task in browser_use.list_tasks(after=began)}
        # v4 does not say whether a task was successful; one that was not has failed there.
        succeeded = [task for task in tasks.values() if task.status == "finished" and task.is_success is not False]
        self._programs.wait_for(
            "Prefect's artifacts",
            lambda: len(self._task_ids(flow_run_id)) >= len(succeeded),
            within=60,
            log="prefect server",
        )
        done = {task_run_id: tasks[task_id] for task_run_id, task_id in self._task_ids(flow_run_id).items()}
        return RunReport(
            title=f"Prefect, flow {flow}",
            state=run["state_name"],
            succeeded=run["state_type"] == "COMPLETED",
            tasks=[self._task_report(task, done.get(task["id"])) for task in self._post("/task_runs/filter", query)],
        )

    def close(self) -> None:
        """Closes the connections to its API."""
        self._api.close()

    def _answers(self) -> bool:
        return self._api.get("/health").is_success

    def _deployment(self, flow: Path) -> str | None:
        deployments = self._post("/deployments/filter")
        return next((str(found["id"]) for found in deployments if flow.name in found["entrypoint"]), None)

    def _ended(self, flow_run_id: str) -> Any:
        run = self._get(f"/flow_runs/{flow_run_id}")
        return run if run["state_type"] in ENDED else None

    def _task_ids(self, flow_run_id: str) -> dict[str, str]:
        """The Browser Use task of each task run that has shown one's result."""
        query = {"artifacts": {"flow_run_id": {"any_": [flow_run_id]}, "key": {"like_": "browser-use-%"}}}
        named = ((shown, OF_TASK.search(str(shown["data"]))) for shown in self._post("/artifacts/filter", query))
        return {shown["task_run_id"]: task["id"] for shown, task in named if task}

    def _task_report(self, task: Mapping[str, Any], done: BrowserUseTask | None) -> TaskReport:
        succeeded = task["state_type"] == "COMPLETED"
        return TaskReport(
            name=task["name"],
            state=task["state_name"],
            succeeded=succeeded,
            session_id=done.session_id if done else None,
            result=done.output if done else None,
            log="" if succeeded else self._log(task),
        )

    def _log(self, task: Mapping[str, Any]) -> str:
        query = {"logs": {"task_run_id": {"any_": [task["id"]]}}, "sort": "TIMESTAMP_ASC"}
        lines = [task["state"]["message"] or "", *(entry["message"] for entry in self._post("/logs/filter", query))]
        return "\n".join(lines).strip()

    def _get(self, path: str) -> Any:
        return self._request("GET", path)

    def _post(self, path: str, body: Mapping[str, Any] | None = None) -> Any:
        return self._request("POST", path, body or {})

    # On SQLite, a server whose database is locked for a moment answers 503, and has done nothing.
    @retry(retry=retry_if_exception(_is_busy), wait=wait_fixed(1), stop=stop_after_delay(60), reraise=True)
    def _request(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        return self._api.request(method, path, json=body).raise_for_status().json()
