from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.airflow.conftest import SharedAirflow
from tests.airflow.fake_server import FakeServer
from tests.airflow.running_airflow import RunningAirflow, process_of
from tests.fake_api import Recorded

from .servers import postgresql, redis

WORKERS = {"first-worker": "first", "second-worker": "second"}
"""Each with the queue that is its alone; both take the default one."""

TRIGGERERS = ("first-triggerer", "second-triggerer")
COMPONENTS = {
    **{name: name for name in ("api-server", "scheduler", "dag-processor")},
    **dict.fromkeys(TRIGGERERS, "triggerer --skip-serve-logs"),
    **{
        name: f"celery worker --celery-hostname {name} --queues default,{queue} --concurrency 1 --skip-serve-logs"
        f" --without-gossip --without-mingle --pid {name}.pid"
        for name, queue in WORKERS.items()
    },
}


class Askers:
    """Who in an Airflow sends the requests that a server gets.

    Attributes:
        seen: The component, the method and the path of each, in order.
    """

    def __init__(self, airflow: RunningAirflow, server: FakeServer) -> None:
        self.seen: list[tuple[str, str, str]] = []
        self._airflow = airflow
        server.api.observe(before=self._note)

    def of(self, method: str, path: str) -> list[str]:
        """Who sent each of these requests."""
        return [name for name, *request in self.seen if request == [method, path]]

    def _note(self, request: Recorded) -> None:
        path = request.path.removeprefix("/api/v2")
        with contextlib.suppress(LookupError):  # it has ended, or is being ended
            self.seen.append((self._airflow.component_of(process_of(request.peer)), request.method, path))


@pytest.fixture(scope="session")
def shared_airflow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SharedAirflow]:
    """An Airflow as it grows past one machine: two workers and two triggerers that share nothing but its servers."""
    with postgresql() as database, redis() as broker:
        settings = {
            "core.executor": "CeleryExecutor",
            "database.sql_alchemy_conn": f"postgresql+psycopg2://{database}",
            "celery.broker_url": broker,
            "celery.result_backend": f"db+postgresql://{database}",
            # After these seconds without a sign of life, a task is given to another worker.
            "scheduler.task_instance_heartbeat_timeout": 15,
            "scheduler.task_instance_heartbeat_timeout_detection_interval": 2,
        }
        home = tmp_path_factory.mktemp("airflow")
        shared_airflow = SharedAirflow(home, Path(__file__).parent / "dags", settings=settings, components=COMPONENTS)
        try:
            dags = ("shop", "one", "unrendered_chain")
            shared_airflow.open(*(f"{dag}_{mode}" for dag in dags for mode in ("deferred", "on_worker")))
            yield shared_airflow
        finally:
            shared_airflow.close()
