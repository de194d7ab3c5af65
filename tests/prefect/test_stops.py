"""A flow that ends takes its Browser Use tasks with it. Each flow here is a process of its own."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import prefect
import pytest

from demo.waiting import until
from tests.fake_api import FakeApiProcess

from .running_prefect import RunningPrefect

TASKS = {
    "threads": 7,
    "event-loop": 4,
    "own-tasks": 5,
    "blocked-by-task": 1,
    "blocked-by-future": 2,
    "processes": 2,
    "dask": 2,
}
"""How many tasks each of `flows` starts."""

ON_V4 = pytest.mark.parametrize("api", ["v4"], indirect=True)
"""Each way to end is tested on one contract: what it sends is the client's, and tested for itself."""

WITHIN = 20.0
"""Seconds. It takes 1 to 3, unless the machine is busy; at 30 Prefect kills the process."""

TOLD_WITHIN = 120.0
"""The same where Prefect's server has to tell the process, for which it may be too busy. What a process has not stopped
when Prefect kills it, nobody stops."""

CLOSED_WITHIN = 60.0
"""From then on until the browsers of v4 are closed, which takes more requests. By themselves they close at 120."""


if prefect.__version__.startswith("3.8."):

    @pytest.fixture
    def prefect_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningPrefect]:
        """One for each test: its SQLite may stay locked for minutes when processes of flows were killed."""
        with RunningPrefect(tmp_path_factory.mktemp("prefect")) as running:
            yield running


@pytest.fixture(params=["v2-flat"])
def api(request: pytest.FixtureRequest) -> Iterator[FakeApiProcess]:
    """An API whose tasks do not end by themselves."""
    with FakeApiProcess(request.param) as fake:
        fake.script(status=None)
        yield fake


class Script:
    """A script that runs one of `flows`."""

    def __init__(self, prefect: RunningPrefect, api: FakeApiProcess, name: str, **variables: str) -> None:
        self.name = name
        self.tasks = TASKS.get(name, 0)
        self.process = prefect.start(name, "-m", "tests.prefect.flows", name, **environment(api), **variables)


def environment(api: FakeApiProcess) -> dict[str, str]:
    return {"BROWSER_USE_API_KEY": api.api_key, "BROWSER_USE_BASE_URL": api.base_url}


def all_run(api: FakeApiProcess, number: int) -> None:
    """Some polls later, that is: Prefect raises SIGTERM wherever it strikes, which may be in a log that is locked."""
    until("all tasks run", lambda: [task["polls"] > 3 for task in api.tasks(live=True)] == [True] * number, 180)


def all_are_stopped(api: FakeApiProcess, within: float = WITHIN) -> None:
    left = lambda: [task["prompt"] for task in api.tasks(live=True)]  # noqa: E731
    until(lambda: f"the tasks {left()} are stopped", lambda: not left(), within)
    assert {task["status"] for task in api.tasks()} == {"stopped"}
    if api.contract == "v4":
        until("their browsers are closed", lambda: not api.sessions(status="active"), CLOSED_WITHIN)
    assert api.sessions(status="active") == []


def test_cancelling_served_flow_runs_stops_their_tasks(prefect_server: RunningPrefect, api: FakeApiProcess) -> None:
    prefect_server.start("serve", "-m", "tests.prefect.flows", "serve", **environment(api))
    flow_runs = [prefect_server.run_deployment(name) for name in TASKS]
    all_run(api, sum(TASKS.values()))
    for flow_run in flow_runs:
        prefect_server.cancel(flow_run)
    all_are_stopped(api, TOLD_WITHIN)
    assert {prefect_server.ended(flow_run)["state_type"] for flow_run in flow_runs} == {"CANCELLED"}


@pytest.mark.parametrize(
    ("api", "name", "number"), [("v2-flat", "crowd", 200), ("v4", "crowd-in-threads", 100)], indirect=["api"]
)
def test_cancelling_a_flow_run_with_many_tasks_leaves_none_of_them(
    prefect_server: RunningPrefect, api: FakeApiProcess, name: str, number: int
) -> None:
    prefect_server.start("serve", "-m", "tests.prefect.flows", "serve", **environment(api))
    flow_run = prefect_server.run_deployment(name)
    until("all tasks run", lambda: len(api.tasks(live=True)) == number, 180)
    api.fault(delay=0.3, times=None)
    prefect_server.cancel(flow_run)
    all_are_stopped(api, TOLD_WITHIN)
    assert len(api.requests(at="stop a task")) == number
    assert prefect_server.ended(flow_run)["state_type"] == "CANCELLED"


@ON_V4
def test_cancelling_a_script_in_the_ui_stops_its_tasks(prefect_server: RunningPrefect, api: FakeApiProcess) -> None:
    scripts = [Script(prefect_server, api, name) for name in TASKS]
    all_run(api, sum(TASKS.values()))
    for script in scripts:
        for flow_run in prefect_server.flow_runs(script.name):
            if flow_run["state_type"] == "RUNNING":
                prefect_server.cancel(flow_run["id"])
    all_are_stopped(api, TOLD_WITHIN)
    assert all(script.process.wait(60) for script in scripts)


def test_ctrl_c_stops_the_tasks_of_a_script(prefect_server: RunningPrefect, api: FakeApiProcess) -> None:
    scripts = [Script(prefect_server, api, name) for name in TASKS if name not in ("dask", "blocked-by-future")]
    all_run(api, sum(script.tasks for script in scripts))
    for script in scripts:
        os.killpg(script.process.pid, signal.SIGINT)  # a terminal sends it to all processes of the script
    all_are_stopped(api)


@ON_V4
def test_the_second_ctrl_c_stops_the_tasks_of_a_flow_that_blocks_its_event_loop_for_futures(
    prefect_server: RunningPrefect, api: FakeApiProcess
) -> None:
    script = Script(prefect_server, api, "blocked-by-future")
    all_run(api, script.tasks)
    os.killpg(script.process.pid, signal.SIGINT)
    polls = [task["polls"] for task in api.tasks()]
    until(
        "they are polled on",
        lambda: all(task["polls"] > seen + 3 for task, seen in zip(api.tasks(), polls, strict=True)),
    )
    assert len(api.tasks(live=True)) == script.tasks
    os.killpg(script.process.pid, signal.SIGINT)
    all_are_stopped(api)


def test_sigterm_stops_the_tasks_of_a_script(prefect_server: RunningPrefect, api: FakeApiProcess) -> None:
    scripts = [Script(prefect_server, api, name) for name in TASKS if name not in ("dask", "processes")]
    all_run(api, sum(script.tasks for script in scripts))
    for script in scripts:
        script.process.terminate()
    all_are_stopped(api)
    assert all(script.process.wait(60) for script in scripts)


@ON_V4
def test_the_time_out_of_a_flow_stops_its_tasks(prefect_server: RunningPrefect, api: FakeApiProcess) -> None:
    variables = {**environment(api), "FLOW_TIMEOUT": "12"}
    prefect_server.start("serve", "-m", "tests.prefect.flows", "serve", **variables)
    scripts = [Script(prefect_server, api, name, FLOW_TIMEOUT="12") for name in TASKS]
    flow_runs = [prefect_server.run_deployment(name) for name in ("threads", "event-loop")]
    assert all(script.process.wait(120) for script in scripts)
    assert {prefect_server.ended(flow_run)["state_name"] for flow_run in flow_runs} == {"TimedOut"}
    assert api.tasks()
    all_are_stopped(api)


def test_the_time_out_of_a_task_stops_it(prefect_server: RunningPrefect, api: FakeApiProcess) -> None:
    tasks = {"timed-tasks": 5, "timed-in-event-loop": 2, "timed-in-processes": 2, "timed-in-dask": 2}
    scripts = [Script(prefect_server, api, name) for name in tasks]
    assert not any(script.process.wait(120) for script in scripts)
    assert len(api.tasks()) == sum(tasks.values())
    all_are_stopped(api)
