"""What is promised holds on v4 too, in a real Airflow: creates, follow-ups, groups, retries, clears, marks, time-outs.

A chosen few of the scenarios of the other files, each in one mode, started at the same time.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest
from airflow.providers.common.compat.version_compat import AIRFLOW_V_3_1_PLUS

from . import test_leftovers_end_to_end as leftovers
from .conftest import ServedRun, SharedAirflow
from .fake_server import FakeServer

Scenario = Callable[[ServedRun, str], None]
CHOSEN = {
    "a_follow_up_fails_while_its_templates_are_rendered": "deferred",
    "a_follow_up_takes_longer_than_its_execution_timeout": "on_worker",
    "the_first_task_and_the_follow_up_are_cleared_while_the_follow_up_is_live": "deferred",
    "a_group_is_cleared_while_a_task_in_it_is_live": "on_worker",
    "a_follow_up_is_cleared_while_it_is_live_and_goes_on_in_its_session": "deferred",
    "a_live_follow_up_is_marked_successful_and_the_next_one_goes_on_in_its_session": "on_worker",
    "a_live_follow_up_is_marked_failed": "deferred",
}
SCENARIOS: dict[str, tuple[str, str, dict[str, str], Scenario]] = {}
for name, mode in CHOSEN.items():
    dag, params, scenario = leftovers.SCENARIOS[name]
    SCENARIOS[name] = (dag, mode, params, scenario)


def run_dag(dag: str, mode: str, **params: str) -> Callable[[Scenario], Scenario]:
    def register(function: Scenario) -> Scenario:
        SCENARIOS[function.__name__] = (dag, mode, params, function)
        return function

    return register


@run_dag("three", "deferred", prompt="for 1 s")
def three_tasks_follow_each_other_in_one_session(served: ServedRun, mode: str) -> None:  # noqa: ARG001
    leftovers.ends(served, "success")
    assert [task.status for task in served.tasks] == ["finished"] * 3
    [session_id] = served.server.sessions
    for task_id, task in zip(("log_in", "browse", "ship"), served.tasks, strict=True):
        assert served.run.xcom(task_id)["task_id"] == task.id
        assert served.run.xcom(task_id)["session_id"] == session_id


@run_dag("group", "on_worker")
def a_task_of_a_group_fails_after_another_has_begun_its_session(served: ServedRun, mode: str) -> None:  # noqa: ARG001
    leftovers.ends(served, "failed")
    assert [task.prompt for task in served.tasks] == ["log in as ann-the-buyer", "fail"]
    assert len(served.server.sessions) == 1
    assert served.run.instance("shop.stop")["state"] == "success"


@run_dag("unordered_group", "deferred")
def unordered_tasks_of_a_group_share_the_session_that_one_of_them_begins(served: ServedRun, mode: str) -> None:  # noqa: ARG001
    leftovers.ends(served, "success")
    assert [task.status for task in served.tasks] == ["finished"] * 2
    assert len(served.server.sessions) == 1
    assert served.run.xcom("shop.first")["task_id"] == served.tasks[0].id


@run_dag("branches", "deferred", prompt="for 1 s")
def two_tasks_beside_each_other_share_a_session(served: ServedRun, mode: str) -> None:  # noqa: ARG001
    leftovers.ends(served, "success")
    assert [task.status for task in served.tasks] == ["finished"] * 3
    assert len(served.server.sessions) == 1


@run_dag("one", "on_worker", prompt="forever")
def the_answer_to_the_create_is_lost_and_so_is_the_worker(served: ServedRun, mode: str) -> None:  # noqa: ARG001
    task = served.wait_for_remote_task(seconds=240)
    served.wait_for_polls(task)
    os.kill(served.run.worker_pid("browse"), signal.SIGKILL)
    served.run.wait_for("browse", "running", try_number=2, seconds=240)
    served.wait_for_polls(task)
    task.finish()
    leftovers.ends(served, "success")
    assert served.tasks == [task]
    assert served.run.xcom("browse")["task_id"] == task.id


def lose_answer(server: FakeServer) -> None:
    server.api.fault(at="create", work="done")


@pytest.fixture(scope="module")
def started(shared_airflow: SharedAirflow, request: pytest.FixtureRequest) -> Iterator[dict[str, Future[None]]]:
    """All that are to be tested, at the same time."""
    tested = [item.callspec.params.get("v4") for item in request.session.items if hasattr(item, "callspec")]

    def run(name: str) -> None:
        dag, mode, params, function = SCENARIOS[name]
        loses_answer = function is the_answer_to_the_create_is_lost_and_so_is_the_worker
        served = shared_airflow.run_dag(
            f"{dag}_{mode}", v4=True, prepare=lose_answer if loses_answer else None, **params
        )
        leftovers.play(function, mode, served, seconds=60)  # at 120 s, a browser of v4 closes by itself

    with ThreadPoolExecutor(leftovers.AT_ONCE) as pool:
        yield {name: pool.submit(run, name) for name in SCENARIOS if name in tested}


@pytest.mark.skipif(not AIRFLOW_V_3_1_PLUS, reason="3.0 fails a task that was killed for good")
@pytest.mark.parametrize("v4", SCENARIOS)
def test_on_v4_too_nothing_is_paid_twice_left_open_or_closed_too_early_when(
    started: dict[str, Future[None]], v4: str
) -> None:
    started[v4].result()
