"""A real Airflow in processes of its own: by default api-server, scheduler, dag-processor, triggerer, on SQLite."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

import httpx
import psutil

from demo.ports import free_port

T = TypeVar("T")
FINISHED = {"success", "failed"}
WAITS_FOR_A_PERSON = {"awaiting_input", "deferred"}  # the latter below 3.3
PATIENCE_SECONDS = 300.0  # of a test: on a busy machine everything takes its time
LOCK_SECONDS = 60
LOCK_SECONDS_OF_SERVER = 5
"""How long the api-server waits for SQLite's lock: see `RunningAirflow._send` for what that is in vain."""
POLL_SECONDS = 0.4  # each poll takes its share of the processors from what is waited for
COMPONENTS = {name: name for name in ("api-server", "scheduler", "dag-processor", "triggerer")}


class RunningAirflow:
    """Started once for many tests; everything is asked for over the REST API, as a user would.

    Args:
        home: Its folder.
        connections: As objects, by id.
        dags_folder: Where its DAGs are.
        settings: Of its configuration, instead of those here.
        components: What runs: the arguments of `airflow`, by a name.
    """

    def __init__(
        self,
        home: Path,
        connections: dict[str, dict[str, Any]],
        dags_folder: Path,
        settings: Mapping[str, object] | None = None,
        components: Mapping[str, str] = COMPONENTS,
    ) -> None:
        self.home = home
        self.components = components
        self._children: dict[str, subprocess.Popen[bytes]] = {}
        self._crashes = 0
        self._lock = threading.Lock()
        port, worker_logs, trigger_logs = free_port(), free_port(), free_port()
        self.url = f"http://127.0.0.1:{port}"
        values = {
            "core.dags_folder": dags_folder,
            "core.load_examples": False,
            "core.executor": "LocalExecutor",
            "core.parallelism": 8,
            "core.simple_auth_manager_all_admins": True,
            "core.execution_api_server_url": f"{self.url}/execution/",
            "core.test_connection": "Enabled",
            "core.dags_are_paused_at_creation": False,
            "api.base_url": self.url,
            "api.host": "127.0.0.1",
            "api.port": port,
            "api.secret_key": "of the tests, and of nothing else, 0123456789",
            "api.workers": 1,
            "api_auth.jwt_issuer": "tests",  # 3.0 has none by default, which newer versions of PyJWT refuse
            "api_auth.jwt_secret": "of the tests, and of nothing else, 9876543210",
            "dag_processor.min_file_process_interval": 600,  # no file changes
            "dag_processor.refresh_interval": 5,
            "dag_processor.stale_dag_threshold": 600,  # where it waits for a processor, DAGs are not gone
            # A scheduler that does not get SQLite's lock in time ends, and on a busy machine that may take long.
            "database.sql_alchemy_conn": f"sqlite:///{home}/airflow.db?timeout={LOCK_SECONDS}",
            "logging.worker_log_server_port": worker_logs,
            "logging.trigger_log_server_port": trigger_logs,
            "openlineage.selective_enable": True,
            "openlineage.transport": json.dumps(
                {"type": "file", "log_file_path": f"{home}/openlineage.jsonl", "append": True}
            ),
            "scheduler.enable_health_check": False,
            "scheduler.scheduler_idle_sleep_time": 0.5,
            "scheduler.trigger_timeout_check_interval": 2,
            "triggerer.triggerer_health_check_threshold": 10,
            "triggerer.job_heartbeat_sec": 1,
            "workers.execution_api_timeout": 60,  # on a busy machine the server takes its time
            "workers.min_heartbeat_interval": 1,
            "usage_data_collection.enabled": False,
            **(settings or {}),
        }
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")},
            "AIRFLOW_HOME": str(home),
            "NO_PROXY": "*",
            **{f"AIRFLOW__{name.replace('.', '__').upper()}": str(value) for name, value in values.items()},
            **{f"AIRFLOW_CONN_{name.upper()}": json.dumps(value) for name, value in connections.items()},
        }
        self.http = httpx.Client(base_url=self.url, timeout=90, trust_env=False)  # longer than the database is locked
        # Two changes at a time wait for each other until SQLite's time-out; see `_send`.
        self._writing = threading.Lock()

    def start(self, dag_ids: set[str]) -> None:
        """Start all components, and wait until these DAGs are there."""
        self.call("db", "migrate")
        for name in self.components:
            self.start_component(name)
        self.until("the api-server answers", lambda: self._try_log_in())
        self.until(
            f"the DAGs {dag_ids} are parsed",
            lambda: dag_ids <= {dag["dag_id"] for dag in self.get("/api/v2/dags")["dags"]} or self._import_errors(),
        )

    def call(self, *arguments: str) -> None:
        """Run `airflow` with these arguments until it ends."""
        subprocess.run([*self._airflow, *arguments], env=self.environment, check=True, capture_output=True)

    def test_dag(self, dag_id: str, **conf: Any) -> subprocess.Popen[bytes]:
        """Start `dag.test()` in a process of its own, on the same database."""
        command = [*self._airflow, "dags", "test", "--conf", json.dumps(conf), dag_id]
        with (self.home / f"test-of-{dag_id}.log").open("ab") as log:
            return subprocess.Popen(
                command, env=self.environment, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
            )

    def start_component(self, component: str, name: str | None = None) -> subprocess.Popen[bytes]:
        """Start one of the components, or another one of its kind by another name."""
        environment = dict(self.environment)
        if component == "api-server":
            database = environment["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"]
            patient, hasty = f"?timeout={LOCK_SECONDS}", f"?timeout={LOCK_SECONDS_OF_SERVER}"
            environment["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"] = database.replace(patient, hasty)
        with (self.home / f"{name or component}.log").open("ab") as log:
            child = subprocess.Popen(
                [*self._airflow, *self.components[component].split()],
                env=environment,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._children[name or component] = child
        return child

    def stop(self) -> None:
        for name in list(self._children):
            self.kill(name, signal.SIGKILL)
        self.http.close()

    def pause(self, name: str) -> None:
        """Stop a component in its tracks, but not while it locks the database for all others."""

        def pause() -> bool:
            self.send(name, signal.SIGSTOP)
            try:
                with contextlib.closing(sqlite3.connect(self.home / "airflow.db", timeout=3)) as database:
                    database.execute("BEGIN IMMEDIATE")
                    database.rollback()
            except sqlite3.OperationalError:
                self.send(name, signal.SIGCONT)
                return False
            return True

        self.until(f"{name} is paused", pause)

    def send(self, name: str, signum: signal.Signals) -> None:
        """Send a signal to a component that was started here, and to everything that it started."""
        for pid in (self._children[name].pid, *(process.pid for process in _descendants(self._children[name].pid))):
            os.kill(pid, signum)

    def kill(self, name: str, signum: signal.Signals) -> None:
        """End a component that was started here, with everything that it started."""
        child = self._children.pop(name)
        family = [child.pid, *(process.pid for process in _descendants(child.pid))]
        child.send_signal(signum)
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(15)
        for pid in family:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        child.wait()

    def component_of(self, process: psutil.Process) -> str:
        """The name of the component that started a process, itself or through others."""
        ancestors = {process.pid, *(parent.pid for parent in process.parents())}
        [name] = [name for name, child in self._children.items() if child.pid in ancestors]
        return name

    def add_connection(self, conn_id: str, connection: dict[str, Any]) -> None:
        """Put a connection into the database, as the UI does."""
        self._send("POST", "/api/v2/connections", {"connection_id": conn_id, **connection})

    def trigger(self, dag_id: str, **conf: Any) -> str:
        """Start a run; its id."""
        body = {"conf": conf, "logical_date": None}
        run_id: str = self._send("POST", f"/api/v2/dags/{dag_id}/dagRuns", body)["dag_run_id"]
        return run_id

    def run(self, dag_id: str, **conf: Any) -> Run:
        return Run(self, dag_id, self.trigger(dag_id, **conf))

    def get(self, path: str, **params: Any) -> Any:
        response = self.http.get(path, params=params)
        response.raise_for_status()
        return response.json()

    def until(self, what: str, look: Callable[[], T], *, seconds: float = PATIENCE_SECONDS) -> T:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if found := look():
                return found
            self._restart_a_scheduler_that_met_a_clear()
            dead = [name for name, child in self._children.items() if child.poll() is not None]
            if dead:
                raise AssertionError(f"{dead} ended; see the logs in {self.home}")
            time.sleep(POLL_SECONDS)
        raise AssertionError(f"not within {seconds} s: {what}; see the logs in {self.home}")

    def _restart_a_scheduler_that_met_a_clear(self) -> None:
        """As a service manager would. SQLite locks no rows: a clear can end the scheduler (StaleDataError, 3.1.8)."""
        with self._lock:
            if self._count_crashes() > self._crashes:
                self.kill("scheduler", signal.SIGTERM)
                self._crashes = self._count_crashes()
                self.start_component("scheduler")

    def _count_crashes(self) -> int:
        log = self.home / "scheduler.log"
        return log.read_bytes().count(b"\nsqlalchemy.orm.exc.StaleDataError") if log.exists() else 0

    def _send(self, method: str, path: str, body: Any) -> Any:
        for _ in range(12):
            # On a connection of its own, since the server closes one on which it failed, a moment after its answer.
            with self._writing if method != "GET" else contextlib.nullcontext():
                response = self.http.request(method, path, json=body, headers={"Connection": "close"})
            # The server writes its audit log from its event loop, for which a task that starts may wait with SQLite's
            # lock in its hands: nobody is served until the log gives up (LOCK_SECONDS_OF_SERVER), and nothing was done.
            # Only since 3.3 does the answer say that it was the database.
            if response.status_code != httpx.codes.INTERNAL_SERVER_ERROR:
                break
        assert response.is_success, response.text
        return response.json() if response.content else None

    @property
    def _airflow(self) -> list[str]:
        return [str(Path(sys.executable).parent / "airflow")]

    def _try_log_in(self) -> bool:
        try:
            response = self.http.get("/auth/token")
        except httpx.TransportError:
            return False
        if response.status_code != 201:
            return False
        self.http.headers["Authorization"] = f"Bearer {response.json()['access_token']}"
        return True

    def _import_errors(self) -> bool:
        errors = self.get("/api/v2/importErrors")["import_errors"]
        assert not errors, errors
        return False


class Run:
    """One run of a DAG."""

    def __init__(self, airflow: RunningAirflow, dag_id: str, run_id: str) -> None:
        self.airflow = airflow
        self.id = run_id
        self.dag_id = dag_id
        self._path = f"/api/v2/dags/{dag_id}/dagRuns/{run_id}"
        self._dag_path = f"/api/v2/dags/{dag_id}"

    def wait(self, *, seconds: float = PATIENCE_SECONDS) -> str:
        """The state in which the run ended."""
        return self.airflow.until(
            f"run {self.id} ends",
            lambda: state if (state := self.airflow.get(self._path)["state"]) in FINISHED else None,
            seconds=seconds,
        )

    def instance(self, task_id: str, map_index: int = -1) -> dict[str, Any]:
        suffix = "" if map_index < 0 else f"/{map_index}"
        found: dict[str, Any] = self.airflow.get(f"{self._path}/taskInstances/{task_id}{suffix}")
        return found

    def end(self, state: str) -> None:
        """Mark the whole run."""
        self.airflow._send("PATCH", self._path, {"state": state})

    def wait_for(
        self, task_id: str, state: str, *, try_number: int = 1, seconds: float = PATIENCE_SECONDS
    ) -> dict[str, Any]:
        def look() -> dict[str, Any] | None:
            found = self.instance(task_id)
            return found if found["state"] == state and found["try_number"] >= try_number else None

        return self.airflow.until(f"{task_id} is {state}", look, seconds=seconds)

    def xcom(self, task_id: str, key: str = "return_value", map_index: int = -1) -> Any:
        path = f"{self._path}/taskInstances/{task_id}/xcomEntries/{key}"
        return self.airflow.get(path, map_index=map_index, stringify=False)["value"]

    def links(self, task_id: str) -> dict[str, str]:
        """What the buttons of the UI lead to."""
        links: dict[str, str] = self.airflow.get(f"{self._path}/taskInstances/{task_id}/links")["extra_links"]
        return links

    def log(self, task_id: str, map_index: int = -1) -> str:
        """What all tries of a task have logged."""
        path = f"{self._path}/taskInstances/{task_id}/logs"
        ask = {"params": {"map_index": map_index}, "headers": {"Accept": "application/json"}}
        tries = range(1, self.instance(task_id, map_index)["try_number"] + 1)
        return "\n".join(self.airflow.http.get(f"{path}/{number}", **ask).text for number in tries)

    def mark(self, task_id: str, state: str) -> None:
        self.airflow._send("PATCH", f"{self._path}/taskInstances/{task_id}", {"new_state": state})

    def clear(self, *task_ids: str) -> None:
        body = {"dry_run": False, "task_ids": list(task_ids), "dag_run_id": self.id, "only_failed": False}
        self.airflow._send("POST", f"{self._dag_path}/clearTaskInstances", body)

    def answer(self, task_id: str, option: str, *, seconds: float = PATIENCE_SECONDS) -> None:
        """Choose an option, as a person would, whenever the task asks for one.

        It asks again where it was answered before the scheduler knew that it waits, and was taken for killed (3.3.2).
        """
        path = f"{self._path}/taskInstances/{task_id}/-1/hitlDetails"

        def is_answered() -> bool:
            state = self.instance(task_id)["state"]
            if state in WAITS_FOR_A_PERSON and not self.airflow.get(path)["response_received"]:
                self.airflow._send("PATCH", path, {"chosen_options": [option], "params_input": {}})
            return bool(state == "success")

        self.airflow.until(f"{task_id} is answered", is_answered, seconds=seconds)

    def worker_pid(self, task_id: str) -> int:
        """The process that executes a task."""
        pid: int = self.airflow.until(f"{task_id} has a worker", lambda: self.instance(task_id)["pid"])
        return pid


def process_of(peer: tuple[str, int]) -> psutil.Process:
    """The process at the other end of a connection to this one."""
    for connection in psutil.net_connections("tcp4"):
        if connection.laddr == peer and connection.pid and connection.pid != os.getpid():
            return psutil.Process(connection.pid)
    raise LookupError(peer)


def _descendants(pid: int) -> Iterator[psutil.Process]:
    with contextlib.suppress(psutil.NoSuchProcess):
        yield from psutil.Process(pid).children(recursive=True)
