"""A run that is marked has ended in the API server, which closes what the run has left open."""

from __future__ import annotations

import pytest

from tests.fake_api import Recorded

from .conftest import ServedRun, SharedAirflow
from .running_airflow import process_of

MODES = ("deferred", "on_worker")


def who_closes(served: ServedRun) -> list[str]:
    """The component of Airflow that closes each session, filled in as it does."""
    found: list[str] = []

    def watch(request: Recorded) -> None:
        if request.method == "PATCH" and request.path.startswith("/api/v2/sessions/"):
            found.append(served.run.airflow.component_of(process_of(request.peer)))

    served.server.api.observe(before=watch)
    return found


@pytest.fixture(scope="module")
def waiting(shared_airflow: SharedAirflow) -> dict[str, ServedRun]:
    """Runs whose session is open while a follow-up waits for its retry."""
    return {state: shared_airflow.run_dag("patient_chain_on_worker", prompt="fail") for state in ("failed", "success")}


@pytest.fixture(scope="module")
def live(shared_airflow: SharedAirflow) -> dict[str, ServedRun]:
    return {mode: shared_airflow.run_dag(f"once_chain_{mode}") for mode in MODES}


@pytest.mark.parametrize("state", ["failed", "success"])
def test_the_api_server_closes_the_session_of_a_run_that_is_marked(waiting: dict[str, ServedRun], state: str) -> None:
    served = waiting[state]
    closed_by = who_closes(served)
    served.run.wait_for("browse", "up_for_retry")
    assert len(served.server.open_sessions) == 1
    served.run.end(state)
    served.run.airflow.until("the session is closed", lambda: not served.server.open_sessions)
    assert "api-server" in closed_by  # the scheduler of 3.0 can see the end as well
    assert len(served.tasks) == 2


@pytest.mark.parametrize("mode", MODES)
def test_a_run_that_is_marked_failed_stops_the_task_that_is_under_way(live: dict[str, ServedRun], mode: str) -> None:
    served = live[mode]
    task = served.wait_for_remote_task(2)
    served.run.wait_for("browse", "deferred" if mode == "deferred" else "running")
    served.wait_for_polls(task)
    served.run.end("failed")
    served.wait_for_stop(task)
    served.run.airflow.until("the session is closed", lambda: not served.server.open_sessions)
    assert len(served.tasks) == 2
