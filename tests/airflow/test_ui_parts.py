"""What the pages in Airflow's UI are made of: the database's rows, the service's answers, the output as a table."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from uuid import uuid4

import pytest
from airflow.models import import_all_models
from airflow.models.base import Base
from airflow.models.taskinstance import TaskInstance
from airflow.models.xcom import XComModel
from sqlalchemy import create_engine, event, insert, update
from sqlalchemy.orm import Session as Database

from airflow_browser_use.pages import PageRecord
from airflow_browser_use.ui import instances, task_page
from airflow_browser_use.ui.browser_view import BrowserView, policy_of_view, view_of
from airflow_browser_use.ui.output_table import Output, Table, output_from
from airflow_browser_use.ui.pictures import MAX_PICTURE_BYTES, picture_of_step
from airflow_browser_use.ui.rendering import dollars, duration, templates
from airflow_browser_use.ui.service import Look, look, look_at_all
from browser_use_client import BrowserUseClient, Session, Task
from tests.fake_api import API_KEY

from .fake_server import FakeServer

NOW = datetime(2026, 11, 26, 12, tzinfo=timezone.utc)


@pytest.fixture
def database() -> Iterator[Database]:
    """A database of Airflow's, without what the pages do not read."""
    import_all_models()
    engine = create_engine("sqlite://")
    Base.metadata.create_all(engine)
    with Database(engine) as database:
        yield database


def add(
    database: Database, task_id: str, state: str | None, minutes_ago: float, dag_id: str = "shop", **record: Any
) -> None:
    """A task instance that began some minutes ago; with what it has told of its remote task, if anything."""
    began = NOW - timedelta(minutes=minutes_ago)
    names = {"dag_id": dag_id, "run_id": "r", "task_id": task_id, "map_index": -1}
    instance_id = TaskInstance.id.type.python_type(str(uuid4()))  # text below 3.3
    instance = {"id": instance_id, "state": state, "start_date": began, "pool": "p", "try_number": 1}
    database.execute(insert(TaskInstance).values(**names, **instance))
    if record:
        value = {"conn_id": "c", "task_id": "t", "session_id": "s", **record}
        xcom = {"dag_run_id": len(dag_id), "key": "browser_use", "value": value, "timestamp": began}
        database.execute(insert(XComModel).values(**names, **xcom))


def names(rows: list[instances.BrowserInstance]) -> list[str]:
    return [row.task_id for row in rows]


def test_the_list_has_what_runs_first_then_what_began_last_and_only_what_has_a_browser(database: Database) -> None:
    add(database, "old", "success", 30, cost=0.1)
    add(database, "new", "failed", 10, cost=0.1)
    add(database, "long", "deferred", 300, status=None)
    add(database, "plain", "running", 1)
    add(database, "hidden", "running", 1, dag_id="payroll", status=None)
    rows, total = instances.recent(database, {"shop"}, dag_id="", state="", offset=0, limit=25)
    assert names(rows) == ["long", "new", "old"]
    assert total == 3


def test_the_list_is_filtered_and_paged_by_the_database_with_two_queries(database: Database) -> None:
    for number in range(60):
        add(database, f"t{number}", "success" if number % 2 else "failed", number, status="finished")
    queries: list[str] = []
    event.listen(database.get_bind(), "before_cursor_execute", lambda *args: queries.append(args[2]))
    rows, total = instances.recent(database, {"shop"}, dag_id="shop", state="success", offset=10, limit=10)
    assert names(rows) == [f"t{number}" for number in range(21, 41, 2)]
    assert total == 30
    assert len(queries) == 2
    assert instances.recent(database, {"shop"}, dag_id="payroll", state="", offset=0, limit=10) == ([], 0)


def test_costs_are_added_up_for_a_day_a_week_and_a_month(database: Database) -> None:
    day = 24 * 60
    for task_id, days, cost in (("a", 0.5, 1.0), ("b", 3, 0.5), ("c", 20, 0.25), ("d", 40, 100.0), ("e", 0.1, None)):
        add(database, task_id, "success", days * day, cost=cost)
    add(database, "f", "success", 1, dag_id="payroll", cost=7.0)
    add(database, "g", "success", 1, dag_id="for others", cost=7.0)
    costs = instances.costs(database, {"shop", "payroll"}, now=NOW, limit=10)
    assert [(each.dag_id, each.day, each.week, each.month) for each in costs] == [
        ("payroll", 7.0, 7.0, 7.0),
        ("shop", 1.0, 1.5, 1.75),
    ]


def test_task_instances_of_one_session_are_found_in_their_order(database: Database) -> None:
    add(database, "second", "success", 5, session_id="s")
    add(database, "first", "success", 9, session_id="s")
    add(database, "alone", "success", 7, session_id="other")
    found = instances.find(database, "shop", "r", "second", -1)
    assert found
    assert names(instances.in_same_session(database, found)) == ["first", "second"]
    assert instances.find(database, "shop", "r", "second", 0) is None


def test_an_xcom_of_the_same_name_that_others_have_made_is_no_browser(database: Database) -> None:
    add(database, "of others", "success", 1, status="finished")
    database.execute(update(XComModel).values(value="theirs"))
    [row], _ = instances.recent(database, {"shop"}, dag_id="", state="", offset=0, limit=25)
    assert row.record is None
    newer = {"conn_id": "c", "task_id": "t", "session_id": None, "of_a_newer_version": 1}
    assert PageRecord.from_xcom(newer) == PageRecord("c", "t", None)


def record_of(server: FakeServer, prompt: str) -> PageRecord:
    with BrowserUseClient(API_KEY, server.url) as client:
        created = client.create_task(prompt)
    return PageRecord("browser_use_default", created.id, created.session_id)


def test_the_service_is_asked_once_however_many_look(server: FakeServer) -> None:
    record = record_of(server, "forever")
    before = server.counted("GET", "/tasks/.*")

    async def many() -> list[Look]:
        return await asyncio.gather(*(look(record) for _ in range(20)))

    looks = asyncio.run(many())
    assert {found.session.live_url for found in looks if found.session} == {f"http://live.test/{record.session_id}"}
    assert server.counted("GET", "/tasks/.*") == before + 1


def test_one_who_leaves_takes_the_answer_from_nobody_else(server: FakeServer) -> None:
    record = record_of(server, "forever")

    async def one_leaves() -> Look:
        leaving = asyncio.create_task(look(record))
        staying = asyncio.create_task(look(record))
        await asyncio.sleep(0)
        leaving.cancel()
        return await staying

    assert asyncio.run(one_leaves()).task


def test_a_service_that_does_not_answer_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/api/v2"
        connection = {"conn_type": "browser_use", "host": url, "password": API_KEY}
        monkeypatch.setenv("AIRFLOW_CONN_SILENT", json.dumps(connection))
        record = PageRecord("silent", "t", "s")
        found = asyncio.run(look_at_all([record], seconds=0.2))[record]
    assert found.problem == f"{url} did not answer within 0.2 seconds."


@pytest.mark.usefixtures("server")
def test_a_connection_that_is_not_there_and_a_task_that_is_gone_are_told_in_a_sentence() -> None:
    missing = asyncio.run(look(PageRecord("no_such_connection", "t", "s")))
    assert "no_such_connection" in str(missing.problem)
    gone = asyncio.run(look_at_all([PageRecord("browser_use_default", str(uuid4()), None)], seconds=20))
    assert "404" in str(next(iter(gone.values())).problem)


@pytest.fixture
def store() -> Iterator[str]:
    """A store of pictures that tells on whoever comes with an API key."""

    class Store(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            kind, size = self.path.strip("/").split(",")
            assert "X-Browser-Use-API-Key" not in self.headers
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.end_headers()
            self.wfile.write(b"x" * int(size))

        def log_message(self, *args: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Store) as store:
        threading.Thread(target=store.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{store.server_address[1]}"
        store.shutdown()


@pytest.mark.parametrize(
    ("path", "picture"),
    [
        ("/image/png,3", (b"xxx", "image/png")),
        ("/text/html,3", None),
        (f"/image/png,{MAX_PICTURE_BYTES + 1}", None),
        (":1/image/png,3", None),
    ],
    ids=["a picture", "a page", "too large", "not a URL"],
)
def test_pictures_come_from_their_store_without_the_key_and_nothing_else_does(
    server: FakeServer, store: str, path: str, picture: tuple[bytes, str] | None
) -> None:
    record = record_of(server, f"pictured at {store}{path}")

    async def first_and_seventh() -> list[Any]:
        return [await picture_of_step(record, number) for number in (1, 7)]

    assert asyncio.run(first_and_seventh()) == [picture, None]


@pytest.mark.parametrize("url", ["file:///etc/passwd", "http://127.0.0.1:9/a.png"])
def test_a_picture_that_cannot_be_had_is_none(server: FakeServer, url: str) -> None:
    assert asyncio.run(picture_of_step(record_of(server, f"pictured at {url}"), 1)) is None


def page_of(state: str, record: PageRecord | None) -> str:
    """The page of a task instance, without the tags."""
    instance = instances.BrowserInstance("shop", "r", "read", -1, state, NOW, None, record)
    values = asyncio.run(task_page.fill(task_page.Known(instance, [], None)))
    return templates.get_template("task.html").render(base="/browser-use", airflow="", **values)


def test_after_a_failure_of_which_there_is_no_picture_the_recording_is_shown(server: FakeServer) -> None:
    server.api.show_recordings_at("http://recording.test/{session_id}")
    html = page_of("failed", record_of(server, "fail"))
    assert "The task failed." in html
    assert 'title="The recording"' in html


@pytest.mark.usefixtures("server")
def test_a_task_that_failed_before_it_had_a_browser_refers_to_its_log() -> None:
    html = page_of("failed", None)
    assert "The task instance is failed: its log says why." in html
    assert "This task instance has had no browser." in html
    assert "data-refresh" not in html


def test_what_the_service_has_forgotten_is_told_from_what_the_task_has_written_down(server: FakeServer) -> None:
    record = PageRecord("browser_use_default", str(uuid4()), None, "finished", 3, 0.25)
    html = page_of("success", record)
    assert "The browser service could not be asked." in html
    assert "finished" in html
    assert "$0.25" in html
    assert server.counted("GET", f"/tasks/{record.task_id}") == 1


def test_what_a_task_returned_is_shown_also_where_its_agent_does_not_say_whether_it_succeeded() -> None:
    task = Task(id="t", status="finished", session_id="s", output="seven", is_success=None)
    instance = instances.BrowserInstance("shop", "r", "read", -1, "success", NOW, None, None)
    values = task_page.values_of(task_page.Known(instance, [], None), Look(task))
    assert values["output"] == Output(text="seven")
    assert values["status"] == "finished"


def test_a_task_that_only_starts_a_session_has_a_page_with_its_live_browser(server: FakeServer) -> None:
    with BrowserUseClient(API_KEY, server.url) as client:
        started = client.start_session()
    html = page_of("success", PageRecord("browser_use_default", None, started.id))
    assert 'title="The live browser"' in html
    assert started.id in html


def session(**shown: Any) -> Look:
    return Look(Task(id="t", status="started", session_id="s"), Session(id="s", **{"status": "active", **shown}))


@pytest.mark.parametrize(
    ("look", "view"),
    [
        (
            session(live_url="https://live.test/?wss=1"),
            BrowserView("live", "https://live.test/?wss=1", "https://live.test"),
        ),
        (session(status="stopped", live_url="https://live.test/"), None),
        (
            session(status="stopped", recording_url="https://store.test:8443/a.mp4?x=1"),
            BrowserView("recording", "https://store.test:8443/a.mp4?x=1", "https://store.test:8443"),
        ),
        (session(live_url="javascript:alert(1)"), None),
        (session(live_url="https://live.test; script-src */"), None),
        (session(live_url="https://a@live.test/"), BrowserView("live", "https://a@live.test/", "https://live.test")),
        (session(), None),
        (Look(), None),
    ],
)
def test_what_can_be_seen_in_a_frame_and_from_where_it_may_load(look: Look, view: BrowserView | None) -> None:
    assert view_of(look) == view
    if view:
        assert f"frame-src {view.origin};" in policy_of_view(view)


@pytest.mark.parametrize(
    ("value", "table"),
    [
        ([{"a": 1, "b": None}, {"b": "x", "c": [1]}], Table(("a", "b", "c"), (("1", "", ""), ("", "x", "[1]")))),
        ({"orders": [{"n": 1}]}, Table(("n",), (("1",),), "orders")),
        ('{"carrier": "UPS", "on_time": true}', Table(("", ""), (("carrier", "UPS"), ("on_time", "true")))),
        ([{"n": n} for n in range(203)], Table(("n",), tuple((str(n),) for n in range(200)), left_out=3)),
    ],
)
def test_an_output_that_is_a_table_is_shown_as_one(value: Any, table: Table) -> None:
    assert output_from(value) == Output(table)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("done", "done"),
        ("{no json", "{no json"),
        ([1, 2], "[\n  1,\n  2\n]"),
        ({"a": {"b": 1}}, '{\n  "a": {\n    "b": 1\n  }\n}'),
        (False, "false"),
    ],
)
def test_any_other_output_is_shown_as_text(value: Any, text: str) -> None:
    assert output_from(value) == Output(text=text)


@pytest.mark.parametrize("value", [None, ""])
def test_without_an_output_there_is_nothing_to_show(value: Any) -> None:
    assert output_from(value) is None


def test_what_a_page_says_is_escaped_in_templates() -> None:
    assert templates.from_string("{{ x }}").render(x="<script>") == "&lt;script&gt;"


@pytest.mark.parametrize(("url", "is_link"), [("https://shop.test/", True), ("javascript:alert(1)", False)])
def test_only_urls_of_the_web_are_links(url: str, *, is_link: bool) -> None:
    macros = "{% from 'macros.html' import outside %}{{ outside(url, 'open') }}"
    assert ("<a href" in templates.from_string(macros).render(url=url)) is is_link


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 s"), (59.9, "59 s"), (61, "1 min 1 s"), (3725, "1 h 2 min"), (90_000, "1 d 1 h"), (-3, "0 s")],
)
def test_durations_are_told_in_their_two_largest_units(seconds: float, text: str) -> None:
    assert duration(timedelta(seconds=seconds)) == text


@pytest.mark.parametrize(
    ("amount", "text"), [(None, ""), (0, "$0.00"), (0.05, "$0.05"), (0.0123, "$0.0123"), (1234.5, "$1,234.50")]
)
def test_costs_are_told_to_the_cent_or_finer_where_they_are_small(amount: float | None, text: str) -> None:
    assert dollars(amount) == text
