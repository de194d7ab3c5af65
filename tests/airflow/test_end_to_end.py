"""The main job in a real Airflow: scheduler, dag-processor, triggerer and api-server."""

from __future__ import annotations

import pytest

from tests.fake_api import API_KEY

from .conftest import SHOP, ServedRun, SharedAirflow

MODES = ("deferred", "on_worker")


@pytest.fixture(scope="module")
def served_runs(shared_airflow: SharedAirflow) -> dict[str, ServedRun]:
    """Started together, so that they need not be waited for one after the other."""
    return {mode: shared_airflow.run_dag(f"shop_{mode}") for mode in MODES}


@pytest.fixture(params=MODES)
def shop(served_runs: dict[str, ServedRun], request: pytest.FixtureRequest) -> ServedRun:
    served = served_runs[request.param]
    assert served.run.wait() == "success"
    return served


def test_follow_ups_work_in_one_session_that_the_last_one_closes(shop: ServedRun) -> None:
    assert [task.prompt.split()[0] for task in shop.tasks] == ["log", "report", "open"]
    [session_id] = {task.session_id for task in shop.tasks}
    assert shop.server.sessions[session_id].stopped
    assert shop.server.counted("PATCH", f"/sessions/{session_id}") == 1


def test_results_and_ids_are_in_xcom(shop: ServedRun) -> None:
    read = shop.tasks[1]
    assert shop.run.xcom("read", "task_id") == read.id
    assert shop.run.xcom("read", "session_id") == read.session_id
    value = shop.run.xcom("read")
    assert value["task_id"] == read.id
    assert value["session_id"] == read.session_id
    assert value["status"] == "finished"
    assert value["is_success"] is True
    assert value["output"] == [{"number": 7, "total": 9.5}]
    assert value["cost"] == 0.05
    assert [step["number"] for step in value["steps"]] == [1, 2]
    assert shop.run.xcom("open_first")["output"] == "done: open order 7"


def test_the_steps_of_the_agent_are_in_the_log(shop: ServedRun) -> None:
    assert "Step 2: log in, step 2" in shop.run.log("log_in")


def test_the_agent_gets_the_secrets_and_nothing_of_airflow_shows_them(shop: ServedRun) -> None:
    assert shop.tasks[0].body["secrets"] == {"name": SHOP["login"], "password": SHOP["password"]}
    found = [
        file
        for file in shop.run.airflow.home.rglob("*")
        if file.is_file() and any(secret.encode() in file.read_bytes() for secret in (SHOP["password"], API_KEY))
    ]
    assert found == []


def test_what_a_page_says_reaches_the_server_as_it_is_and_the_rendered_fields_show_it(
    shared_airflow: SharedAirflow,
) -> None:
    page = "for 1 s: {{ conn.shop.password }} {{ var.value.x }} {% if %}"
    served_runs = [
        shared_airflow.run_dag(f"page_{mode}", prepare=lambda server: server.api.fault("POST", status=429))
        for mode in MODES
    ]
    for served in served_runs:
        assert served.run.wait() == "success"
        assert [task.prompt for task in served.tasks] == [page] * 3
        assert len(served.server.sessions) == 2, "`mapped` goes on in the session of `told`"
        assert served.server.open_sessions == []
        assert served.run.instance("ask")["rendered_fields"]["task"] == page
        logs = served.run.log("ask"), served.run.log("told"), served.run.log("mapped", map_index=0)
        assert all("ended as `finished`: after 0:00:0" in log for log in logs)
        assert sum("Waiting to try again." in log for log in logs) == 1
