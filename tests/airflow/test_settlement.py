"""What a run that has ended leaves behind: the decision as a table, and its requests to a server."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from airflow_browser_use.identity import TaskKey
from airflow_browser_use.settlement import FEW_SESSIONS, Leftovers, Traces, leftovers, sessions_without_a_run, settle
from browser_use_client import BrowserUseClient, Task
from tests.fake_api import API_KEY, FakeApi
from tests.fake_api.world import Contract

from .fake_server import FakeServer

RUN = "airflow/shop/run/1.000"
OWNED, LEFT = {"ends_with_run": True}, {"left": True}
SINCE = datetime.now(timezone.utc) - timedelta(hours=1)


def task(
    name: str, status: str = "finished", *, others: bool = False, session: str = "s", **marks: bool
) -> tuple[Task, TaskKey | None]:
    key = None if others else TaskKey(f"{RUN}/{name}/-1", 0, 0, 1, **marks)
    return Task(id=name, session_id=session, status=status), key


@pytest.mark.parametrize(
    ("tasks", "left"),
    [
        ([task("log_in", **OWNED)], Leftovers(sessions=("s",))),
        ([task("log_in", **OWNED), task("read", "started", **OWNED)], Leftovers(sessions=("s",))),
        ([task("log_in", **OWNED), task("read")], Leftovers()),  # `keep_session=True` on the last one
        ([task("log_in")], Leftovers()),
        ([task("guest", "started")], Leftovers(tasks=("guest",))),  # in a session from elsewhere
        ([task("log_in", "started", **OWNED, **LEFT)], Leftovers(more_to_come=True)),
        ([task("log_in", "failed", **OWNED, **LEFT)], Leftovers(sessions=("s",))),
        ([task("log_in", **OWNED), task("guest", "started", others=True)], Leftovers(more_to_come=True)),
        ([task("log_in", **OWNED), task("read"), task("guest", "started", others=True)], Leftovers()),
        ([task("log_in", **OWNED), task("guest", others=True)], Leftovers(sessions=("s",))),
        ([task("log_in", others=True)], Leftovers()),  # another Airflow's
        ([task("log_in", session="closed", **OWNED)], Leftovers()),
        ([], Leftovers()),
    ],
)
def test_what_a_run_leaves_behind(tasks: list[tuple[Task, TaskKey | None]], left: Leftovers) -> None:
    assert leftovers(tasks, ["s", "of somebody else"], ()) == left


def test_a_session_that_a_setup_task_started_is_closed_though_no_task_ever_ran_in_it() -> None:
    assert leftovers([], ["s"], ["s"]) == Leftovers(sessions=("s",))


def key_of(run: str = RUN) -> str:
    return str(TaskKey(f"{run}/log_in/-1", 0, 0, 1, ends_with_run=True))


def traces(run: str = RUN, *, has_ended: bool = True) -> Traces:
    return Traces(run, [key_of(run)], (), has_ended=lambda: has_ended)


def start(client: BrowserUseClient, prompt: str, run: str = RUN, **more: Any) -> str:
    return client.create_task(prompt, key=key_of(run), **more).session_id


@pytest.mark.parametrize("others", [0, 9])
def test_a_run_is_settled_with_few_requests_and_nothing_of_others_is_touched(server: FakeServer, others: int) -> None:
    with BrowserUseClient(API_KEY, server.url) as client:
        mine = start(client, "log in", keep_session=True)
        theirs = [start(client, "log in", f"{RUN}{number}", keep_session=True) for number in range(others)]
        before = len(server.requests)
        settle(client, [traces()], since=SINCE)
    assert len(server.requests) - before == 3
    assert {session.id for session in server.open_sessions} == set(theirs)
    assert server.sessions[mine].stopped


def test_a_server_whose_clock_is_behind_hides_no_session_of_a_run() -> None:
    with FakeApi("v2-flat", real_time=True) as api, BrowserUseClient(api.api_key, api.base_url) as client:
        began = datetime.now(timezone.utc)
        api.advance(-1200)
        mine = start(client, "log in", keep_session=True)
        theirs = {start(client, "log in", f"{RUN}{number}", keep_session=True) for number in range(FEW_SESSIONS)}
        settle(client, [traces()], since=began)
        assert {session["id"] for session in api.sessions(status="active")} == theirs
        assert mine not in theirs


def test_where_no_session_is_open_a_run_costs_one_request(server: FakeServer) -> None:
    with BrowserUseClient(API_KEY, server.url) as client:
        start(client, "log in")
        before = len(server.requests)
        assert settle(client, [traces()], since=SINCE)
    assert len(server.requests) - before == 1


def requests_to_settle(contract: Contract, number: int) -> int:
    """How many it takes if so many runs have ended, of which the last has left its session open."""
    with FakeApi(contract, real_time=True) as api, BrowserUseClient(api.api_key, api.base_url) as client:
        runs = [f"{RUN}{index}" for index in range(number)]
        start(client, "log in", runs[-1], keep_session=True)
        before = len(api.requests())
        assert settle(client, map(traces, runs), since=SINCE)
        assert [session["status"] for session in api.sessions()] == ["stopped"]
        return len(api.requests()) - before


@pytest.mark.parametrize("contract", ["v2-flat", "v4"])
def test_a_thousand_runs_are_settled_with_as_few_requests_as_one(contract: Contract) -> None:
    assert requests_to_settle(contract, 1000) == requests_to_settle(contract, 1)


def test_what_of_one_run_cannot_be_closed_leaves_the_others_and_is_told(server: FakeServer) -> None:
    with BrowserUseClient(API_KEY, server.url) as client:
        for run in (RUN, f"{RUN}1"):
            start(client, "log in", run, keep_session=True)
        server.api.fault("PATCH", status=403)
        assert not settle(client, [traces(), traces(f"{RUN}1")], since=SINCE)
        assert len(server.open_sessions) == 1
        assert settle(client, [traces(), traces(f"{RUN}1")], since=SINCE)
    assert server.open_sessions == []


@pytest.mark.parametrize("contract", ["v2-flat", "v4"])
def test_a_session_in_which_a_task_was_left_running_is_closed_once_that_has_ended(contract: Contract) -> None:
    key = str(TaskKey(f"{RUN}/log_in/-1", 0, 0, 1, ends_with_run=True, left=True))
    left = Traces(RUN, [key], (), has_ended=lambda: True)
    with FakeApi(contract, real_time=True) as api, BrowserUseClient(api.api_key, api.base_url) as client:
        api.script(status=None)
        task = client.create_task("log in", key=key, keep_session=True)
        assert not settle(client, [left], since=SINCE)
        assert [each["status"] for each in api.tasks()] == ["started"]
        api.end_task(task.id)
        assert [session["status"] for session in api.sessions()] == ["active"]
        assert settle(client, [left], since=SINCE)
        assert [session["status"] for session in api.sessions()] == ["stopped"]


def test_a_run_that_was_cleared_meanwhile_keeps_its_session(server: FakeServer) -> None:
    with BrowserUseClient(API_KEY, server.url) as client:
        session_id = start(client, "log in", keep_session=True)
        settle(client, [traces(has_ended=False)], since=SINCE)
    assert not server.sessions[session_id].stopped


def test_a_server_that_fails_is_no_error_of_the_scheduler(server: FakeServer) -> None:
    with BrowserUseClient("bu_another", server.url, api_version="v2-flat") as client:
        assert not settle(client, [traces()], since=SINCE)


def test_a_sweep_finds_the_sessions_whose_run_is_over(server: FakeServer) -> None:
    with BrowserUseClient(API_KEY, server.url) as client:
        over = start(client, "log in", "airflow/shop/over/1.000", keep_session=True)
        start(client, "log in", "airflow/shop/live/1.000", keep_session=True)
        client.start_session()
        client.create_task("log in", key="another", keep_session=True)
        found = list(sessions_without_a_run(client, lambda _, run_id: run_id == "live"))
    assert [(session.id, dag_id, run_id) for session, dag_id, run_id in found] == [(over, "shop", "over")]
