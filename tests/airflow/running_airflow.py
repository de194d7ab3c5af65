"""A real Airflow that tests share, disturb and ask."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sqlite3
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import psutil

from demo.airflow import COMPONENTS, Airflow
from demo.dag_run import DagRun
from demo.programs import Program, Programs
from demo.waiting import until

T = TypeVar("T")
WAITS_FOR_A_PERSON = {"awaiting_input", "deferred"}  # the latter below 3.3
TIMEOUT_SECONDS = 300.0  # of a test: on a busy machine everything takes its time
READS_SECONDS = 5.0  # for which a person reads a question; by then the scheduler knows that its task waits
LOG_CHARACTERS = 5_000
POLL_SECONDS = 0.4  # each poll takes its share of the processors from what is waited for


class RunningAirflow(Airflow):
    """Started once for many tests.

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
        self._crashes = 0
        self._lock = threading.Lock()
        values = {
            "core.parallelism": 8,
            "core.test_connection": "Enabled",
            "api.workers": 1,
            "api_auth.jwt_issuer": "tests",  # 3.0 has none by default, which newer versions of PyJWT refuse
            "dag_processor.min_file_process_interval": 600,  # a file is parsed again if it has changed
            "dag_processor.refresh_interval": 5,
            "dag_processor.stale_dag_threshold": 600,  # where it waits for a processor, DAGs are not gone
            "openlineage.execution_timeout": 60,  # on a busy machine its process takes its time
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
            **(settings or {}),
        }
        super().__init__(Programs(home), home, Path(sys.prefix), dags_folder, connections, values, components)
        self.environment["NO_PROXY"] = "*"

    def test_dag(self, dag_id: str, **conf: Any) -> Program:
        """Start `dag.test()` in a process of its own, on the same database."""
        return self.start_command(f"test of {dag_id}", "dags", "test", "--conf", json.dumps(conf), dag_id)

    def stop(self) -> None:
        self._programs.close(signal.SIGKILL)
        self.close()

    def pause(self, name: str, *, alone: bool = False) -> None:
        """Stop a component in its tracks, but not while it locks the database for all others.

        Args:
            name: The component.
            alone: What it has started goes on.
        """
        send = self._running[name].send_signal if alone else self._running[name].signal_family

        def pause() -> bool:
            send(signal.SIGSTOP)
            try:
                with contextlib.closing(sqlite3.connect(self.home / "airflow.db", timeout=3)) as database:
                    database.execute("BEGIN IMMEDIATE")
                    database.rollback()
            except sqlite3.OperationalError:
                send(signal.SIGCONT)
                return False
            return True

        self.until(f"{name} is paused", pause)

    def send(self, name: str, signum: signal.Signals) -> None:
        """Send a signal to a component that was started here, and to everything that it started."""
        self._running[name].signal_family(signum)

    def kill(self, name: str, signum: signal.Signals) -> None:
        """End a component that was started here, with everything that it started."""
        self._programs.end(self._running.pop(name), signum)

    def pid_of(self, name: str) -> int:
        """The process of a component that was started here."""
        return self._running[name].pid

    def component_of(self, process: psutil.Process) -> str:
        """The name of the component that started a process, itself or through others."""
        ancestors = {process.pid, *(parent.pid for parent in process.parents())}
        [name] = [name for name, program in self._running.items() if program.pid in ancestors]
        return name

    def add_connection(self, conn_id: str, connection: dict[str, Any]) -> None:
        """Put a connection into the database, as the UI does."""
        self.change("POST", "/api/v2/connections", {"connection_id": conn_id, **connection})

    def run(self, dag_id: str, **conf: Any) -> Run:
        return Run(self, dag_id, self.trigger(dag_id, **conf))

    def until(
        self,
        what: str,
        look: Callable[[], T | None],
        *,
        seconds: float = TIMEOUT_SECONDS,
        log: Program | None = None,  # noqa: ARG002 - all are kept
    ) -> T:
        return until(f"{what} (the logs are in {self.home})", look, seconds, every=POLL_SECONDS, check=self._check)

    def _check(self) -> None:
        self._restart_a_scheduler_that_met_a_clear()
        dead = [name for name, program in self._running.items() if program.poll() is not None]
        assert not dead, f"{dead} ended; see the logs in {self.home}"

    def _is_ready(self) -> bool:
        return self._log_in()

    def _restart_a_scheduler_that_met_a_clear(self) -> None:
        """As a service manager would. SQLite locks no rows: a clear can end the scheduler (StaleDataError, 3.1.8)."""
        with self._lock:
            if self._count_crashes() > self._crashes:
                self.kill("scheduler", signal.SIGTERM)
                self._crashes = self._count_crashes()
                self.start_component("scheduler")

    def _count_crashes(self) -> int:
        log = self.home / "airflow scheduler.log"
        return log.read_bytes().count(b"\nsqlalchemy.orm.exc.StaleDataError") if log.exists() else 0


class Run(DagRun):
    """One run of a DAG, as tests disturb and ask it."""

    airflow: RunningAirflow

    def wait(self, *, seconds: float = TIMEOUT_SECONDS) -> str:
        """The state in which it ended. Of one that failed, a test that fails as well shows the ends of the logs."""
        state = super().wait(seconds=seconds)
        if state == "failed":
            failed = self.airflow.get(f"{self._path}/taskInstances", state="failed")["task_instances"]
            for each in failed:
                log = self.log(each["task_id"], each["map_index"])
                print(f"{self.dag_id}, {each['task_id']}: {log[-LOG_CHARACTERS:]}")
        return state

    def instance(self, task_id: str, map_index: int = -1) -> dict[str, Any]:
        suffix = "" if map_index < 0 else f"/{map_index}"
        found: dict[str, Any] = self.airflow.get(f"{self._path}/taskInstances/{task_id}{suffix}")
        return found

    def end(self, state: str) -> None:
        """Mark the whole run."""
        self.airflow.change("PATCH", self._path, {"state": state})

    def wait_for(
        self, task_id: str, state: str, *, try_number: int = 1, seconds: float = TIMEOUT_SECONDS
    ) -> dict[str, Any]:
        def look() -> dict[str, Any] | None:
            found = self.instance(task_id)
            return found if found["state"] == state and found["try_number"] >= try_number else None

        return self.airflow.until(f"{task_id} is {state}", look, seconds=seconds)

    def taken_for_killed(self, task_id: str) -> int:
        """How often the scheduler took a task for killed; one that resumes can look so (apache/airflow#67287)."""
        ask = {"dag_id": self.dag_id, "run_id": self.id, "task_id": task_id, "event": "state mismatch"}
        times: int = self.airflow.get("/api/v2/eventLogs", **ask)["total_entries"]
        return times

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
        self.airflow.change("PATCH", f"{self._path}/taskInstances/{task_id}", {"new_state": state})

    def clear(self, *task_ids: str) -> None:
        body = {"dry_run": False, "task_ids": list(task_ids), "dag_run_id": self.id, "only_failed": False}
        self.airflow.change("POST", f"/api/v2/dags/{self.dag_id}/clearTaskInstances", body)

    def answer(self, task_id: str, option: str, *, seconds: float = TIMEOUT_SECONDS) -> None:
        """Choose an option, as a person would who reads first, whenever the task asks for one.

        It asks again where it was answered before the scheduler knew that it waits, and was taken for killed (3.3.2).
        """
        path = f"{self._path}/taskInstances/{task_id}/-1/hitlDetails"
        asked: dict[int, float] = {}  # since when, by the try

        def is_answered() -> bool:
            instance = self.instance(task_id)
            if instance["state"] in WAITS_FOR_A_PERSON:
                since = asked.setdefault(instance["try_number"], time.monotonic())
                has_read = time.monotonic() - since >= READS_SECONDS
                if has_read and not self.airflow.get(path)["response_received"]:
                    self.airflow.change("PATCH", path, {"chosen_options": [option], "params_input": {}})
            return bool(instance["state"] == "success")

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
