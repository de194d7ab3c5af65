"""The examples: each is read without a warning, and run in a real Airflow with the local server and its demo shop.

In two acts: on v2, and on v4 once the connections of the same Airflow lead there. Of two runs of an example that are
the same on both, one is in each act; `make demo` runs `shop_orders` on v4. The tests stand in the order of the acts.
"""

from __future__ import annotations

import contextlib
import runpy
import sqlite3
from collections.abc import Iterator
from datetime import datetime
from functools import partial
from pathlib import Path

import pytest
from airflow.providers.common.compat.version_compat import AIRFLOW_V_3_0_PLUS, AIRFLOW_V_3_1_PLUS

from tests.local.person import Person

from .running_airflow import WAITS_FOR_A_PERSON, Run
from .theatre import EXAMPLES, RECEIPT, Theatre

NEEDS = {
    "watch_open_orders": AIRFLOW_V_3_0_PLUS,
    "close_idle_sessions": AIRFLOW_V_3_0_PLUS,
    "approve_return": AIRFLOW_V_3_1_PLUS,
    "stay_signed_in": AIRFLOW_V_3_1_PLUS,
    "what_changed": AIRFLOW_V_3_0_PLUS,
}
OPEN_ORDERS = ["A-1004", "A-1005", "A-1007", "A-1009"]
DEAREST = {"carrier": "UPS", "tracking_number": "1Z999AA10123456799", "expected_date": "2026-11-28"}


@pytest.mark.parametrize("name", [path.stem for path in sorted(EXAMPLES.glob("*.py"))])
def test_an_example_is_read_without_a_warning(name: str) -> None:
    if not NEEDS.get(name, True):
        pytest.skip("it needs a newer Airflow, as it says")
    runpy.run_path(str(EXAMPLES / f"{name}.py"))


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.py")), ids=lambda path: path.stem)
def test_an_example_is_in_the_table_of_the_page(path: Path) -> None:
    page = (EXAMPLES.parents[1] / "docs" / "airflow.md").read_text()
    assert f"\n| [{path.name}](../examples/airflow/{path.name}) |" in page


@pytest.fixture(scope="module")
def theatre(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Theatre]:
    if not AIRFLOW_V_3_1_PLUS:
        pytest.skip("one of the examples needs Airflow 3.1")
    theatre = Theatre(tmp_path_factory.mktemp("examples"))
    try:
        theatre.open()
        yield theatre
    finally:
        theatre.close()


@pytest.fixture(scope="module")
def runs(theatre: Theatre) -> dict[str, Run]:
    """All of them at once. Those with a schedule are due since yesterday, and so started already."""
    run = theatre.airflow.run
    receipt = str(theatre.receipt)
    scheduled = ("shop_orders", "store_orders", "read_open_orders", "watch_orders", "stay_signed_in")
    return {
        **{name: theatre.first_run(name) for name in scheduled},
        # After the one by schedule.
        "nothing new": run("watch_orders", status="Open"),
        "signed in": run("stay_signed_in"),
        "approve_return": run("approve_return", receipt=receipt),
        "return_order": run("return_order", receipt=receipt, folder=str(theatre.downloads)),
        "check_dear_orders": run("check_dear_orders", limit=400),
        "alert_with_picture": run("alert_with_picture", order="A-9999"),
    }


def test_follow_ups_work_in_one_session(runs: dict[str, Run]) -> None:
    run = runs["shop_orders"]
    assert run.wait(seconds=300) == "success"
    tasks = ("log_in", "read_orders", "report_shipping")
    assert len({run.xcom(task, "session_id") for task in tasks}) == 1
    assert run.xcom("report_shipping")["output"] == DEAREST


def test_each_missed_day_gets_a_run_of_its_own_and_each_row_is_there_once(theatre: Theatre) -> None:
    runs = theatre.first_runs("catch_up", 4)
    assert {run.wait(seconds=300) for run in runs} == {"success"}
    runs[0].clear("store")
    assert runs[0].wait(seconds=300) == "success"
    with contextlib.closing(sqlite3.connect(theatre.database)) as database:
        found = database.execute("SELECT number, placed FROM daily ORDER BY number").fetchall()
    assert found == [("A-1009", "2026-11-16"), ("A-1010", "2026-11-19")]


def test_where_nothing_is_new_a_run_ends_quietly(runs: dict[str, Run]) -> None:
    for name in ("watch_orders", "nothing new"):
        assert runs[name].wait(seconds=300) == "success"
        assert runs[name].instance("publish")["state"] == "skipped"


def test_who_signed_in_once_stays_signed_in(runs: dict[str, Run]) -> None:
    found = {}
    for name in ("stay_signed_in", "signed in"):
        assert runs[name].wait(seconds=300) == "success"
        assert len(runs[name].xcom("store")) == 10
        found[name] = runs[name].instance("sign_in")["state"]
    assert found == {"stay_signed_in": "success", "signed in": "skipped"}


@pytest.fixture(scope="module")
def signed_out(theatre: Theatre, runs: dict[str, Run]) -> Run:
    """A run that finds itself signed out, in which the person who is asked does not sign in."""
    runs["signed in"].wait(seconds=300)
    theatre.sign_out("shop")
    run = theatre.airflow.run("stay_signed_in", by_hand=True)
    run.answer("by_hand.ask", "Reject")
    return run


def test_a_run_in_which_nobody_signed_in_fails_and_its_browser_is_closed(theatre: Theatre, signed_out: Run) -> None:
    assert signed_out.wait(seconds=300) == "failed"
    assert "Nobody is signed in" in signed_out.log("store")
    assert theatre.session(signed_out.xcom("by_hand.open_page", "session_id"))["status"] == "stopped"


def test_an_alert_says_what_failed_and_has_the_picture_of_the_last_page(theatre: Theatre, runs: dict[str, Run]) -> None:
    run = runs["alert_with_picture"]
    assert run.wait(seconds=300) == "failed"
    [message] = theatre.mailbox.messages
    assert message["Subject"] == "look_up of alert_with_picture failed"
    text, picture = message.iter_parts()
    assert run.xcom("look_up", "task_id") in text.get_content()
    assert picture.get_content_maintype() == "image"
    assert len(picture.get_content()) > 1000


def test_open_telemetry_has_the_metrics_of_workers_and_triggerer(theatre: Theatre, runs: dict[str, Run]) -> None:
    """Airflow's own exporter, and a collector that can be reached: nothing else is needed."""
    assert runs["shop_orders"].wait(seconds=300) == "success"
    names = ("created", "ended.finished")
    for task_id in ("log_in", "read_orders", "report_shipping"):
        tags = {"dag_id": "shop_orders", "task_id": task_id}
        ended = partial(theatre.collector.sum, "browser_use.task.ended.finished", **tags)
        theatre.airflow.until(f"the worker of {task_id} tells of it as it ends", ended)
        counts = {name: theatre.collector.sum(f"browser_use.task.{name}", **tags) for name in names}
        assert counts == dict.fromkeys(names, 1)
        assert theatre.collector.sum("browser_use.task.duration", **tags) > 0  # below 3.3 its milliseconds
        assert theatre.collector.sum("browser_use.task.steps", **tags) >= 1
    theatre.airflow.until(
        "the triggerer tells of its requests",
        lambda: theatre.collector.sum("browser_use.requests", browser_use_conn_id="browser_use_default"),
    )


def test_the_session_of_a_group_is_stopped_also_where_the_rest_is_skipped(
    theatre: Theatre, runs: dict[str, Run]
) -> None:
    run = runs["check_dear_orders"]
    assert run.wait(seconds=300) == "success"
    assert run.instance("shop.open_dearest")["state"] == "skipped"
    assert theatre.session(run.xcom("shop.start", "session_id"))["status"] == "stopped"


def test_structured_output_becomes_rows_of_a_table_once(theatre: Theatre, runs: dict[str, Run]) -> None:
    assert runs["store_orders"].wait(seconds=300) == "success"
    runs["store_orders"].clear("store")
    assert runs["store_orders"].wait(seconds=300) == "success"
    with contextlib.closing(sqlite3.connect(theatre.database)) as database:
        assert database.execute("SELECT count(*) FROM orders").fetchone() == (10,)
        found = database.execute("SELECT * FROM orders WHERE number = 'A-1007'").fetchone()
    assert found == ("A-1007", "Margaret Hamilton", "2026-11-10", "open", 310.25)


def test_the_asset_starts_the_second_dag_with_what_the_browser_read(theatre: Theatre, runs: dict[str, Run]) -> None:
    assert runs["read_open_orders"].wait(seconds=300) == "success"
    assert_sums_open_orders(theatre.first_run("sum_open_orders"))


def assert_sums_open_orders(run: Run) -> None:
    assert run.id.startswith("asset_triggered__")
    assert run.wait() == "success"
    assert run.xcom("total") == pytest.approx(18.90 + 149.99 + 310.25 + 42.00)


def test_a_file_goes_into_the_form_and_another_one_comes_out(theatre: Theatre, runs: dict[str, Run]) -> None:
    assert_returns_order(runs["return_order"], theatre.receipt.name, theatre.downloads)


def assert_returns_order(run: Run, receipt: str, downloads: Path) -> None:
    assert run.wait(seconds=300) == "success"
    assert run.xcom("send_return")["output"] == f"Receipt: {receipt}\nReceipt size: {len(RECEIPT)} bytes"
    lines = (downloads / "orders.csv").read_text().splitlines()
    assert lines[0] == "number,customer,placed,status,amount"
    assert len(lines) == 11


@pytest.fixture(scope="module")
def rejected(runs: dict[str, Run]) -> Run:
    """The run that asks a person, answered once it waits."""
    runs["approve_return"].answer("shop.approve", "Reject")
    return runs["approve_return"]


def test_a_form_is_not_sent_if_a_person_rejects_it_and_the_browser_is_closed(theatre: Theatre, rejected: Run) -> None:
    assert rejected.wait(seconds=300) == "success"
    assert rejected.instance("shop.send")["state"] == "skipped"
    session = theatre.session(rejected.xcom("shop.start", "session_id"))
    assert session["status"] == "stopped"
    assert len(session["tasks"]) == 1


def test_a_session_that_an_ended_run_left_open_is_closed_and_one_of_somebody_else_is_not(
    theatre: Theatre, runs: dict[str, Run]
) -> None:
    ended = runs["shop_orders"]
    ended.wait(seconds=300)
    left, other = (theatre.server.http.post("/sessions", json={}).raise_for_status().json()["id"] for _ in range(2))
    instance = f"airflow/shop_orders/{ended.id}/0.000/log_in/-1"
    metadata = {"idempotency_key": f"{instance}/0.0+own/1"}
    task = {"task": f"Open {theatre.server.site}/shop/.", "sessionId": left, "metadata": metadata}
    task_id = theatre.server.http.post("/tasks", json=task).raise_for_status().json()["id"]
    theatre.airflow.until("it ends", lambda: theatre.server.http.get(f"/tasks/{task_id}").json()["finishedAt"])
    run = theatre.airflow.run("close_idle_sessions")
    assert run.wait(seconds=300) == "success"
    assert run.xcom("close") == [f"{left} of {ended.id} of shop_orders"]
    assert theatre.session(left)["status"] == "stopped"
    assert theatre.session(other)["status"] == "active"


@pytest.fixture(scope="module")
def on_v4(theatre: Theatre, runs: dict[str, Run], rejected: Run, signed_out: Run) -> dict[str, Run]:
    """The second act, once the first has ended: all of them at once."""
    *_, missed_day = theatre.first_runs("catch_up", 4)
    for first in (*runs.values(), rejected, signed_out, *theatre.first_runs("sum_open_orders", 1), missed_day):
        first.wait(seconds=300)
    theatre.connect("v4", domain="127.0.0.1")
    with contextlib.closing(sqlite3.connect(theatre.database)) as database, database:
        database.executescript("DELETE FROM orders; DELETE FROM daily")
    missed_day.clear("read_day", "store")
    run = theatre.airflow.run
    receipt = str(theatre.receipt)
    return {
        "catch_up": missed_day,
        "by hand": run("stay_signed_in", by_hand=True),
        "signed in": run("stay_signed_in"),
        "something new": run("watch_orders", status="Cancelled"),
        "approve_return": run("approve_return", receipt=receipt),
        "return_order": run("return_order", receipt=receipt, folder=str(theatre.downloads_on_v4)),
        "alert_with_picture": run("alert_with_picture", order="A-9999"),
        "track_shipments": run("track_shipments", also=["A-9999"]),
        **{name: run(name) for name in ("store_orders", "read_open_orders", "check_dear_orders")},
    }


def test_on_v4_a_person_signs_in_with_a_second_factor_and_the_next_run_is_signed_in_too(
    theatre: Theatre, on_v4: dict[str, Run]
) -> None:
    run = on_v4["by hand"]
    theatre.airflow.until("it asks", lambda: run.instance("by_hand.ask")["state"] in WAITS_FOR_A_PERSON, seconds=300)
    session_id = run.xcom("by_hand.open_page", "session_id")
    [browser_id] = theatre.open_browsers(session_id)
    Person(theatre.server, browser_id).sign_in()
    run.answer("by_hand.ask", "Approve")
    assert run.wait(seconds=300) == "success"
    assert len(run.xcom("store")) == 10
    assert run.xcom("by_hand.read_again", "session_id") == session_id
    assert theatre.open_browsers(session_id) == []
    assert on_v4["signed in"].wait(seconds=300) == "success"
    assert on_v4["signed in"].instance("sign_in")["state"] == "skipped"


def test_on_v4_a_form_is_sent_if_a_person_approves_and_the_browser_is_closed(
    theatre: Theatre, on_v4: dict[str, Run]
) -> None:
    run = on_v4["approve_return"]
    run.answer("shop.approve", "Approve")
    assert run.wait(seconds=300) == "success"
    assert '"Return received"' in run.xcom("shop.send")["output"]
    assert theatre.open_browsers(run.xcom("shop.send", "session_id")) == []


def test_on_v4_something_new_starts_the_second_dag(theatre: Theatre, on_v4: dict[str, Run]) -> None:
    assert on_v4["something new"].wait(seconds=300) == "success"
    [told] = theatre.first_runs("tell_new_orders", 1)
    assert told.wait(seconds=300) == "success"
    assert told.xcom("message").splitlines() == [
        "2 new orders",
        "A-1003: Ada Lovelace, 1250.00",
        "A-1010: Ken Thompson, 27.80",
    ]


def test_on_v4_each_order_has_a_task_and_there_are_no_more_browsers_than_the_pool_has_slots(
    theatre: Theatre, on_v4: dict[str, Run]
) -> None:
    run = on_v4["track_shipments"]
    run.wait(seconds=300)
    indexes = range(len(OPEN_ORDERS))
    assert [run.instance("track", index)["rendered_map_index"] for index in indexes] == OPEN_ORDERS
    assert run.xcom("track", map_index=2)["output"] == DEAREST
    assert run.xcom("next_to_arrive")["tracking_number"] == "JD014600003917"
    browsers = [one for index in indexes for one in theatre.browsers(run.xcom("track", "session_id", index))]
    assert [browser["status"] for browser in browsers] == ["stopped"] * len(OPEN_ORDERS)
    spans = [(moment(browser["startedAt"]), moment(browser["finishedAt"])) for browser in browsers]
    assert max(sum(start <= other < end for start, end in spans) for other, _ in spans) <= 2


def test_on_v4_an_order_that_cannot_be_looked_up_does_not_lose_the_others_and_the_run_fails(
    on_v4: dict[str, Run],
) -> None:
    run = on_v4["track_shipments"]
    assert run.wait(seconds=300) == "failed"
    summary = run.xcom("next_to_arrive")
    assert (summary["found"], summary["missing"]) == (len(OPEN_ORDERS), 1)


def test_on_v4_the_tasks_of_a_group_share_the_session_that_the_first_of_them_begins(
    theatre: Theatre, on_v4: dict[str, Run]
) -> None:
    run = on_v4["check_dear_orders"]
    assert run.wait(seconds=300) == "success"
    [session_id] = {run.xcom(f"shop.{task}", "session_id") for task in ("log_in", "read_orders", "open_dearest")}
    assert theatre.open_browsers(session_id) == []


def test_on_v4_structured_output_becomes_rows_and_so_does_a_missed_day(theatre: Theatre, on_v4: dict[str, Run]) -> None:
    assert {on_v4[name].wait(seconds=300) for name in ("store_orders", "catch_up")} == {"success"}
    with contextlib.closing(sqlite3.connect(theatre.database)) as database:
        assert database.execute("SELECT count(*) FROM orders").fetchone() == (10,)
        assert database.execute("SELECT number, placed FROM daily").fetchall() == [("A-1010", "2026-11-19")]


def test_on_v4_the_asset_starts_the_second_dag(theatre: Theatre, on_v4: dict[str, Run]) -> None:
    assert on_v4["read_open_orders"].wait(seconds=300) == "success"
    assert_sums_open_orders(theatre.first_runs("sum_open_orders", 2)[1])


def test_on_v4_a_file_goes_into_the_form_and_another_one_comes_out(theatre: Theatre, on_v4: dict[str, Run]) -> None:
    assert_returns_order(on_v4["return_order"], theatre.receipt.name, theatre.downloads_on_v4)


def test_on_v4_an_alert_is_text_since_there_are_no_pictures(theatre: Theatre, on_v4: dict[str, Run]) -> None:
    run = on_v4["alert_with_picture"]
    assert run.wait(seconds=300) == "failed"
    message = theatre.mailbox.messages[-1]
    assert message["Subject"] == "look_up of alert_with_picture failed"
    assert run.xcom("look_up", "task_id") in message.get_content()


def test_on_v4_idle_sessions_are_not_told_apart_so_a_sweep_leaves_them_open(
    theatre: Theatre, on_v4: dict[str, Run]
) -> None:
    on_v4["store_orders"].wait(seconds=300)
    left = theatre.server.run_v4(f"Open {theatre.server.site}/shop/.", keepAlive=600)["sessionId"]
    run = theatre.airflow.run("close_idle_sessions")
    assert run.wait(seconds=300) == "success"
    assert run.xcom("close") == []
    assert len(theatre.open_browsers(left)) == 1


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))
