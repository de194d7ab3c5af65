"""Celery workers and triggerers that come and go, on PostgreSQL and Redis: tasks and sessions are as on one machine."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.airflow.conftest import ServedRun, SharedAirflow
from tests.airflow.fake_server import RemoteTask
from tests.airflow.test_settling_end_to_end import (  # noqa: F401 - played here too, where the database is PostgreSQL
    test_the_session_of_a_run_is_closed_though_the_scheduler_was_killed_as_it_settled_the_run,
)

from .conftest import TRIGGERERS, WORKERS, Askers

MODES = ("deferred", "on_worker")


def run_dag(shared_airflow: SharedAirflow, dag_id: str, **params: str) -> tuple[ServedRun, Askers]:
    conn, server = shared_airflow.server()
    askers = Askers(shared_airflow.airflow, server)
    return ServedRun(server, shared_airflow.airflow.run(dag_id, conn=conn, **params)), askers


@contextmanager
def without(shared_airflow: SharedAirflow, component: str) -> Iterator[None]:
    """Kill a component with all that it started, as if its machine was gone, until the end of the block."""
    shared_airflow.airflow.kill(component, signal.SIGKILL)
    try:
        yield
    finally:
        shared_airflow.airflow.start_component(component)


def wait_for_asker(served: ServedRun, askers: Askers, task: RemoteTask) -> str:
    """The component that asks about a task from now on."""
    askers.seen.clear()
    names = served.run.airflow.until(
        f"somebody asks about {task.id}",
        lambda: [name for name, method, path in askers.seen if method == "GET" and f"/tasks/{task.id}" in path],
    )
    return names[0]


@pytest.fixture(scope="module")
def shops(shared_airflow: SharedAirflow) -> dict[str, tuple[ServedRun, Askers]]:
    return {mode: run_dag(shared_airflow, f"shop_{mode}") for mode in MODES}


@pytest.mark.parametrize("mode", MODES)
def test_follow_ups_land_on_different_workers_and_stay_in_their_session(
    shops: dict[str, tuple[ServedRun, Askers]], mode: str
) -> None:
    served, askers = shops[mode]
    assert served.run.wait(seconds=180) == "success"
    assert askers.of("POST", "/tasks") == ["first-worker", "second-worker", "first-worker"]
    assert [task.prompt for task in served.tasks] == ["log in", "report 7", "open order 7"]
    [session_id] = served.server.sessions
    assert {task.session_id for task in served.tasks} == {session_id}
    assert served.server.sessions[session_id].stopped
    assert served.server.counted("PATCH", f"/sessions/{session_id}") == 1


def test_the_task_of_a_worker_that_is_gone_is_taken_up_on_another_one(shared_airflow: SharedAirflow) -> None:
    served, askers = run_dag(shared_airflow, "one_on_worker", prompt="forever")
    task = served.wait_for_remote_task()
    worker = wait_for_asker(served, askers, task)
    [other] = set(WORKERS) - {worker}
    with without(shared_airflow, worker):
        assert wait_for_asker(served, askers, task) == other
        task.finish()
        assert served.run.wait() == "success"
    assert served.tasks == [task]
    assert task.stopped is None
    assert served.run.instance("browse")["try_number"] == 2
    assert served.run.xcom("browse")["task_id"] == task.id


def test_a_deferred_task_is_finished_on_another_worker_if_that_of_its_start_is_gone(
    shared_airflow: SharedAirflow,
) -> None:
    served, askers = run_dag(shared_airflow, "one_deferred", prompt="forever")
    task = served.wait_for_remote_task()
    served.run.wait_for("browse", "deferred")
    [worker] = askers.of("POST", "/tasks")
    [other] = set(WORKERS) - {worker}
    with without(shared_airflow, worker):
        task.finish()
        assert served.run.wait() == "success"
    assert askers.seen[-1][0] == other
    assert served.tasks == [task]
    assert served.run.instance("browse")["try_number"] == 1
    assert served.run.xcom("browse")["task_id"] == task.id


def test_what_a_triggerer_that_is_gone_waited_for_is_waited_for_by_the_other_one(shared_airflow: SharedAirflow) -> None:
    started = [run_dag(shared_airflow, "one_deferred", prompt="forever") for _ in range(3)]
    tasks = [served.wait_for_remote_task() for served, _ in started]
    waiting = [wait_for_asker(*each, task) for each, task in zip(started, tasks, strict=True)]
    assert set(waiting) <= set(TRIGGERERS)
    [other] = set(TRIGGERERS) - {waiting[0]}
    with without(shared_airflow, waiting[0]):
        for (served, askers), task in zip(started, tasks, strict=True):
            assert wait_for_asker(served, askers, task) == other
            task.finish()
        assert [served.run.wait() for served, _ in started] == ["success"] * 3
    for (served, _), task in zip(started, tasks, strict=True):
        assert served.tasks == [task]
        assert task.stopped is None
        assert served.stops(task) == 0
        assert served.run.xcom("browse")["task_id"] == task.id
