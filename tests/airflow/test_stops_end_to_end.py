"""The remote task is stopped once when its Airflow task is ended from outside, and only then."""

from __future__ import annotations

import os
import re
import signal

import pytest
from airflow.providers.common.compat.version_compat import AIRFLOW_V_3_1_PLUS

from .conftest import Scene, Stage

MODES = ("deferred", "on_worker")


@pytest.fixture(scope="module")
def forever(stage: Stage) -> dict[str, Scene]:
    """Remote tasks that end only if they are stopped, started together."""
    names = [f"{kind}_{mode}" for kind in ("late", "overdue", "expired") for mode in MODES]
    return {name: stage.play(name, prompt="forever") for name in names}


def assert_stopped_once(scene: Scene) -> None:
    assert scene.run.wait() == "failed"
    [task] = scene.tasks
    scene.wait_for_stop(task)
    assert scene.stops(task) == 1
    assert scene.server.sessions[task.session_id].stopped


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("limit", ["late", "overdue"])
def test_a_time_out_of_the_task_stops_the_remote_task_once(forever: dict[str, Scene], limit: str, mode: str) -> None:
    assert_stopped_once(forever[f"{limit}_{mode}"])


@pytest.mark.parametrize("mode", MODES)
def test_the_log_says_that_the_late_task_was_stopped(forever: dict[str, Scene], mode: str) -> None:
    scene = forever[f"late_{mode}"]
    assert scene.run.wait() == "failed"
    log = scene.run.log("browse")
    assert re.search(rf"Task {scene.tasks[0].id} (in session \S+ )?did not end", log)
    assert "It was stopped." in log
    assert "Airflow does not retry it." in log


@pytest.mark.parametrize("state", ["failed", "success"])
@pytest.mark.parametrize("mode", MODES)
def test_marking_the_task_stops_the_remote_task_once(stage: Stage, mode: str, state: str) -> None:
    conn, server = stage.server()
    server.api.show_recordings_at("http://recording.test/{session_id}")
    scene = Scene(server, stage.airflow.run(f"one_{mode}", conn=conn, prompt="forever"))
    task = scene.wait_for_remote_task()
    scene.wait_for_polls(task)
    links = scene.run.links("browse")
    if AIRFLOW_V_3_1_PLUS:  # below, there is no page, and no live URL that nobody asked for
        assert links["Live view"] == scene.run.xcom("browse", "live_url"), "while it runs"
        assert links["Live view"].endswith("/tasks/browse")
    assert links["Recording / public share"] == f"http://recording.test/{task.session_id}"
    scene.run.mark("browse", state)
    scene.wait_for_stop(task)
    assert scene.run.wait() == state
    assert scene.tasks == [task]
    assert scene.stops(task) == 1
    assert scene.server.sessions[task.session_id].stopped


def test_a_worker_that_is_shut_down_leaves_the_remote_task_to_the_retry(stage: Stage) -> None:
    scene = stage.play("one_on_worker", prompt="for 5 s")
    task = scene.wait_for_remote_task()
    scene.wait_for_polls(task)
    os.kill(scene.run.instance("browse")["pid"], signal.SIGTERM)
    assert scene.run.wait() == "success"
    assert scene.tasks == [task]
    assert scene.stops(task) == 0
    assert scene.run.instance("browse")["try_number"] == 2
    assert scene.run.xcom("browse")["task_id"] == task.id
    assert "goes on, and the retry reattaches to it" in scene.run.log("browse")


def test_a_worker_that_is_shut_down_without_retries_left_stops_the_remote_task(stage: Stage) -> None:
    scene = stage.play("expired_on_worker", prompt="forever")
    task = scene.wait_for_remote_task()
    scene.wait_for_polls(task)
    os.kill(scene.run.instance("browse")["pid"], signal.SIGTERM)
    assert_stopped_once(scene)


def test_a_triggerer_that_was_paused_while_another_took_over_stops_nothing(stage: Stage) -> None:
    scene = stage.play("one_deferred", prompt="forever")
    task = scene.wait_for_remote_task()
    scene.wait_for_polls(task)
    stage.airflow.pause("triggerer")
    stage.airflow.start_component("triggerer", "second-triggerer")
    scene.wait_for_polls(task)
    stage.airflow.send("triggerer", signal.SIGCONT)
    trigger_logs = stage.airflow.home / "logs" / "dag_id=one_deferred" / f"run_id={scene.run.id}"
    stage.airflow.until(
        "on_kill is called falsely",
        lambda: any("is left running" in log.read_text() for log in trigger_logs.rglob("*.trigger.*")),
    )
    task.finish()
    assert scene.run.wait() == "success"
    assert scene.tasks == [task]
    assert task.stopped is None
    assert scene.stops(task) == 0


@pytest.mark.parametrize("mode", MODES)
def test_a_time_out_of_the_run_stops_the_remote_task_once(forever: dict[str, Scene], mode: str) -> None:
    assert_stopped_once(forever[f"expired_{mode}"])  # last, since it takes a minute
