"""What became of a flow run."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from browser_use_client import BrowserUseClient, Task
from demo.prefect import Prefect
from demo.report import RunReport, TaskReport

OF_TASK = re.compile(r"Task `(?P<id>[0-9a-f-]{36})` in session")
"""How the artifact of a task names it."""


class FlowRun:
    """One run of a flow.

    Args:
        prefect: Where it runs.
        flow_run_id: Its id.
    """

    def __init__(self, prefect: Prefect, flow_run_id: str) -> None:
        self._prefect = prefect
        self._id = flow_run_id

    def report(self, browser_use: BrowserUseClient, *, within: float) -> RunReport:
        """What became of it, once it has ended.

        Args:
            browser_use: Knows what the tasks did. Prefect keeps what a task returns only for its flow.
            within: Seconds after which it is too late.
        """
        run = self._prefect.until("Prefect's flow run", lambda: self._prefect.ended_flow_run(self._id), within=within)
        flow = self._prefect.get(f"/flows/{run['flow_id']}")["name"]
        # Nothing else runs meanwhile, so what came after its start is of this flow run; whose task run it was, its
        # artifact says. Python 3.10 knows no Z.
        began = datetime.fromisoformat(run["start_time"].replace("Z", "+00:00"))
        tasks = {task.id: task for task in browser_use.list_tasks(after=began)}
        # v4 does not say whether a task was successful; one that was not has failed there.
        succeeded = [task for task in tasks.values() if task.status == "finished" and task.is_success is not False]
        self._prefect.until("Prefect's artifacts", lambda: len(self._task_ids()) >= len(succeeded), within=60)
        done = {task_run_id: tasks[task_id] for task_run_id, task_id in self._task_ids().items()}
        return RunReport(
            title=f"Prefect, flow {flow}",
            state=run["state_name"],
            succeeded=run["state_type"] == "COMPLETED",
            tasks=[self._task_report(run, done.get(run["id"])) for run in self._prefect.task_runs(self._id)],
        )

    def _task_ids(self) -> dict[str, str]:
        """The Browser Use task of each task run that has shown one's result."""
        query = {"artifacts": {"flow_run_id": {"any_": [self._id]}, "key": {"like_": "browser-use-%"}}}
        artifacts = self._prefect.post("/artifacts/filter", query)
        named = ((shown, OF_TASK.search(str(shown["data"]))) for shown in artifacts)
        return {shown["task_run_id"]: task["id"] for shown, task in named if task}

    def _task_report(self, run: Mapping[str, Any], done: Task | None) -> TaskReport:
        succeeded = run["state_type"] == "COMPLETED"
        return TaskReport(
            name=run["name"],
            state=run["state_name"],
            succeeded=succeeded,
            session_id=done.session_id if done else None,
            result=done.output if done else None,
            log="" if succeeded else self._log(run),
        )

    def _log(self, run: Mapping[str, Any]) -> str:
        query = {"logs": {"task_run_id": {"any_": [run["id"]]}}, "sort": "TIMESTAMP_ASC"}
        lines = [
            run["state"]["message"] or "",
            *(entry["message"] for entry in self._prefect.post("/logs/filter", query)),
        ]
        return "\n".join(lines).strip()
