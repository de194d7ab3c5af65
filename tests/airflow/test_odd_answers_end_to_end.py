"""One odd answer to a poll, which a gateway or a server that restarts gives, ends no task in a real Airflow."""

from __future__ import annotations

from typing import Any

import pytest

from .conftest import ServedRun, SharedAirflow

MODES = ("deferred", "on_worker")
ODD: dict[str, dict[str, Any]] = {
    **{str(status): {"status": status} for status in (401, 403, 404, 408, 409)},
    "a proxy's page": {"garbage": "<html>Please sign in</html>"},
}


@pytest.fixture(scope="module")
def polled_oddly(shared_airflow: SharedAirflow) -> dict[tuple[str, str], ServedRun]:
    """Started at the same time."""
    served_runs = {}
    for mode in MODES:
        for name, odd in ODD.items():
            served_runs[name, mode] = shared_airflow.run_dag(
                f"one_{mode}", prepare=lambda server, odd=odd: server.api.fault(at="poll", **odd), prompt="for 4 s"
            )
    return served_runs


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("odd", ODD)
def test_one_odd_answer_to_a_poll_neither_stops_nor_repeats_a_task(
    polled_oddly: dict[tuple[str, str], ServedRun], odd: str, mode: str
) -> None:
    served = polled_oddly[odd, mode]
    assert served.run.wait(seconds=300) == "success"
    assert served.server.faults_met == 1
    [task] = served.tasks
    assert task.status == "finished"
    assert "Airflow's retry" not in served.run.log("browse"), "the odd answer has failed the first try"
    assert served.run.xcom("browse")["task_id"] == task.id
