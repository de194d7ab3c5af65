"""Sessions in a real Airflow: who may go on in one, and who closes it."""

from __future__ import annotations

import pytest

from tests.fake_api import Recorded

from .conftest import ServedRun, SharedAirflow
from .fake_server import FakeServer

MODES = ("deferred", "on_worker")


@pytest.fixture(scope="module")
def branches(shared_airflow: SharedAirflow) -> dict[str, ServedRun]:
    return {mode: shared_airflow.run_dag(f"branches_{mode}", prompt="forever") for mode in MODES}


@pytest.mark.parametrize("mode", MODES)
def test_of_two_tasks_beside_each_other_the_one_that_ends_last_closes_the_session(
    branches: dict[str, ServedRun], mode: str
) -> None:
    served = branches[mode]
    served.wait_for_remote_task(2).finish()
    served.run.airflow.until(
        "one branch has ended",
        lambda: "success" in {served.run.instance(branch)["state"] for branch in ("orders", "refunds")},
    )
    [session_id] = {task.session_id for task in served.tasks}
    last = served.wait_for_remote_task(3)
    assert served.server.counted("PATCH", f"/sessions/{session_id}") == 0
    last.finish()
    assert served.run.wait() == "success"
    assert [task.status for task in served.tasks] == ["finished"] * 3
    assert served.server.counted("PATCH", f"/sessions/{session_id}") == 1


@pytest.mark.parametrize("mode", MODES)
def test_the_session_of_a_group_is_stopped_once_when_a_task_in_it_fails(
    shared_airflow: SharedAirflow, mode: str
) -> None:
    served = shared_airflow.run_dag(f"group_{mode}")
    assert served.run.wait() == "failed"
    assert [task.prompt for task in served.tasks] == ["log in as ann-the-buyer", "fail"]
    [session_id] = served.server.sessions
    assert {task.session_id for task in served.tasks} == {session_id}
    assert served.run.instance("shop.stop")["state"] == "success"
    assert served.server.counted("PATCH", f"/sessions/{session_id}") == 1


@pytest.mark.parametrize("mode", MODES)
def test_a_follow_up_that_fails_keeps_the_session_for_its_retries_and_then_closes_it(
    shared_airflow: SharedAirflow, mode: str
) -> None:
    served = shared_airflow.run_dag(f"chain_{mode}", prompt="fail")
    assert served.run.wait() == "failed"
    assert [task.prompt for task in served.tasks] == ["log in", "fail", "fail", "fail"]
    [session_id] = {task.session_id for task in served.tasks}
    served.run.airflow.until("the session is closed", lambda: not served.server.open_sessions)
    assert served.server.counted("PATCH", f"/sessions/{session_id}") == 1


@pytest.mark.parametrize("mode", MODES)
def test_a_follow_up_whose_session_is_gone_fails_at_once_and_says_which_task_should_have_kept_it(
    shared_airflow: SharedAirflow, mode: str
) -> None:
    def lose_session(server: FakeServer) -> None:
        def lose(request: Recorded) -> None:
            if (request.method, request.path) == ("POST", "/api/v2/tasks") and server.tasks:
                for session_id in server.sessions:
                    server.api.stop_session(session_id)

        server.api.observe(before=lose)

    served = shared_airflow.run_dag(f"chain_{mode}", prepare=lose_session)
    assert served.run.wait() == "failed"
    assert served.run.instance("browse")["try_number"] == 1
    assert [task.prompt for task in served.tasks] == ["log in"]
    log = served.run.log("browse")
    assert "The session is that of task 'log_in', which has to keep it open." in log
    assert "clear task 'log_in' and all that follows it" in log
