"""A real Airflow of one's own: by default api-server, scheduler, dag-processor, triggerer, on SQLite."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import threading
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import httpx

from demo.ports import free_port
from demo.programs import Program, ProgramError, Programs, machine_environment

T = TypeVar("T")

COMPONENTS: Mapping[str, str] = {
    "api-server": "api-server",
    "scheduler": "scheduler --skip-serve-logs",
    "dag-processor": "dag-processor",
    "triggerer": "triggerer --skip-serve-logs",
}
"""The arguments of `airflow`, by what a component is called. All logs are on this machine: nobody has to serve them."""

START_TIMEOUT_SECONDS = 300.0
LOCK_SECONDS = 60
LOCK_SECONDS_OF_SERVER = 5
"""How long the api-server waits for SQLite's lock: see `Airflow.change` for what that is in vain."""


class Airflow:
    """An Airflow that runs the DAGs of one folder; everything is asked for over the REST API, as a user would.

    Args:
        programs: Where its components run.
        home: Its folder.
        environment: The virtual environment that has Airflow.
        dags: The folder of the DAGs.
        connections: Airflow connections by id, each as the object that `AIRFLOW_CONN_*` takes.
        settings: Of its configuration, as `section.option`, beside those here or instead of them.
        components: What runs: see `COMPONENTS`.
    """

    def __init__(
        self,
        programs: Programs,
        home: Path,
        environment: Path,
        dags: Path,
        connections: Mapping[str, Mapping[str, Any]],
        settings: Mapping[str, object] | None = None,
        components: Mapping[str, str] = COMPONENTS,
    ) -> None:
        self.home = home
        self.components = components
        self._programs = programs
        self._running: dict[str, Program] = {}
        self._command = str(environment / "bin" / "airflow")
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        values = {
            "core.dags_folder": dags,
            "core.load_examples": False,
            "core.executor": "LocalExecutor",
            "core.parallelism": 4,
            "core.simple_auth_manager_all_admins": True,
            "core.execution_api_server_url": f"{self.url}/execution/",
            "core.dags_are_paused_at_creation": False,
            "api.base_url": self.url,
            "api.host": "127.0.0.1",
            "api.port": port,
            "api.secret_key": secrets.token_hex(32),
            # All components sign and check with the same secret.
            "api_auth.jwt_secret": secrets.token_hex(32),
            # A scheduler that does not get SQLite's lock in time ends, and on a busy machine that may take long.
            "database.sql_alchemy_conn": f"sqlite:///{home}/airflow.db?timeout={LOCK_SECONDS}",
            "usage_data_collection.enabled": False,
            **(settings or {}),
        }
        self.environment = {
            **machine_environment(),
            # Tasks start programs of this environment first.
            "PATH": os.pathsep.join([str(environment / "bin"), os.environ["PATH"]]),
            "AIRFLOW_HOME": str(home),
            **{f"AIRFLOW__{name.replace('.', '__').upper()}": str(value) for name, value in values.items()},
            **{f"AIRFLOW_CONN_{name.upper()}": json.dumps(value) for name, value in connections.items()},
        }
        self.http = httpx.Client(base_url=self.url, timeout=90, trust_env=False)  # longer than the database is locked
        # Two changes at a time wait for each other until SQLite's time-out; see `change`.
        self._changing = threading.Lock()

    def start(self, dag_ids: Iterable[str] = ()) -> None:
        """Makes the database, starts the components, and returns when they are at work and have read these DAGs."""
        self.call("db", "migrate", what="Airflow's database")
        for component in self.components:
            self.start_component(component)
        self.until("Airflow", self._is_ready, log=self._running["api-server"])
        for dag_id in dag_ids:
            self.wait_for_dag(dag_id)

    def call(self, *arguments: str, what: str = "") -> None:
        """Runs `airflow` with these arguments until it has ended.

        Args:
            arguments: Its arguments.
            what: What it is for, in messages.

        Raises:
            ProgramError: It failed.
        """
        program = self.start_command(" ".join(arguments), *arguments)
        self.until(what or program.name, lambda: program.poll() is not None, log=program)
        program.check()

    def start_component(self, component: str, name: str | None = None) -> Program:
        """Starts one of the components, or another one of its kind by another name."""
        variables = {}
        if component == "api-server":
            database = self.environment["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"]
            patient, hasty = f"?timeout={LOCK_SECONDS}", f"?timeout={LOCK_SECONDS_OF_SERVER}"
            variables["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"] = database.replace(patient, hasty)
        program = self.start_command(name or component, *self.components[component].split(), **variables)
        self._running[name or component] = program
        return program

    def start_command(self, name: str, *arguments: str, **variables: str) -> Program:
        """Starts `airflow` with these arguments, as the program `airflow NAME`."""
        return self._programs.start(f"airflow {name}", [self._command, *arguments], self.environment | variables)

    def until(
        self,
        what: str,
        look: Callable[[], T | None],
        *,
        seconds: float = START_TIMEOUT_SECONDS,
        log: Program | None = None,
    ) -> T:
        """Waits for what Airflow brings about; see `Programs.wait_for`. By default, the log is the scheduler's."""
        return self._programs.wait_for(what, look, within=seconds, log=log or self._running["scheduler"])

    def wait_for_dag(self, dag_id: str) -> None:
        """Waits until Airflow has read a DAG.

        Raises:
            ProgramError: A DAG cannot be imported, or this one is not there.
        """
        self.until(f"DAG {dag_id}", lambda: self._has_read(dag_id), log=self._running["dag-processor"])

    def trigger(self, dag_id: str, **conf: Any) -> str:
        """Starts a run of a DAG.

        Returns:
            The id of the run.
        """
        run = self.change("POST", f"/api/v2/dags/{dag_id}/dagRuns", {"conf": conf, "logical_date": None})
        return str(run["dag_run_id"])

    def add_pool(self, name: str, slots: int) -> None:
        """Makes a pool, in which deferred tasks count too."""
        self.change("POST", "/api/v2/pools", {"name": name, "slots": slots, "include_deferred": True})

    def get(self, path: str, **params: Any) -> Any:
        """What the REST API has at a path."""
        return self.http.get(path, params=params).raise_for_status().json()

    def change(self, method: str, path: str, body: Any) -> Any:
        """Has the REST API change something; what it answers."""
        for _ in range(12):
            # On a connection of its own, since the server closes one on which it failed, a moment after its answer.
            with self._changing:
                response = self.http.request(method, path, json=body, headers={"Connection": "close"})
            # The server writes its audit log from its event loop, for which a task that starts may wait with SQLite's
            # lock in its hands: nobody is served until the log gives up (LOCK_SECONDS_OF_SERVER), and nothing was done.
            # Only since 3.3 does the answer say that it was the database.
            if response.status_code != httpx.codes.INTERNAL_SERVER_ERROR:
                break
        if response.is_error:
            raise httpx.HTTPStatusError(response.text, request=response.request, response=response)
        return response.json() if response.content else None

    def close(self) -> None:
        """Closes the connections to its API."""
        self.http.close()

    def _is_ready(self) -> bool:
        if not self._log_in():
            return False
        health = self.get("/api/v2/monitor/health")
        return all(part["status"] == "healthy" for part in health.values())

    def _log_in(self) -> bool:
        with contextlib.suppress(httpx.TransportError):
            response = self.http.get("/auth/token")
            if response.is_success:
                self.http.headers["Authorization"] = f"Bearer {response.json()['access_token']}"
                return True
        return False

    def _has_read(self, dag_id: str) -> bool:
        for error in self.get("/api/v2/importErrors")["import_errors"]:
            raise ProgramError(f"Airflow cannot import {error['filename']}.\n{error['stack_trace'].rstrip()}")
        return self.http.get(f"/api/v2/dags/{dag_id}").status_code == httpx.codes.OK
