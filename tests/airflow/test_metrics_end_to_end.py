"""What a real collector is sent by a real Airflow."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from tests.fake_api import FakeApi

from .conftest import ServedRun, SharedAirflow
from .running_airflow import Run

DONE = "one_deferred"
MODES = ("deferred", "on_worker")


@pytest.fixture(scope="module")
def before(shared_airflow: SharedAirflow) -> dict[str, float]:
    return sums_of_done(shared_airflow)


@pytest.fixture(scope="module")
def dear(shared_airflow: SharedAirflow) -> Iterator[list[Run]]:
    """On a server where tasks spend a dollar a second, and never end."""
    with FakeApi("v2-flat", real_time=True) as api:
        api.script(status=None, spending=1.0)
        connection = {"conn_type": "browser_use", "host": api.base_url, "password": api.api_key}
        shared_airflow.airflow.add_connection("dear", connection)
        yield [shared_airflow.airflow.run(f"dear_{mode}", prompt="read all orders", conn="dear") for mode in MODES]


@pytest.fixture(scope="module")
def served_runs(shared_airflow: SharedAirflow, before: dict[str, float]) -> dict[str, ServedRun]:  # noqa: ARG001 - it is taken first
    """Started together, so that they need not be waited for one after the other."""
    return {
        "done": shared_airflow.run_dag(DONE, prompt="report 7"),
        "late": shared_airflow.run_dag("late_on_worker", prompt="forever"),
        "marked": shared_airflow.run_dag("unlimited_deferred", prompt="forever"),
    }


def tags_of(run: Run) -> dict[str, str]:
    return {"dag_id": run.dag_id, "task_id": "browse"}


def sums_of_done(shared_airflow: SharedAirflow) -> dict[str, float]:
    """What the runs of the first DAG have come to: other modules let it run, too."""
    names = ("created", "reattached", "ended.finished", "steps", "cost_usd")
    tags = {"dag_id": DONE, "task_id": "browse"}
    return {name: shared_airflow.collector.sum(f"browser_use.task.{name}", **tags) for name in names}


def test_a_task_that_has_done_its_work_is_counted_with_what_it_took(
    shared_airflow: SharedAirflow, before: dict[str, float], served_runs: dict[str, ServedRun]
) -> None:
    assert served_runs["done"].run.wait() == "success"
    counted = {name: after - before[name] for name, after in sums_of_done(shared_airflow).items()}
    assert counted == pytest.approx({"created": 1, "reattached": 0, "ended.finished": 1, "steps": 2, "cost_usd": 0.05})
    durations = shared_airflow.collector.seen("browser_use.task.duration", **tags_of(served_runs["done"].run))
    assert durations[-1].kind == "ms"


def test_requests_are_counted_on_the_worker_and_in_the_triggerer(
    shared_airflow: SharedAirflow, served_runs: dict[str, ServedRun]
) -> None:
    assert served_runs["done"].run.wait() == "success"
    assert shared_airflow.collector.sum("browser_use.requests", **tags_of(served_runs["done"].run)) >= 2
    conn = f"browser_use_{urlsplit(served_runs['done'].server.url).port}"
    shared_airflow.airflow.until(
        "the triggerer tells of its requests",
        lambda: shared_airflow.collector.seen("browser_use.requests", browser_use_conn_id=conn),
    )


def test_a_task_that_was_late_is_counted_as_stopped_and_why(
    shared_airflow: SharedAirflow, served_runs: dict[str, ServedRun]
) -> None:
    assert served_runs["late"].run.wait() == "failed"
    tags = tags_of(served_runs["late"].run)
    assert shared_airflow.collector.sum("browser_use.task.stop", **tags, reason="timeout") == 1
    assert shared_airflow.collector.sum("browser_use.task.ended.stopped", **tags) == 1


def test_a_task_that_the_triggerer_stops_is_counted_as_well(
    shared_airflow: SharedAirflow, served_runs: dict[str, ServedRun]
) -> None:
    served = served_runs["marked"]
    task = served.wait_for_remote_task()
    served.run.wait_for("browse", "deferred")
    served.wait_for_polls(task)
    served.run.end("failed")
    served.wait_for_stop(task)
    shared_airflow.airflow.until(
        "it is counted",
        lambda: shared_airflow.collector.seen("browser_use.task.stop", **tags_of(served.run), reason="marked"),
    )


def test_a_task_that_was_too_dear_is_counted_as_stopped_and_why(shared_airflow: SharedAirflow, dear: list[Run]) -> None:
    for run in dear:
        assert run.wait() == "failed"
        assert shared_airflow.collector.sum("browser_use.task.stop", **tags_of(run), reason="cost_limit") == 1
        assert shared_airflow.collector.sum("browser_use.task.ended.stopped", **tags_of(run)) == 1
