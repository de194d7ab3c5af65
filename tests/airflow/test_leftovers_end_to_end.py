"""Whatever happens to a run: no session stays open after it, and none is closed under a task that may go on.

Each scenario is one run in a real Airflow with a server of its own, whose creates, stops and open sessions are counted.
They are started at the same time, since most of each is waiting.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest
from airflow.providers.common.compat.version_compat import AIRFLOW_V_3_1_PLUS

from .conftest import ServedRun, SharedAirflow
from .running_airflow import TIMEOUT_SECONDS

MODES = ("deferred", "on_worker")
AT_ONCE = 3
WAITS = {"deferred": "deferred", "on_worker": "running"}

Scenario = Callable[[ServedRun, str], None]
SCENARIOS: dict[str, tuple[str, dict[str, str], Scenario]] = {}


def scenario(dag: str, **params: str) -> Callable[[Scenario], Scenario]:
    def register(function: Scenario) -> Scenario:
        SCENARIOS[function.__name__] = (dag, params, function)
        return function

    return register


def live(served: ServedRun, mode: str, task_id: str, count: int) -> None:
    """Wait until a task instance waits for so many-th remote task."""
    remote = served.wait_for_remote_task(count)
    served.run.wait_for(task_id, WAITS[mode])
    served.wait_for_polls(remote)


def ends(served: ServedRun, state: str) -> None:
    assert served.run.wait() == state


def clear_and_restart(served: ServedRun, mode: str, *task_ids: str) -> None:
    """Clear task instances; 3.0 leaves one that a worker executes `restarting` (apache/airflow#55045)."""
    served.run.clear(*task_ids)
    if mode == "on_worker" and not AIRFLOW_V_3_1_PLUS:
        served.run.wait_for(task_ids[-1], "restarting")
        served.run.mark(task_ids[-1], "failed")
        served.run.clear(task_ids[-1])


@scenario("unrendered_chain")
def a_follow_up_fails_while_its_templates_are_rendered(served: ServedRun, mode: str) -> None:  # noqa: ARG001
    ends(served, "failed")
    assert len(served.tasks) == 1


@scenario("hasty_chain")
def a_follow_up_takes_longer_than_its_execution_timeout(served: ServedRun, mode: str) -> None:  # noqa: ARG001
    assert served.wait_undisturbed(tasks=2) == "failed"
    assert served.stops(served.tasks[1]) == 1


@scenario("hasty_unkilled_chain")
def a_late_follow_up_is_stopped_though_a_killed_one_would_not_be(served: ServedRun, mode: str) -> None:  # noqa: ARG001
    assert served.wait_undisturbed(tasks=2) == "failed"
    assert served.stops(served.tasks[1]) == 1


@scenario("patient_chain", prompt="fail")
def a_follow_up_is_marked_failed_while_it_waits_for_its_retry(served: ServedRun, mode: str) -> None:  # noqa: ARG001
    served.run.wait_for("browse", "up_for_retry")
    assert not served.server.sessions[served.tasks[0].session_id].stopped
    served.run.mark("browse", "failed")
    ends(served, "failed")


@scenario("once_chain")
def the_first_task_and_the_follow_up_are_cleared_while_the_follow_up_is_live(served: ServedRun, mode: str) -> None:
    live(served, mode, "browse", 2)
    clear_and_restart(served, mode, "log_in", "browse")
    served.wait_for_remote_task(4)
    old, new = served.tasks[1], served.tasks[3]
    assert old.stopped
    assert new.session_id == served.tasks[2].session_id != old.session_id
    new.finish()
    ends(served, "success")
    assert len(served.tasks) == 4


@scenario("patient_chain", prompt="fail")
def the_first_task_and_the_follow_up_are_cleared_while_the_follow_up_waits_for_its_retry(
    served: ServedRun,
    mode: str,  # noqa: ARG001
) -> None:
    served.run.wait_for("browse", "up_for_retry")
    served.run.clear("log_in", "browse")
    served.wait_for_remote_task(4)
    served.run.wait_for("browse", "up_for_retry", try_number=2)
    served.run.mark("browse", "failed")
    ends(served, "failed")
    assert len(served.server.sessions) == 2


@scenario("once_chain", prompt="for 0 s")
def only_the_first_task_is_cleared_after_the_end(served: ServedRun, mode: str) -> None:  # noqa: ARG001
    ends(served, "success")
    served.run.clear("log_in")
    served.wait_for_remote_task(3)
    served.run.wait_for("log_in", "success", try_number=2)
    ends(served, "success")


@scenario("live_group")
def a_group_is_cleared_while_a_task_in_it_is_live(served: ServedRun, mode: str) -> None:
    live(served, mode, "shop.browse", 1)
    clear_and_restart(served, mode, "shop.start", "shop.browse")
    second = served.wait_for_remote_task(2)
    assert second.session_id != served.tasks[0].session_id
    second.finish()
    ends(served, "success")
    assert served.tasks[0].stopped


@scenario("live_group")
def a_task_of_a_group_is_cleared_while_it_is_live(served: ServedRun, mode: str) -> None:
    live(served, mode, "shop.browse", 1)
    clear_and_restart(served, mode, "shop.browse")
    served.wait_for_remote_task(2).finish()
    ends(served, "success")
    assert served.tasks[0].stopped


@scenario("once_chain")
def a_follow_up_is_cleared_while_it_is_live_and_goes_on_in_its_session(served: ServedRun, mode: str) -> None:
    live(served, mode, "browse", 2)
    clear_and_restart(served, mode, "browse")
    served.wait_for_remote_task(3).finish()
    ends(served, "success")
    assert len(served.server.sessions) == 1
    assert served.stops(served.tasks[1]) == 1


@scenario("siblings")
def a_branch_is_marked_failed_while_its_sibling_waits_for_the_session(served: ServedRun, mode: str) -> None:
    served.wait_for_remote_task(2)
    held = "first" if served.tasks[1].prompt == "forever" else "second"
    if held == "first":
        live(served, mode, "first", 2)
        served.run.wait_for("second", "running")
        served.run.mark("first", "failed")
    else:  # the other one came first, and has ended by itself
        live(served, mode, "first", 3)
        served.run.mark("first", "failed")
    ends(served, "failed")
    assert served.run.instance("second")["state"] == "success"
    assert len(served.server.sessions) == 1


@scenario("once_chain", root="forever", prompt="for 0 s")
def a_live_first_task_is_marked_successful_and_the_follow_up_goes_on_in_its_session(
    served: ServedRun, mode: str
) -> None:
    live(served, mode, "log_in", 1)
    served.run.mark("log_in", "success")
    ends(served, "success")
    assert served.tasks[0].stopped
    assert [task.status for task in served.tasks] == ["stopped", "finished"]
    assert len(served.server.sessions) == 1


@scenario("three")
def a_live_follow_up_is_marked_successful_and_the_next_one_goes_on_in_its_session(served: ServedRun, mode: str) -> None:
    live(served, mode, "browse", 2)
    served.run.mark("browse", "success")
    ends(served, "success")
    assert [task.status for task in served.tasks] == ["finished", "stopped", "finished"]
    assert len(served.server.sessions) == 1


@scenario("once_chain")
def a_live_follow_up_is_marked_failed(served: ServedRun, mode: str) -> None:
    live(served, mode, "browse", 2)
    served.run.mark("browse", "failed")
    ends(served, "failed")
    served.wait_for_stop(served.tasks[1])


def play(function: Scenario, mode: str, served: ServedRun, *, seconds: float = TIMEOUT_SECONDS) -> None:
    """Play a scenario to its end, and wait so long at most until no session is open."""
    function(served, mode)
    until = served.run.airflow.until
    until("no session is open after the run", lambda: not served.server.open_sessions, seconds=seconds)


@pytest.fixture(scope="module")
def started(
    shared_airflow: SharedAirflow, request: pytest.FixtureRequest
) -> Iterator[dict[tuple[str, str], Future[None]]]:
    """All scenarios that are to be tested, at the same time."""
    tested = [item.callspec.params for item in request.session.items if hasattr(item, "callspec")]

    def play_it(name: str, mode: str) -> None:
        dag, params, function = SCENARIOS[name]
        play(function, mode, shared_airflow.run_dag(f"{dag}_{mode}", **params))

    with ThreadPoolExecutor(AT_ONCE) as pool:
        yield {
            (params["name"], params["mode"]): pool.submit(play_it, params["name"], params["mode"])
            for params in tested
            if params.get("name") in SCENARIOS
        }


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", SCENARIOS)
def test_no_session_is_left_open_and_none_is_closed_too_early_when(
    started: dict[tuple[str, str], Future[None]], name: str, mode: str
) -> None:
    started[name, mode].result()


def assert_left_running(served: ServedRun) -> None:
    """Also once the run, which has ended, is settled."""
    served.run.airflow.until("the run is settled", lambda: served.server.counted("GET", "/sessions"))
    assert served.tasks[1].status == "started"
    assert served.stops(served.tasks[1]) == 0
    assert not served.server.sessions[served.tasks[1].session_id].stopped


@pytest.fixture(scope="module")
def left(shared_airflow: SharedAirflow) -> dict[tuple[str, str], ServedRun]:
    """Runs whose second task the user wants left running, started at the same time."""
    kinds = ("expired_unkilled", "hasty_unstopped", "unkilled")
    return {(kind, mode): shared_airflow.run_dag(f"{kind}_chain_{mode}") for kind in kinds for mode in MODES}


@pytest.mark.parametrize("mode", MODES)
def test_a_task_that_is_to_be_left_running_is_left_when_it_is_marked_failed(
    left: dict[tuple[str, str], ServedRun], mode: str
) -> None:
    served = left["unkilled", mode]
    live(served, mode, "browse", 2)
    served.run.mark("browse", "failed")
    ends(served, "failed")
    assert_left_running(served)
    if mode == "on_worker":
        assert "is left running (`stop_on_kill`)" in served.run.log("browse")


@pytest.mark.parametrize("mode", MODES)
def test_a_late_task_that_is_to_be_left_running_is_left_also_when_its_run_is_over(
    left: dict[tuple[str, str], ServedRun], mode: str
) -> None:
    served = left["hasty_unstopped", mode]
    assert served.wait_undisturbed(tasks=2) == "failed"
    assert_left_running(served)


@pytest.mark.parametrize("mode", MODES)
def test_a_task_that_is_to_be_left_running_is_left_when_its_run_times_out(
    left: dict[tuple[str, str], ServedRun], mode: str
) -> None:
    served = left["expired_unkilled", mode]
    assert served.wait_undisturbed(tasks=2) == "failed"
    assert_left_running(served)


@pytest.mark.skipif(not AIRFLOW_V_3_1_PLUS, reason="3.0 fails a task that was killed for good")
@pytest.mark.parametrize("retries", [0, 9])
def test_an_edit_of_the_retries_neither_stops_the_live_task_of_a_killed_worker_nor_makes_another(
    shared_airflow: SharedAirflow, retries: int
) -> None:
    edited = shared_airflow.airflow.home / f"retries-{retries}"
    served_runs = {cleared: shared_airflow.run_dag(f"edited_{retries}_on_worker") for cleared in (False, True)}
    live(served_runs[True], "on_worker", "browse", 1)
    served_runs[True].run.clear("browse")
    live(served_runs[True], "on_worker", "browse", 2)
    live(served_runs[False], "on_worker", "browse", 1)
    edited.touch()
    try:
        for served in served_runs.values():
            os.kill(served.run.worker_pid("browse"), signal.SIGKILL)
        for cleared, served in served_runs.items():
            served.run.wait_for("browse", "running", try_number=3 if cleared else 2)
            task = served.tasks[-1]
            served.wait_for_polls(task)
            assert [each.status for each in served.tasks] == ["stopped"] * cleared + ["started"]
            task.finish()
            ends(served, "success")
            assert [each.status for each in served.tasks] == ["stopped"] * cleared + ["finished"]
            assert served.stops(task) == 0
    finally:
        edited.unlink()


def test_unordered_follow_ups_that_resume_together_leave_no_session_open_and_close_none_too_early(
    shared_airflow: SharedAirflow,
) -> None:
    served = shared_airflow.run_dag("siblings_deferred", other="forever")
    first = served.wait_for_remote_task(2)
    shared_airflow.airflow.pause("triggerer")
    try:
        first.finish()
        second = served.wait_for_remote_task(3)
        second.finish()
        for branch in ("first", "second"):
            served.run.wait_for(branch, "deferred")
    finally:
        shared_airflow.airflow.send("triggerer", signal.SIGCONT)
    ends(served, "success")
    assert [task.status for task in served.tasks] == ["finished"] * 3
    assert len(served.server.sessions) == 1
    shared_airflow.airflow.until("no session is open", lambda: not served.server.open_sessions)
