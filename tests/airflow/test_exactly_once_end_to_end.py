"""Whatever happens to the worker, the triggerer or the scheduler: one remote task, and its whole result."""

from __future__ import annotations

import re
import signal
from functools import partial
from typing import Any

import pytest
from airflow.providers.common.compat.version_compat import AIRFLOW_V_3_1_PLUS

from tests.fake_api import Recorded

from .conftest import ServedRun, SharedAirflow
from .fake_server import FakeServer
from .running_airflow import process_of

MODES = ("deferred", "on_worker")
IS_RETRIED = pytest.mark.skipif(not AIRFLOW_V_3_1_PLUS, reason="3.0 fails a task that was killed for good")

Moment = tuple[str, str, str]
"""Before or after a request is served, its method, and its path below the base URL as a pattern."""

KILLED_AT: dict[str, Moment] = {
    "before the create": ("before", "GET", "/billing/account"),
    "while the create is on its way": ("before", "POST", "/tasks"),
    "before the answer to the create arrives": ("after", "POST", "/tasks"),
    "after the create": ("before", "GET", "/sessions/.*"),
}


def kill_who_asks(server: FakeServer, moment: Moment) -> None:
    """Kill -9 the process that sends the first such request."""
    when, method, path = moment

    def watch(request: Recorded) -> None:
        if request.method == method and re.fullmatch(f"/api/v2{path}", request.path):
            server.api.observe()
            process_of(request.peer).kill()

    server.api.observe(**{when: watch})


def check_it_goes_on_to_its_end(served: ServedRun, task: Any) -> None:
    """The remote task is still waited for, is the only one, and ends as the result of the run."""
    served.wait_for_polls(task)
    task.finish()
    assert served.run.wait() == "success"
    assert served.tasks == [task]
    assert task.stopped is None
    assert served.run.xcom("browse")["task_id"] == task.id


@pytest.fixture(scope="module")
def killed(shared_airflow: SharedAirflow) -> dict[tuple[str, str], ServedRun]:
    served_runs = {}
    for mode in MODES:
        for name, moment in KILLED_AT.items():
            served_runs[mode, name] = shared_airflow.run_dag(
                f"one_{mode}", prepare=partial(kill_who_asks, moment=moment), prompt="for 1 s"
            )
    return served_runs


@IS_RETRIED
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("moment", KILLED_AT)
def test_a_worker_killed_at_any_moment_of_the_create_leaves_one_task_and_its_result(
    killed: dict[tuple[str, str], ServedRun], mode: str, moment: str
) -> None:
    served = killed[mode, moment]
    assert served.run.wait() == "success"
    [task] = served.tasks
    assert served.run.instance("browse")["try_number"] > 1, "nothing was killed"
    assert served.run.xcom("browse")["task_id"] == task.id
    assert served.run.xcom("browse")["output"] == "done: for 1 s"
    assert served.stops(task) == 0


@IS_RETRIED
def test_a_worker_killed_while_it_waits_is_followed_by_one_that_takes_the_task_up(
    shared_airflow: SharedAirflow,
) -> None:
    moment = ("before", "GET", "/tasks/[^/]+")
    served = shared_airflow.run_dag("one_on_worker", prepare=partial(kill_who_asks, moment=moment), prompt="for 2 s")
    assert served.run.wait() == "success"
    [task] = served.tasks
    assert served.run.xcom("browse")["task_id"] == task.id


def test_map_indexes_have_a_task_each_even_with_the_same_prompt(shared_airflow: SharedAirflow) -> None:
    for served in [shared_airflow.run_dag(f"mapped_{mode}") for mode in MODES]:
        assert served.run.wait() == "success"
        assert len(served.tasks) == 2
        returned = {served.run.xcom("browse", map_index=index)["task_id"] for index in (0, 1)}
        assert returned == {task.id for task in served.tasks}


@pytest.mark.parametrize("mode", MODES)
def test_a_clear_after_success_runs_anew(shared_airflow: SharedAirflow, mode: str) -> None:
    served = shared_airflow.run_dag(f"one_{mode}")
    assert served.run.wait() == "success"
    served.run.clear("browse")
    served.run.wait_for("browse", "success", try_number=2)
    first, second = served.tasks
    assert served.run.xcom("browse")["task_id"] == second.id
    assert served.stops(first) == 0


@pytest.mark.parametrize("mode", MODES)
def test_a_clear_while_the_task_runs_stops_the_old_one_once_and_starts_anew(
    shared_airflow: SharedAirflow, mode: str
) -> None:
    served = shared_airflow.run_dag(f"one_{mode}", prompt="forever")
    first = served.wait_for_remote_task()
    served.run.wait_for("browse", "deferred" if mode == "deferred" else "running")
    served.run.clear("browse")
    served.wait_for_stop(first)
    if mode == "on_worker" and not AIRFLOW_V_3_1_PLUS:
        served.run.wait_for("browse", "restarting")  # and so it stays (apache/airflow#55045)
        served.run.mark("browse", "failed")
        served.run.clear("browse")
    second = served.wait_for_remote_task(2)
    assert served.stops(first) == 1
    assert second.stopped is None
    served.run.wait_for("browse", "deferred" if mode == "deferred" else "running", try_number=2)
    served.wait_for_polls(second)
    served.run.mark("browse", "failed")
    served.wait_for_stop(second)
    assert served.stops(first) == 1


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGKILL], ids=["SIGTERM", "SIGKILL"])
def test_a_restart_of_triggerer_and_scheduler_neither_stops_nor_repeats_a_deferred_task(
    shared_airflow: SharedAirflow, signum: signal.Signals
) -> None:
    waiting = shared_airflow.run_on_both("one_deferred")
    for component in ("triggerer", "scheduler"):
        shared_airflow.airflow.kill(component, signum)
        shared_airflow.airflow.start_component(component)
    for served, task in waiting:
        check_it_goes_on_to_its_end(served, task)


def test_a_scheduler_that_is_shut_down_with_its_workers_leaves_the_remote_task_to_the_retry(
    shared_airflow: SharedAirflow,
) -> None:
    waiting = shared_airflow.run_on_both("one_on_worker")
    shared_airflow.airflow.send("scheduler", signal.SIGTERM)  # and all that it started, as systemd does
    shared_airflow.airflow.kill("scheduler", signal.SIGTERM)
    shared_airflow.airflow.start_component("scheduler")
    for served, task in waiting:
        served.run.wait_for("browse", "running", try_number=2)
        check_it_goes_on_to_its_end(served, task)


@IS_RETRIED
def test_a_scheduler_that_takes_a_task_that_resumes_for_killed_neither_repeats_nor_stops_it(
    shared_airflow: SharedAirflow,
) -> None:
    """It does so where it hears of the resumption before it hears of the deferral (apache/airflow#67287)."""
    airflow = shared_airflow.airflow

    def pause_scheduler(server: FakeServer) -> None:
        def pause(request: Recorded) -> None:
            if request.method == "POST":
                server.api.observe()
                airflow.pause("scheduler", alone=True)

        server.api.observe(before=pause)

    served = shared_airflow.run_dag("one_deferred", prepare=pause_scheduler, prompt="forever")
    task = served.wait_for_remote_task()
    try:
        served.wait_for_polls(task)
        task.finish()
        served.run.wait_for("browse", "scheduled")
    finally:
        airflow.send("scheduler", signal.SIGCONT)
    assert served.run.wait() == "success"
    assert served.run.taken_for_killed("browse")
    assert served.tasks == [task]
    assert task.stopped is None
    assert served.run.xcom("browse")["task_id"] == task.id
    assert served.server.open_sessions == []


def test_dag_test_waits_itself_and_a_triggerer_that_sees_it_too_stops_nothing(shared_airflow: SharedAirflow) -> None:
    conn, server = shared_airflow.server()
    testing = shared_airflow.airflow.test_dag("tested_deferred", conn=conn, prompt="for 12 s")
    shared_airflow.airflow.until("it has ended", lambda: testing.poll() is not None)
    assert testing.returncode == 0
    [task] = server.tasks.values()
    assert (task.status, server.stops_of(task.id), server.open_sessions) == ("finished", 0, [])


@pytest.mark.parametrize("mode", MODES)
def test_ctrl_c_in_dag_test_stops_the_remote_task(shared_airflow: SharedAirflow, mode: str) -> None:
    conn, server = shared_airflow.server()
    testing = shared_airflow.airflow.test_dag(f"tested_{mode}", conn=conn, prompt="forever")
    [task] = shared_airflow.airflow.until("the remote task exists", lambda: list(server.tasks.values()))
    shared_airflow.airflow.until("it is waited for", lambda: server.polls_of(task.id))
    testing.send_signal(signal.SIGINT)
    shared_airflow.airflow.until("it has ended", lambda: testing.poll() is not None)
    assert (task.status, server.stops_of(task.id), server.open_sessions) == ("stopped", 1, [])
