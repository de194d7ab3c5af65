"""A run that is marked has ended in the API server, which closes what the run has left open."""

from __future__ import annotations

import pytest

from tests.fake_api import Recorded

from .conftest import Scene, Stage
from .running_airflow import process_of

MODES = ("deferred", "on_worker")


def who_closes(scene: Scene) -> list[str]:
    """The component of Airflow that closes each session, filled in as it does."""
    found: list[str] = []

    def watch(request: Recorded) -> None:
        if request.method == "PATCH" and request.path.startswith("/api/v2/sessions/"):
            found.append(scene.run.airflow.component_of(process_of(request.peer)))

    scene.server.api.observe(before=watch)
    return found


@pytest.fixture(scope="module")
def waiting(stage: Stage) -> dict[str, Scene]:
    """Runs whose session is open while a follow-up waits for its retry."""
    return {state: stage.play("patient_chain_on_worker", prompt="fail") for state in ("failed", "success")}


@pytest.fixture(scope="module")
def live(stage: Stage) -> dict[str, Scene]:
    return {mode: stage.play(f"once_chain_{mode}") for mode in MODES}


@pytest.mark.parametrize("state", ["failed", "success"])
def test_the_api_server_closes_the_session_of_a_run_that_is_marked(waiting: dict[str, Scene], state: str) -> None:
    scene = waiting[state]
    closed_by = who_closes(scene)
    scene.run.wait_for("browse", "up_for_retry", seconds=240)
    assert len(scene.server.open_sessions) == 1
    scene.run.end(state)
    scene.run.airflow.until("the session is closed", lambda: not scene.server.open_sessions, seconds=60)
    assert "api-server" in closed_by  # the scheduler of 3.0 can see the end as well
    assert len(scene.tasks) == 2


@pytest.mark.parametrize("mode", MODES)
def test_a_run_that_is_marked_failed_stops_the_task_that_is_under_way(live: dict[str, Scene], mode: str) -> None:
    scene = live[mode]
    task = scene.wait_for_remote_task(2, seconds=240)
    scene.run.wait_for("browse", "deferred" if mode == "deferred" else "running", seconds=240)
    scene.wait_for_polls(task)
    scene.run.end("failed")
    scene.wait_for_stop(task)
    scene.run.airflow.until("the session is closed", lambda: not scene.server.open_sessions, seconds=60)
    assert len(scene.tasks) == 2
