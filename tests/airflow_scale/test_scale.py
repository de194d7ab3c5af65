"""Celery workers and triggerers that come and go, on PostgreSQL and Redis: tasks and sessions are as on one machine."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.airflow.conftest import Scene, Stage
from tests.airflow.fake_server import RemoteTask

from .conftest import TRIGGERERS, WORKERS, Askers

MODES = ("deferred", "on_worker")


def play(stage: Stage, dag_id: str, **params: str) -> tuple[Scene, Askers]:
    conn, server = stage.server()
    askers = Askers(stage.airflow, server)
    return Scene(server, stage.airflow.run(dag_id, conn=conn, **params)), askers


@contextmanager
def without(stage: Stage, component: str) -> Iterator[None]:
    """Kill a component with all that it started, as if its machine was gone, until the end of the block."""
    stage.airflow.kill(component, signal.SIGKILL)
    try:
        yield
    finally:
        stage.airflow.start_component(component)


def wait_for_asker(scene: Scene, askers: Askers, task: RemoteTask) -> str:
    """The component that asks about a task from now on."""
    askers.seen.clear()
    names = scene.run.airflow.until(
        f"somebody asks about {task.id}",
        lambda: [name for name, method, path in askers.seen if method == "GET" and f"/tasks/{task.id}" in path],
    )
    return names[0]


@pytest.fixture(scope="module")
def shops(stage: Stage) -> dict[str, tuple[Scene, Askers]]:
    return {mode: play(stage, f"shop_{mode}") for mode in MODES}


@pytest.mark.parametrize("mode", MODES)
def test_follow_ups_land_on_different_workers_and_stay_in_their_session(
    shops: dict[str, tuple[Scene, Askers]], mode: str
) -> None:
    scene, askers = shops[mode]
    assert scene.run.wait(seconds=180) == "success"
    assert askers.of("POST", "/tasks") == ["first-worker", "second-worker", "first-worker"]
    assert [task.prompt for task in scene.tasks] == ["log in", "report 7", "open order 7"]
    [session_id] = scene.server.sessions
    assert {task.session_id for task in scene.tasks} == {session_id}
    assert scene.server.sessions[session_id].stopped
    assert scene.server.counted("PATCH", f"/sessions/{session_id}") == 1


def test_the_task_of_a_worker_that_is_gone_is_taken_up_on_another_one(stage: Stage) -> None:
    scene, askers = play(stage, "one_on_worker", prompt="forever")
    task = scene.wait_for_remote_task()
    worker = wait_for_asker(scene, askers, task)
    [other] = set(WORKERS) - {worker}
    with without(stage, worker):
        assert wait_for_asker(scene, askers, task) == other
        task.finish()
        assert scene.run.wait() == "success"
    assert scene.tasks == [task]
    assert task.stopped is None
    assert scene.run.instance("browse")["try_number"] == 2
    assert scene.run.xcom("browse")["task_id"] == task.id


def test_a_deferred_task_is_finished_on_another_worker_if_that_of_its_start_is_gone(stage: Stage) -> None:
    scene, askers = play(stage, "one_deferred", prompt="forever")
    task = scene.wait_for_remote_task()
    scene.run.wait_for("browse", "deferred")
    [worker] = askers.of("POST", "/tasks")
    [other] = set(WORKERS) - {worker}
    with without(stage, worker):
        task.finish()
        assert scene.run.wait() == "success"
    assert askers.seen[-1][0] == other
    assert scene.tasks == [task]
    assert scene.run.instance("browse")["try_number"] == 1
    assert scene.run.xcom("browse")["task_id"] == task.id


def test_what_a_triggerer_that_is_gone_waited_for_is_waited_for_by_the_other_one(stage: Stage) -> None:
    played = [play(stage, "one_deferred", prompt="forever") for _ in range(3)]
    tasks = [scene.wait_for_remote_task() for scene, _ in played]
    waiting = [wait_for_asker(*each, task) for each, task in zip(played, tasks, strict=True)]
    assert set(waiting) <= set(TRIGGERERS)
    [other] = set(TRIGGERERS) - {waiting[0]}
    with without(stage, waiting[0]):
        for (scene, askers), task in zip(played, tasks, strict=True):
            assert wait_for_asker(scene, askers, task) == other
            task.finish()
        assert [scene.run.wait() for scene, _ in played] == ["success"] * 3
    for (scene, _), task in zip(played, tasks, strict=True):
        assert scene.tasks == [task]
        assert task.stopped is None
        assert scene.stops(task) == 0
        assert scene.run.xcom("browse")["task_id"] == task.id
