"""A real Airflow of the demo's own: its four components, on SQLite, with the LocalExecutor."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx

from demo.ports import free_port
from demo.programs import DemoError, Programs
from demo.report import RunReport, TaskReport

COMPONENTS: Mapping[str, tuple[str, ...]] = {
    "api-server": (),
    "scheduler": ("--skip-serve-logs",),
    "dag-processor": (),
    "triggerer": ("--skip-serve-logs",),
}
ENDED = ("success", "failed")


class Airflow:
    """An Airflow that runs the DAGs of one folder when it is asked to.

    Args:
        programs: Where its components run.
        environment: The virtual environment that has Airflow.
        dags: The folder of the DAGs.
        connections: Airflow connections by id, each as the object that `AIRFLOW_CONN_*` takes.
        pools: Pools by name, each with its slots; deferred tasks count too.
    """

    def __init__(
        self,
        programs: Programs,
        environment: Path,
        dags: Path,
        connections: Mapping[str, Mapping[str, Any]],
        pools: Mapping[str, int] | None = None,
    ) -> None:
        self._programs = programs
        self._pools = pools or {}
        self._command = str(environment / "bin" / "airflow")
        self.url = f"http://127.0.0.1:{free_port()}"
        self._variables = {
            **_configuration(programs.folder / "airflow", dags, self.url),
            **{f"AIRFLOW_CONN_{name.upper()}": json.dumps(connection) for name, connection in connections.items()},
            # Tasks start programs of this environment first.
            "PATH": f"{environment / 'bin'}:/usr/local/bin:/usr/bin:/bin",
        }
        self._api = httpx.Client(base_url=f"{self.url}/api/v2", timeout=30)

    def start(self) -> None:
        """Makes the database, starts the components, and returns when all of them are at work."""
        self._programs.start("airflow db migrate", [self._command, "db", "migrate"], self._variables)
        self._programs.wait_for(
            "Airflow's database",
            lambda: self._programs.has_ended("airflow db migrate"),
            within=120,
            log="airflow db migrate",
        )
        for component, options in COMPONENTS.items():
            self._programs.start(f"airflow {component}", [self._command, component, *options], self._variables)
        self._programs.wait_for("Airflow", self._is_healthy, within=180, log="airflow api-server")
        token = httpx.get(f"{self.url}/auth/token").raise_for_status().json()["access_token"]
        self._api.headers["Authorization"] = f"Bearer {token}"
        for name, slots in self._pools.items():
            pool = {"name": name, "slots": slots, "include_deferred": True}
            self._api.post("/pools", json=pool).raise_for_status()

    def trigger(self, dag_id: str) -> str:
        """Starts a run of a DAG as soon as Airflow has read it.

        Returns:
            The id of the run.

        Raises:
            DemoError: The DAG cannot be imported, or is not there.
        """
        self._programs.wait_for(
            f"DAG {dag_id}", lambda: self._has_read(dag_id), within=120, log="airflow dag-processor"
        )
        run = self._api.post(f"/dags/{dag_id}/dagRuns", json={"logical_date": None})
        return str(run.raise_for_status().json()["dag_run_id"])

    def result(self, dag_id: str, run_id: str, *, within: float) -> RunReport:
        """Waits until a run has ended.

        Args:
            dag_id: The DAG.
            run_id: Its run.
            within: Seconds after which it is too late.
        """
        run = f"/dags/{dag_id}/dagRuns/{run_id}"

        def ended() -> str | None:
            state = str(self._get(run)["state"])
            return state if state in ENDED else None

        state = self._programs.wait_for(f"Airflow's run of {dag_id}", ended, within=within, log="airflow scheduler")
        instances = self._get(f"{run}/taskInstances", order_by="start_date")["task_instances"]
        return RunReport(
            title=f"Airflow, DAG {dag_id}",
            state=state,
            succeeded=state == "success",
            tasks=[self._task_report(run, instance) for instance in instances],
        )

    def close(self) -> None:
        """Closes the connections to its API."""
        self._api.close()

    def _is_healthy(self) -> bool:
        health = self._get("/monitor/health")
        return all(part["status"] == "healthy" for part in health.values())

    def _has_read(self, dag_id: str) -> bool:
        for error in self._get("/importErrors")["import_errors"]:
            raise DemoError(f"Airflow cannot import {error['filename']}.\n{error['stack_trace'].rstrip()}")
        return self._api.get(f"/dags/{dag_id}").status_code == httpx.codes.OK

    def _task_report(self, run: str, instance: Mapping[str, Any]) -> TaskReport:
        task = f"{run}/taskInstances/{instance['task_id']}"
        succeeded = instance["state"] == "success"
        result = self._xcom(task, "return_value")
        return TaskReport(
            name=instance["task_id"],
            state=instance["state"] or "none",
            succeeded=succeeded,
            session_id=self._xcom(task, "session_id"),
            result=result["output"] if isinstance(result, dict) else result,
            log="" if succeeded else self._log(task, instance["try_number"]),
        )

    def _xcom(self, task: str, key: str) -> Any:
        entry = self._api.get(f"{task}/xcomEntries/{key}", params={"deserialize": True})
        return None if entry.status_code == httpx.codes.NOT_FOUND else entry.raise_for_status().json()["value"]

    def _log(self, task: str, try_number: int) -> str:
        if not try_number:
            return ""
        entries = self._get(f"{task}/logs/{try_number}")["content"]
        lines = [entry if isinstance(entry, str) else _log_line(entry) for entry in entries]
        return "\n".join(lines[-30:])

    def _get(self, path: str, **params: Any) -> Any:
        return self._api.get(path, params=params).raise_for_status().json()


def _log_line(entry: Mapping[str, Any]) -> str:
    causes = [f"{cause['exc_type']}: {cause['exc_value']}" for cause in entry.get("error_detail") or ()]
    return " ".join([entry["event"], *causes])


def _configuration(home: Path, dags: Path, url: str) -> dict[str, str]:
    port = url.rpartition(":")[2]
    sections = {
        "core": {
            "dags_folder": str(dags),
            "executor": "LocalExecutor",
            "parallelism": "4",
            "load_examples": "False",
            "dags_are_paused_at_creation": "False",
            "simple_auth_manager_all_admins": "True",
            "execution_api_server_url": f"{url}/execution/",
            "fernet_key": "",
        },
        # Components that write at the same time wait for each other, also where the machine is busy.
        "database": {"sql_alchemy_conn": f"sqlite:///{home}/airflow.db?timeout=60"},
        "api": {"host": "127.0.0.1", "port": port, "base_url": url, "secret_key": secrets.token_hex(32)},
        # All components sign and check with the same secret.
        "api_auth": {"jwt_secret": secrets.token_hex(32)},
        # Runs start when they are asked for: a DAG that is due by its schedule would run a second time beside them.
        "scheduler": {"use_job_schedule": "False"},
        "usage_data_collection": {"enabled": "False"},
    }
    return {
        "AIRFLOW_HOME": str(home),
        **{
            f"AIRFLOW__{section.upper()}__{option.upper()}": value
            for section, options in sections.items()
            for option, value in options.items()
        },
    }
