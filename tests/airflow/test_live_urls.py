"""A live URL lets whoever has it drive the browser: it is told to nobody, unless the user asks for that."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from collections.abc import Callable, Iterable
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import DAG, AirflowFailException, Asset, TaskDeferred
from airflow.providers.common.compat.version_compat import AIRFLOW_V_3_1_PLUS

from airflow_browser_use.operators import BrowserUseStartSessionOperator, BrowserUseTaskOperator
from airflow_browser_use.pages import InstancePage, url_of_page
from airflow_browser_use.sensors import BrowserUseTaskSensor
from browser_use_client import BrowserUseClient, Session
from tests.fake_api import API_KEY

from .fake_server import LIVE, FakeServer
from .stand_in import TaskInstance, context_of, execute

PAGE = "/plugin/browsers/browser-use/dags/shop/runs/run/tasks/browse"
HERE = PAGE if AIRFLOW_V_3_1_PLUS else None
needs_pages = pytest.mark.skipif(not AIRFLOW_V_3_1_PLUS, reason="below 3.1 there are no pages")


def on_worker(_: FakeServer, **options: Any) -> Any:
    return run_task("report 7", **options)


def that_fails(_: FakeServer, **options: Any) -> Any:
    return run_task("fail", **options)


def that_is_late(_: FakeServer, **options: Any) -> Any:
    return run_task("forever", timeout=0.2, **options)


def deferred(_: FakeServer, **options: Any) -> Any:
    return run_task("report 7", deferrable=True, **options)


def session(_: FakeServer, **options: Any) -> Any:
    start = BrowserUseStartSessionOperator(task_id="browse", **options)
    return run(start)


def sensor(server: FakeServer, **options: Any) -> Any:
    with BrowserUseClient(API_KEY, server.url) as client:
        task_id = client.create_task("report 7", keep_session=True).id
    return run(BrowserUseTaskSensor(task_id="browse", browser_task_id=task_id, **options))


def run_task(prompt: str, **options: Any) -> Any:
    """In a session that stays open: one that is closed has no live URL."""
    with DAG("shop"):
        task = BrowserUseTaskOperator(
            task_id="browse", task=prompt, outlets=[Asset("orders")], keep_session=True, **options
        )
    return run(task)


class OutletEvents:
    """Those of assets by their URIs: an asset of 3.1 has no hash."""

    def __init__(self, uris: Iterable[str]) -> None:
        self.by_uri = {uri: AssetEvent() for uri in uris}

    def __getitem__(self, outlet: Asset) -> AssetEvent:
        return self.by_uri[outlet.uri]


def run(operator: Any) -> dict[str, Any]:
    """Everything that a run of it tells: XComs, the value, the row of a trigger, an asset event, an error."""
    context = context_of(operator, TaskInstance())
    events = OutletEvents(outlet.uri for outlet in operator.outlets)
    context["outlet_events"] = events
    told: dict[str, Any] = {"xcoms": context["ti"].xcoms}
    try:
        told["value"] = execute(operator, context)
    except TaskDeferred as pause:
        told["trigger"] = [pause.trigger.serialize(), pause.kwargs]
        event = {"browser_task_id": context["ti"].xcoms["task_id"], "steps_logged": 0, "error": None}
        told["value"] = operator.execute_complete(context, event, **pause.kwargs)
    except Exception as error:  # noqa: BLE001 - whichever it is
        told["error"] = repr(error)
    told["events"] = [event.extra for event in events.by_uri.values()]
    return told


class AssetEvent:
    def __init__(self) -> None:
        self.extra: dict[str, Any] = {}


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]) -> Callable[[], str]:
    """What was logged since it was asked last: 3.x writes to the console, 2.11 to the handlers of `logging`."""
    caplog.set_level(logging.DEBUG)
    return lambda: caplog.text + "".join(capsys.readouterr())


WAYS: list[Callable[..., Any]] = [on_worker, that_fails, that_is_late, deferred, session, sensor]


@pytest.mark.parametrize("way", WAYS)
def test_a_live_url_is_in_nothing_that_a_task_tells(
    server: FakeServer, log: Callable[[], str], way: Callable[..., Any]
) -> None:
    told = json.dumps(way(server))
    assert server.sessions, "there was a session, with a live URL"
    assert LIVE not in told + log()


@pytest.mark.parametrize("way", [on_worker, deferred, session])
def test_who_asks_for_it_has_it_in_xcom_and_in_the_log(
    server: FakeServer, log: Callable[[], str], way: Callable[..., Any]
) -> None:
    told = way(server, show_live_url=True)
    [session_id] = server.sessions
    assert told["xcoms"]["live_url"] == f"{LIVE}{session_id}"
    assert f"Live view: {LIVE}{session_id}" in log()
    if way is not session:
        assert told["value"]["live_url"] == f"{LIVE}{session_id}"


@pytest.mark.usefixtures("server")
def test_the_message_of_a_failure_has_it_only_for_who_asks() -> None:
    with DAG("shop"):
        task = BrowserUseTaskOperator(task_id="browse", task="unsuccessful", keep_session=True, show_live_url=True)
    with pytest.raises(AirflowFailException, match=LIVE):
        execute(task)
    task.show_live_url = False
    with pytest.raises(AirflowFailException) as error:
        execute(task)
    assert LIVE not in str(error.value)


@pytest.mark.parametrize("configured", ["True", None])
def test_the_configuration_says_what_operators_do_that_are_not_told(configured: str | None) -> None:
    operator = "BrowserUseTaskOperator(task_id='t', task='x')"
    code = f"from airflow_browser_use.operators import *; print({operator}.show_live_url)"
    env = {**os.environ, **({"AIRFLOW__BROWSER_USE__SHOW_LIVE_URL": configured} if configured else {})}
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=env)
    assert told.stdout.splitlines()[-1] == str(configured == "True")


def test_xcom_names_the_page_instead(server: FakeServer) -> None:
    told = on_worker(server)
    assert told["value"]["live_url"] == HERE
    assert told["xcoms"].get("live_url") == HERE
    assert told["xcoms"].get("browser_use_page") == HERE


@pytest.mark.parametrize(
    ("url", "is_its_own"),
    [("http://127.0.0.1:8790/live/1?signature=2", True), ("https://live.browser-use.com/?wss=x", False)],
)
def test_the_live_url_of_the_local_server_is_shown_in_text_as_it_is(url: str, *, is_its_own: bool) -> None:
    page = InstancePage(TaskInstance(), "conn", show_live_url=False)
    assert page.in_text(url) == (url if is_its_own else HERE)


def test_where_the_server_shows_no_live_url_yet_only_the_page_stands_for_it() -> None:
    ti = TaskInstance()
    page = InstancePage(ti, "conn", show_live_url=True)
    page.push_links(Session(id="1", status="active"))
    assert ti.xcoms == {}
    assert page.in_xcom(None) is None
    assert page.in_text(None) == InstancePage(ti, "conn", show_live_url=False).in_xcom(None) == HERE


@needs_pages
def test_names_are_quoted_in_the_url_of_a_page() -> None:
    url = url_of_page("shop.de", "manual__2026-11-26T06:00:00+00:00", "group.read ü/?#", 3)
    assert url.endswith("/dags/shop.de/runs/manual__2026-11-26T06:00:00+00:00/tasks/group.read%20%C3%BC%2F%3F%23/3")
