"""What a real collector is sent by a real Airflow."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlsplit

import pytest

from .conftest import SharedAirflow
from .fake_server import FakeServer
from .statsd_collector import Metric

MODES = ("deferred", "on_worker")


class CountedRun:
    """A run of a DAG, and what was counted of its task since it was started: other modules let the DAG run, too."""

    def __init__(
        self,
        shared_airflow: SharedAirflow,
        dag_id: str,
        prompt: str,
        prepare: Callable[[FakeServer], object] | None = None,
        *,
        v4: bool = False,
    ) -> None:
        def start_counting(server: FakeServer) -> None:
            self._since = len(self._collector)
            if prepare:
                prepare(server)

        self._collector = shared_airflow.collector
        self._tags = {"dag_id": dag_id, "task_id": "browse"}
        self.served = shared_airflow.run_dag(dag_id, v4=v4, prepare=start_counting, prompt=prompt)

    def seen(self, name: str, **tags: str) -> list[Metric]:
        return self._collector.seen(f"browser_use.{name}", since=self._since, **self._tags, **tags)

    def sum(self, name: str, **tags: str) -> float:
        return sum(metric.value for metric in self.seen(name, **tags))

    def wait_for(self, name: str) -> None:
        """Until it is counted: what a worker sends as it ends may come after the state of its run."""
        self.served.run.airflow.until(f"{name} is counted", lambda: self.seen(name))


@pytest.fixture(scope="module")
def runs(shared_airflow: SharedAirflow) -> dict[str, CountedRun]:
    """Started together, so that they need not be waited for one after the other."""

    def spend(server: FakeServer) -> None:
        """Tasks spend a dollar a second, and never end."""
        server.api.script(status=None, spending=1.0)

    return {
        "done": CountedRun(shared_airflow, "one_deferred", "report 7"),
        "done on v4": CountedRun(shared_airflow, "one_on_worker", "report 7", v4=True),
        "late": CountedRun(shared_airflow, "late_on_worker", "forever"),
        "marked": CountedRun(shared_airflow, "unlimited_deferred", "forever"),
        **{f"dear {mode}": CountedRun(shared_airflow, f"dear_{mode}", "read all orders", spend) for mode in MODES},
    }


@pytest.mark.parametrize("name", ["done", "done on v4"])
def test_a_task_that_has_done_its_work_is_counted_with_what_it_took(runs: dict[str, CountedRun], name: str) -> None:
    done = runs[name]
    assert done.served.wait_undisturbed() == "success"
    done.wait_for("task.cost_usd")
    names = ("created", "reattached", "ended.finished", "steps", "cost_usd")
    counted = {name: done.sum(f"task.{name}") for name in names}
    assert counted == pytest.approx({"created": 1, "reattached": 0, "ended.finished": 1, "steps": 2, "cost_usd": 0.05})
    assert done.seen("task.duration")[-1].kind == "ms"


def test_requests_are_counted_on_the_worker_and_in_the_triggerer(
    shared_airflow: SharedAirflow, runs: dict[str, CountedRun]
) -> None:
    done = runs["done"]
    assert done.served.wait_undisturbed() == "success"
    shared_airflow.airflow.until("the worker tells of its requests", lambda: done.sum("requests") >= 2)
    conn = f"browser_use_{urlsplit(done.served.server.url).port}"
    shared_airflow.airflow.until(
        "the triggerer tells of its requests",
        lambda: shared_airflow.collector.seen("browser_use.requests", browser_use_conn_id=conn),
    )


def test_a_task_that_was_late_is_counted_as_stopped_and_why(runs: dict[str, CountedRun]) -> None:
    late = runs["late"]
    assert late.served.run.wait() == "failed"
    late.wait_for("task.stop")
    assert late.sum("task.stop", reason="timeout") == 1
    assert late.sum("task.ended.stopped") == 1


def test_a_task_that_the_triggerer_stops_is_counted_as_well(runs: dict[str, CountedRun]) -> None:
    marked = runs["marked"]
    task = marked.served.wait_for_remote_task()
    marked.served.run.wait_for("browse", "deferred")
    marked.served.wait_for_polls(task)
    marked.served.run.end("failed")
    marked.served.wait_for_stop(task)
    marked.wait_for("task.stop")
    assert marked.sum("task.stop", reason="marked") == 1


@pytest.mark.parametrize("mode", MODES)
def test_a_task_that_was_too_dear_is_counted_as_stopped_and_why(runs: dict[str, CountedRun], mode: str) -> None:
    dear = runs[f"dear {mode}"]
    assert dear.served.wait_undisturbed() == "failed"
    dear.wait_for("task.ended.stopped")
    assert dear.sum("task.stop", reason="cost_limit") == 1
    assert dear.sum("task.ended.stopped") == 1
