"""Which runs are settled, when, and again: on a database of Airflow's, with servers that fail or do not answer."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from typing import Any
from urllib.parse import urlsplit

import pytest
from airflow.jobs.base_job_runner import BaseJobRunner
from airflow.jobs.job import Job
from airflow.models import import_all_models
from airflow.models.base import Base
from airflow.models.dagrun import DagRun
from airflow.models.renderedtifields import RenderedTaskInstanceFields
from airflow.models.taskinstance import TaskInstance
from airflow.providers.common.compat.version_compat import AIRFLOW_V_3_1_PLUS
from airflow.utils.session import create_session
from sqlalchemy import delete, insert

from airflow_browser_use.ended_runs import ended_within, find, this_one
from airflow_browser_use.identity import TaskKey, name_of_instance, name_of_run
from airflow_browser_use.settling import LONGEST_BROWSER, Settler
from browser_use_client import BrowserUseClient
from demo.waiting import until
from tests.fake_api.world import Contract

from .conftest import connection_to
from .fake_server import FakeServer

NOW = datetime.now(timezone.utc)
MINUTE = timedelta(minutes=1)


@pytest.fixture(autouse=True)
def _database() -> Iterator[None]:
    """Airflow's own, below its home of the unit tests; without notes, which are of users that 2.11 keeps elsewhere."""
    import_all_models()
    tables = [table for name, table in Base.metadata.tables.items() if not name.endswith("_note")]
    with create_session() as session:
        Base.metadata.create_all(session.connection(), tables)
    yield
    with create_session() as session:
        for each in (RenderedTaskInstanceFields, TaskInstance, DagRun):
            session.execute(delete(each))


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Contract], tuple[str, FakeServer]]]:
    """Starts a server, and says by which connection it is reached."""
    servers: list[FakeServer] = []

    def start(contract: Contract) -> tuple[str, FakeServer]:
        server = FakeServer(contract)
        servers.append(server)
        conn_id = f"browser_use_{urlsplit(server.url).port}"
        monkeypatch.setenv(f"AIRFLOW_CONN_{conn_id.upper()}", json.dumps(connection_to(server)))
        return conn_id, server

    yield start
    for server in servers:
        server.close()


def add_run(run_id: str, ended: datetime | None, state: str = "failed", **fields: Any) -> datetime:
    """A run in the database, with one task that was rendered so; returns when it began."""
    started = (ended or NOW) - 10 * MINUTE
    names = {"dag_id": "shop", "run_id": run_id}
    run = {"run_type": "manual", "state": state, "start_date": started, "end_date": ended, "clear_number": 0}
    later = {"execution_date": started} if hasattr(DagRun, "execution_date") else {"run_after": started}
    instance = {"task_id": "log_in", "map_index": -1}
    with create_session() as session:
        session.execute(insert(DagRun.__table__).values(**names, **run, **later))
        session.execute(
            insert(TaskInstance).values(**names, **instance, pool="p", try_number=1, max_tries=0, state="success")
        )
        session.execute(insert(RenderedTaskInstanceFields).values(**names, **instance, rendered_fields=fields))
    return started


def leave_open(server: FakeServer, run_id: str, started: datetime) -> str:
    """The session that the task of a run has kept for a follow-up."""
    instance = name_of_instance(name_of_run("shop", run_id, started), "log_in", -1)
    key = str(TaskKey(instance, 0, 0, 1, ends_with_run=True))
    with BrowserUseClient(server.key, server.url) as client:
        return client.create_task("log in", key=key, keep_session=True).session_id


@pytest.mark.parametrize(
    ("state", "ended", "fields", "is_found"),
    [
        ("failed", NOW - MINUTE, {"browser_use_conn_id": "c"}, True),
        ("success", NOW - timedelta(hours=3, minutes=59), {"browser_use_conn_id": "c"}, True),
        ("failed", NOW - timedelta(hours=4, minutes=1), {"browser_use_conn_id": "c"}, False),
        ("failed", NOW + MINUTE, {"browser_use_conn_id": "c"}, False),
        ("running", None, {"browser_use_conn_id": "c"}, False),
        ("queued", NOW - MINUTE, {"browser_use_conn_id": "c"}, False),
        ("failed", NOW - MINUTE, {"bash_command": "date"}, False),
        ("failed", NOW - MINUTE, {"bash_command": "echo browser_use_conn_id"}, False),
    ],
)
def test_a_run_is_settled_again_if_it_used_a_browser_that_can_still_be_open(
    state: str, ended: datetime | None, fields: dict[str, Any], is_found: bool
) -> None:
    add_run("r", ended, state, **fields)
    assert bool(find(ended_within(LONGEST_BROWSER, before=NOW))) is is_found


@pytest.mark.skipif(not AIRFLOW_V_3_1_PLUS, reason="below, Airflow's database does not have the connection elsewhere")
def test_a_run_that_airflow_keeps_no_rendered_fields_of_is_known_by_what_it_told_the_pages() -> None:
    from airflow.models.xcom import XComModel

    started = add_run("old", NOW - MINUTE)
    record = {"conn_id": "c", "task_id": "t", "session_id": "s"}
    xcom = {"dag_id": "shop", "run_id": "old", "task_id": "log_in", "map_index": -1, "dag_run_id": 1}
    with create_session() as session:
        session.execute(delete(RenderedTaskInstanceFields))
        session.execute(insert(XComModel).values(**xcom, key="browser_use", value=record, timestamp=NOW))
    assert find(this_one("shop", "old")) == {"c": {("shop", "old", started): {"log_in"}}}


@pytest.mark.parametrize("contract", ["v2-flat", "v4"])
def test_a_sweep_closes_what_a_run_left_open_that_nobody_settled_and_does_not_ask_again(
    serve: Callable[[Contract], tuple[str, FakeServer]], contract: Contract
) -> None:
    conn_id, server = serve(contract)
    leave_open(server, "lost", add_run("lost", NOW - MINUTE, browser_use_conn_id=conn_id))
    leave_open(server, "goes on", add_run("goes on", None, "running", browser_use_conn_id=conn_id))
    settler = Settler()
    settler.keep_sweeping()
    assert settler.sweep(NOW)
    until("the session is closed", lambda: len(server.open_sessions) == 1)
    until("all is settled", lambda: not settler.sweep(NOW))


def test_what_a_server_refuses_to_close_is_closed_by_a_later_sweep(
    serve: Callable[[Contract], tuple[str, FakeServer]],
) -> None:
    conn_id, server = serve("v4")
    leave_open(server, "lost", add_run("lost", NOW - MINUTE, browser_use_conn_id=conn_id))
    server.api.fault(status=403, times=3)
    settler = Settler()
    settler.keep_sweeping()

    def sweep() -> bool:
        settler.sweep(NOW)
        return not server.open_sessions

    settler.sweep(NOW)
    until("the server has refused", lambda: server.faults_met)
    assert len(server.open_sessions) == 1
    until("the session is closed", sweep)
    assert server.faults_met == 3


def test_a_server_that_does_not_answer_delays_the_runs_of_no_other(
    serve: Callable[[Contract], tuple[str, FakeServer]],
) -> None:
    answers = threading.Event()
    (silent_id, silent), (conn_id, server) = serve("v4"), serve("v4")
    leave_open(silent, "first", add_run("first", NOW - 2 * MINUTE, browser_use_conn_id=silent_id))
    leave_open(server, "second", add_run("second", NOW - MINUTE, browser_use_conn_id=conn_id))
    silent.api.observe(before=lambda _: bool(answers.wait()))
    settler = Settler()
    settler.sweep(NOW)
    until("the session is closed", lambda: not server.open_sessions)
    assert not answers.is_set()
    answers.set()
    until("the other one is closed", lambda: not silent.open_sessions)


@pytest.mark.parametrize(("job", "sweeps"), [("TriggererJob", 0), ("DagProcessorJob", 0), ("SchedulerJob", 1)])
def test_a_scheduler_sweeps_from_its_start_and_no_other_component_does(job: str, sweeps: int) -> None:
    class Runner(BaseJobRunner):
        job_type = job

    before = sweepers()
    Runner(job=Job())
    Runner(job=Job())
    assert sweepers() - before == sweeps


def sweepers() -> int:
    return sum(thread.name == "browser-use-sweeper" for thread in threading.enumerate())
