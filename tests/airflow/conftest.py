from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

# Airflow reads these when it is first imported, for the tests that use it in this process.
os.environ["AIRFLOW_HOME"] = tempfile.mkdtemp(prefix="airflow-of-the-unit-tests-")
os.environ["AIRFLOW__CORE__LOAD_EXAMPLES"] = "False"

from airflow.providers.common.compat.version_compat import AIRFLOW_V_3_0_PLUS, AIRFLOW_V_3_1_PLUS

from .fake_server import FakeServer, RemoteTask
from .running_airflow import TIMEOUT_SECONDS, Run, RunningAirflow
from .statsd_collector import Collector

SHOP = {
    "conn_type": "http",
    "host": "http://shop.test/",
    "login": "ann-the-buyer",
    "password": "pa55 {{ of }} {% the %} shop",
}
DAGS = Path(__file__).parent / "dags"
# Airflow has no pages of providers below 3.1, and not the modules that these import.
collect_ignore_glob = [] if AIRFLOW_V_3_1_PLUS else ["test_ui_*.py"]


def connection_to(server: FakeServer) -> dict[str, Any]:
    return {"conn_type": "browser_use", "host": server.url, "password": server.key}


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeServer]:
    """A server for one test, which the connection `browser_use_default` of this process leads to."""
    yield from _connected(FakeServer(), monkeypatch)


@pytest.fixture
def v4(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeServer]:
    """The same of a server that speaks v4."""
    yield from _connected(FakeServer("v4"), monkeypatch)


def _connected(fake: FakeServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeServer]:
    monkeypatch.setenv("AIRFLOW_CONN_BROWSER_USE_DEFAULT", json.dumps(connection_to(fake)))
    yield fake
    fake.close()


STARTS = 5
"""How often a run is started at most until a busy machine lets it get to what is tested."""


@dataclass
class ServedRun:
    """One run of a DAG, and the server that nothing but this run calls."""

    server: FakeServer
    run: Run
    start: Callable[[], tuple[FakeServer, Run]] | None = None

    def wait_undisturbed(self, *, tasks: int = 1, kills: int = 0) -> str:
        """The state in which the run ended, which is started again if Airflow was too busy for what is tested.

        Args:
            tasks: To how many remote tasks it has to come before it is over.
            kills: How often the test kills task `browse`. A busy scheduler takes it for killed once more.
        """
        for _ in range(STARTS):
            state = self.run.wait()
            if len(self.tasks) >= tasks and self.run.taken_for_killed("browse") <= kills:
                return state
            if self.start is None:
                break
            self.server, self.run = self.start()
        raise AssertionError(f"Airflow is too busy for {self.run.dag_id}.")

    @property
    def tasks(self) -> list[RemoteTask]:
        """The remote tasks, the oldest first."""
        return list(self.server.tasks.values())

    def stops(self, task: RemoteTask) -> int:
        """How often it was told to stop; or with its session, by whoever comes first once the run has ended."""
        return self.server.stops_of(task.id) or int(task.stopped is not None)

    def wait_for_remote_task(self, count: int = 1, *, seconds: float = TIMEOUT_SECONDS) -> RemoteTask:
        tasks = self.run.airflow.until(
            f"remote task {count} of {self.run.id} exists",
            lambda: self.tasks if len(self.tasks) >= count else [],
            seconds=seconds,
        )
        return tasks[count - 1]

    def wait_for_polls(self, task: RemoteTask) -> None:
        """Until somebody asks about a task, again."""
        before = self.server.polls_of(task.id)
        self.run.airflow.until("it is waited for", lambda: self.server.polls_of(task.id) > before)

    def wait_for_stop(self, task: RemoteTask) -> None:
        self.run.airflow.until(f"remote task of {self.run.id} is stopped", lambda: task.stopped)


class SharedAirflow:
    """A running Airflow, and a server for each run of a DAG in it.

    Args:
        home: Airflow's folder.
        dags_folder: Where its DAGs are.
        more: What else `RunningAirflow` is told.
    """

    def __init__(self, home: Path, dags_folder: Path = DAGS, **more: Any) -> None:
        self._servers: list[FakeServer] = []
        self.collector = Collector()
        settings = {**self.collector.settings, **more.pop("settings", {})}
        self.airflow = RunningAirflow(home, {"shop": SHOP}, dags_folder, settings=settings, **more)

    def open(self, *dag_ids: str) -> None:
        self.airflow.start(set(dag_ids))

    def close(self) -> None:
        self.airflow.stop()
        self.collector.close()
        for server in self._servers:
            server.close()

    def server(self, *, v4: bool = False) -> tuple[str, FakeServer]:
        """A server that no run has used, and its connection, which is in Airflow's database as a user's is."""
        server = FakeServer("v4") if v4 else FakeServer()
        self._servers.append(server)
        name = f"browser_use_{urlsplit(server.url).port}"
        self.airflow.add_connection(name, connection_to(server))
        return name, server

    def run_dag(
        self, dag_id: str, *, v4: bool = False, prepare: Callable[[FakeServer], object] | None = None, **params: Any
    ) -> ServedRun:
        """Start a run on a server that nobody has used, which `prepare` may tell what to do."""

        def start() -> tuple[FakeServer, Run]:
            conn, server = self.server(v4=v4)
            if prepare:
                prepare(server)
            return server, self.airflow.run(dag_id, conn=conn, **params)

        return ServedRun(*start(), start)

    def run_on_both(self, dag_id: str) -> list[tuple[ServedRun, RemoteTask]]:
        """Start runs whose remote tasks go on until they are ended, on v2 and on v4, and wait until they are polled."""
        served_runs = [self.run_dag(dag_id, v4=v4, prompt="forever") for v4 in (False, True)]
        polled = [(served, served.wait_for_remote_task()) for served in served_runs]
        for served, task in polled:
            served.wait_for_polls(task)
        return polled


@pytest.fixture(scope="session")
def shared_airflow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SharedAirflow]:
    if not AIRFLOW_V_3_0_PLUS:
        pytest.skip("Airflow 2 has other components and another REST API")
    shared_airflow = SharedAirflow(tmp_path_factory.mktemp("airflow"))
    try:
        shared_airflow.open(
            *(f"{name}_{mode}" for name in ("shop", "page", "chain", "files") for mode in ("deferred", "on_worker"))
        )
        yield shared_airflow
    finally:
        shared_airflow.close()
