"""The remote task is stopped once when its Airflow task is ended from outside, and only then."""

from __future__ import annotations

import os
import re
import signal

import pytest
from airflow.providers.common.compat.version_compat import AIRFLOW_V_3_1_PLUS

from .conftest import ServedRun, SharedAirflow

MODES = ("deferred", "on_worker")


@pytest.fixture(scope="module")
def forever(shared_airflow: SharedAirflow) -> dict[str, ServedRun]:
    """Remote tasks that end only if they are stopped, started together."""
    names = [f"{kind}_{mode}" for kind in ("late", "overdue", "expired") for mode in MODES]
    on_v4 = {f"{name} on v4": shared_airflow.run_dag(name, v4=True, prompt="forever") for name in names[-2:]}
    return {name: shared_airflow.run_dag(name, prompt="forever") for name in names} | on_v4


def assert_stopped_once(served: ServedRun) -> None:
    assert served.wait_undisturbed() == "failed"
    [task] = served.tasks
    served.wait_for_stop(task)
    assert served.stops(task) == 1
    assert served.server.sessions[task.session_id].stopped


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("limit", ["late", "overdue"])
def test_a_time_out_of_the_task_stops_the_remote_task_once(
    forever: dict[str, ServedRun], limit: str, mode: str
) -> None:
    assert_stopped_once(forever[f"{limit}_{mode}"])


@pytest.mark.parametrize("mode", MODES)
def test_the_log_says_that_the_late_task_was_stopped(forever: dict[str, ServedRun], mode: str) -> None:
    served = forever[f"late_{mode}"]
    assert served.wait_undisturbed() == "failed"
    log = served.run.log("browse")
    assert re.search(rf"Task {served.tasks[0].id} (in session \S+ )?did not end", log)
    assert "It was stopped." in log
    assert "Airflow does not retry it." in log


@pytest.mark.parametrize("state", ["failed", "success"])
@pytest.mark.parametrize("mode", MODES)
def test_marking_the_task_stops_the_remote_task_once(shared_airflow: SharedAirflow, mode: str, state: str) -> None:
    recorded = "http://recording.test/{session_id}"
    served = shared_airflow.run_dag(
        f"one_{mode}", prepare=lambda server: server.api.show_recordings_at(recorded), prompt="forever"
    )
    task = served.wait_for_remote_task()
    served.wait_for_polls(task)
    links = served.run.links("browse")
    if AIRFLOW_V_3_1_PLUS:  # below, there is no page, and no live URL that nobody asked for
        assert links["Live view"] == served.run.xcom("browse", "live_url"), "while it runs"
        assert links["Live view"].endswith("/tasks/browse")
    assert links["Recording / public share"] == f"http://recording.test/{task.session_id}"
    served.run.mark("browse", state)
    served.wait_for_stop(task)
    assert served.run.wait() == state
    assert served.tasks == [task]
    assert served.stops(task) == 1
    assert served.server.sessions[task.session_id].stopped


def test_a_worker_that_is_shut_down_leaves_the_remote_task_to_the_retry(shared_airflow: SharedAirflow) -> None:
    served = shared_airflow.run_dag("one_on_worker", prompt="forever")
    task = served.wait_for_remote_task()
    served.wait_for_polls(task)
    os.kill(served.run.worker_pid("browse"), signal.SIGTERM)
    served.run.wait_for("browse", "running", try_number=2)
    task.finish()
    assert served.run.wait() == "success"
    assert served.tasks == [task]
    assert served.stops(task) == 0
    assert served.run.instance("browse")["try_number"] == 2
    assert served.run.xcom("browse")["task_id"] == task.id
    assert "goes on, and the retry reattaches to it" in served.run.log("browse")


def test_a_worker_that_is_shut_down_without_retries_left_stops_the_remote_task(shared_airflow: SharedAirflow) -> None:
    served = shared_airflow.run_dag("expired_on_worker", prompt="forever")
    task = served.wait_for_remote_task()
    served.wait_for_polls(task)
    os.kill(served.run.worker_pid("browse"), signal.SIGTERM)
    assert_stopped_once(served)


def test_a_triggerer_that_was_paused_while_another_took_over_stops_nothing(shared_airflow: SharedAirflow) -> None:
    polled = shared_airflow.run_on_both("one_deferred")
    shared_airflow.airflow.pause("triggerer")
    shared_airflow.airflow.start_component("triggerer", "second-triggerer")
    for served, task in polled:
        served.wait_for_polls(task)
    shared_airflow.airflow.send("triggerer", signal.SIGCONT)
    for served, task in polled:
        trigger_logs = shared_airflow.airflow.home / "logs" / "dag_id=one_deferred" / f"run_id={served.run.id}"
        shared_airflow.airflow.until(
            "on_kill is called falsely",
            lambda logs=trigger_logs: any("is left running" in log.read_text() for log in logs.rglob("*.trigger.*")),
        )
        task.finish()
        assert served.run.wait() == "success"
        assert served.tasks == [task]
        assert task.stopped is None
        assert served.stops(task) == 0


@pytest.mark.parametrize("server", ["", " on v4"])
@pytest.mark.parametrize("mode", MODES)
def test_a_time_out_of_the_run_stops_the_remote_task_once(
    forever: dict[str, ServedRun], mode: str, server: str
) -> None:
    assert_stopped_once(forever[f"expired_{mode}{server}"])  # last, since it takes a minute
