from __future__ import annotations

import pytest
from airflow.providers.common.compat.sdk import DAG, AirflowFailException

from airflow_browser_use.operators import (
    BrowserUseStartSessionOperator,
    BrowserUseStopSessionOperator,
    BrowserUseTaskOperator,
)
from airflow_browser_use.session_policy import SessionPolicy
from airflow_browser_use.sessions import browser_session
from browser_use_client import BrowserUseClient, InvalidRequestError

from .fake_server import FakeServer
from .stand_in import context_of, execute


def test_a_session_is_started_and_its_id_is_in_xcom(server: FakeServer) -> None:
    start = BrowserUseStartSessionOperator(task_id="start", browser_settings={"screen_width": 1280})
    context = context_of(start)
    session_id = execute(start, context)
    assert list(server.sessions) == [session_id]
    assert context["ti"].xcoms["session_id"] == session_id


def test_a_session_is_stopped_and_one_that_is_gone_is_left_in_peace(server: FakeServer) -> None:
    session_id = execute(BrowserUseStartSessionOperator(task_id="start"))
    stop = BrowserUseStopSessionOperator(task_id="stop", session_id=session_id)
    execute(stop)
    assert server.sessions[session_id].stopped
    with BrowserUseClient(server.key, server.url) as client:
        client.delete_session(session_id)
    assert server.sessions == {}
    execute(stop)


@pytest.mark.usefixtures("server")
def test_an_id_that_is_none_is_refused_for_good() -> None:
    with pytest.raises(AirflowFailException, match="'shop' is not a valid UUID"):
        execute(BrowserUseStopSessionOperator(task_id="stop", session_id="shop"))


def test_settings_that_do_not_exist_are_refused_when_the_dag_is_parsed() -> None:
    with pytest.raises(InvalidRequestError, match="`browser_settings` has no 'screen'"):
        BrowserUseStartSessionOperator(task_id="start", browser_settings={"screen": 1})


def test_a_group_starts_its_session_first_and_stops_it_whatever_becomes_of_its_tasks() -> None:
    with DAG("d") as dag, browser_session("shop") as session_id:
        log_in = BrowserUseTaskOperator(task_id="log_in", task="...", session_id=session_id)
        log_in >> BrowserUseTaskOperator(task_id="read", task="...", session_id=session_id)
    start, stop = dag.get_task("shop.start"), dag.get_task("shop.stop")
    assert start.is_setup
    assert stop.is_teardown
    assert stop.trigger_rule == "all_done_setup_success"
    assert dag.get_task("shop.log_in").upstream_task_ids == {"shop.start"}
    assert stop.upstream_task_ids == {"shop.start", "shop.read"}


def test_the_tasks_of_a_group_leave_its_session_to_it() -> None:
    with DAG("d"), browser_session("shop") as session_id:
        read = BrowserUseTaskOperator(task_id="read", task="...", session_id=session_id)
    assert not SessionPolicy.of(read.session_use, keep_session=None, begun_here=False).owned
