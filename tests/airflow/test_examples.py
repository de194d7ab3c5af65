"""The examples: each is read without a warning, and run in a real Airflow with the local server and its demo shop."""

from __future__ import annotations

import contextlib
import runpy
import sqlite3
import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from airflow.providers.common.compat.version_compat import AIRFLOW_V_3_0_PLUS, AIRFLOW_V_3_1_PLUS

from tests.local.person import Person
from tests.local.running_server import KEY, PASSWORD, USER, LocalServer
from tests.mailbox import Mailbox

from .otlp_collector import OtlpCollector
from .running_airflow import WAITS_FOR_A_PERSON, Run, RunningAirflow

EXAMPLES = Path(__file__).parents[2] / "examples" / "airflow"
# The environment of the local server is beside that of Airflow.
PYTHON = Path(sys.prefix).parent / "client" / "bin" / "python"
NEEDS = {
    "watch_open_orders": AIRFLOW_V_3_0_PLUS,
    "close_idle_sessions": AIRFLOW_V_3_0_PLUS,
    "approve_return": AIRFLOW_V_3_1_PLUS,
    "stay_signed_in": AIRFLOW_V_3_1_PLUS,
    "what_changed": AIRFLOW_V_3_0_PLUS,
}
# Files that hold two DAGs, by other names than theirs.
DAGS_OF = {
    "watch_open_orders": {"read_open_orders", "sum_open_orders"},
    "what_changed": {"watch_orders", "tell_new_orders"},
}
OPEN_ORDERS = ["A-1004", "A-1005", "A-1007", "A-1009"]
RECEIPT = b"%PDF-1.4 a receipt"
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


class Theatre:
    """A running Airflow with the examples, and the local server that they work on."""

    def __init__(self, folder: Path) -> None:
        self.database = folder / "shop.db"
        self.downloads = folder / "downloads"
        self.receipt = folder / "receipt.pdf"
        self.receipt.write_bytes(RECEIPT)
        self.server = LocalServer(folder / "local", "--demo-site", "--max-sessions", "10", python=PYTHON)
        self.mailbox = Mailbox()
        self.collector = OtlpCollector()
        shop = {"conn_type": "http", "host": f"{self.server.site}/shop/", "login": USER, "password": PASSWORD}
        self.airflow = RunningAirflow(
            folder,
            {
                "browser_use_default": {"conn_type": "browser_use", "host": self.server.url, "password": KEY},
                "shop": shop,
                "shop_db": {"conn_type": "sqlite", "host": str(self.database)},
                "mail": {"conn_type": "smtp", "host": "127.0.0.1", "port": self.mailbox.port},
            },
            EXAMPLES,
            {**self.collector.settings, "dag_processor.min_file_process_interval": 3600},  # they do not change
        )
        # A scheduler that gets no processor can take a task that has resumed for one that died, and has it tried again.
        self.airflow.environment |= {
            "AIRFLOW__CORE__PARALLELISM": "4",
            "AIRFLOW__CORE__DEFAULT_TASK_RETRY_DELAY": "1",
            **self.collector.environment,
        }

    def open(self) -> None:
        self.airflow.start(set().union(*(DAGS_OF.get(path.stem, {path.stem}) for path in EXAMPLES.glob("*.py"))))
        for name, slots in (("browser_use", 2), ("profile_shop", 1)):
            self.airflow.add_pool(name, slots)

    def close(self) -> None:
        self.airflow.stop()
        self.server.end()
        self.mailbox.close()
        self.collector.close()

    def first_run(self, dag_id: str) -> Run:
        """The run that a schedule or an asset starts."""
        return self.first_runs(dag_id, 1)[0]

    def first_runs(self, dag_id: str, number: int) -> list[Run]:
        """All runs of a DAG, in order, once there are so many."""
        path = f"/api/v2/dags/{dag_id}/dagRuns"

        def found() -> list[dict[str, Any]]:
            runs: list[dict[str, Any]] = self.airflow.get(path, order_by="id")["dag_runs"]
            return runs if len(runs) >= number else []

        runs = self.airflow.until(f"{number} runs of {dag_id}", found, seconds=400)
        return [Run(self.airflow, dag_id, run["dag_run_id"]) for run in runs]

    def sign_out(self, profile: str) -> None:
        """As when the shop ends a sign-in: the browser of a profile is signed in no more."""
        profiles = self.server.http.get("/profiles").raise_for_status().json()["items"]
        [profile_id] = [each["id"] for each in profiles if each["name"] == profile]
        task = f"Open {self.server.site}/shop/sign-out and report the heading."
        assert self.server.run(task, sessionSettings={"profileId": profile_id})["isSuccess"]

    def session(self, session_id: str) -> dict[str, Any]:
        session: dict[str, Any] = self.server.http.get(f"/sessions/{session_id}").raise_for_status().json()
        return session


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
        # After the one by schedule, and one after the other.
        "nothing new": run("watch_orders", status="Open"),
        "something new": run("watch_orders", status="Cancelled"),
        "signed in": run("stay_signed_in"),
        "Approve": run("approve_return", receipt=receipt),
        "Reject": run("approve_return", receipt=receipt),
        "return_order": run("return_order", receipt=receipt, folder=str(theatre.downloads)),
        "track_shipments": run("track_shipments", also=["A-9999"]),
        "check_dear_orders": run("check_dear_orders"),
        "nothing above the limit": run("check_dear_orders", limit=400),
        "alert_with_picture": run("alert_with_picture", order="A-9999"),
    }


def test_follow_ups_work_in_one_session(runs: dict[str, Run]) -> None:
    run = runs["shop_orders"]
    assert run.wait(seconds=300) == "success"
    tasks = ("log_in", "read_orders", "report_shipping")
    assert len({run.xcom(task, "session_id") for task in tasks}) == 1
    assert run.xcom("report_shipping")["output"] == DEAREST


def test_one_task_for_each_order_and_no_more_browsers_than_the_pool_has_slots(
    theatre: Theatre, runs: dict[str, Run]
) -> None:
    run = runs["track_shipments"]
    run.wait(seconds=300)
    indexes = range(len(OPEN_ORDERS))
    assert [run.instance("track", index)["rendered_map_index"] for index in indexes] == OPEN_ORDERS
    assert run.xcom("track", map_index=2)["output"] == DEAREST
    assert run.xcom("next_to_arrive")["tracking_number"] == "JD014600003917"
    sessions = [theatre.session(run.xcom("track", "session_id", index)) for index in indexes]
    spans = [(moment(session["startedAt"]), moment(session["finishedAt"])) for session in sessions]
    assert max(sum(start <= other < end for start, end in spans) for other, _ in spans) <= 2


def test_an_order_that_cannot_be_looked_up_does_not_lose_the_others_and_the_run_fails(runs: dict[str, Run]) -> None:
    run = runs["track_shipments"]
    assert run.wait(seconds=300) == "failed"
    summary = run.xcom("next_to_arrive")
    assert (summary["found"], summary["missing"]) == (len(OPEN_ORDERS), 1)


def test_each_missed_day_gets_a_run_of_its_own_and_each_row_is_there_once(theatre: Theatre) -> None:
    runs = theatre.first_runs("catch_up", 4)
    assert {run.wait(seconds=300) for run in runs} == {"success"}
    runs[0].clear("store")
    assert runs[0].wait(seconds=300) == "success"
    with contextlib.closing(sqlite3.connect(theatre.database)) as database:
        found = database.execute("SELECT number, placed FROM daily ORDER BY number").fetchall()
    assert found == [("A-1009", "2026-11-16"), ("A-1010", "2026-11-19")]


def test_something_new_starts_the_second_dag_and_nothing_new_ends_quietly(
    theatre: Theatre, runs: dict[str, Run]
) -> None:
    found = {}
    for name in ("watch_orders", "nothing new", "something new"):
        assert runs[name].wait(seconds=300) == "success"
        found[name] = runs[name].instance("publish")["state"]
    assert found == {"watch_orders": "skipped", "nothing new": "skipped", "something new": "success"}

    [told] = theatre.first_runs("tell_new_orders", 1)
    assert told.wait(seconds=300) == "success"
    assert told.xcom("message").splitlines() == [
        "2 new orders",
        "A-1003: Ada Lovelace, 1250.00",
        "A-1010: Ken Thompson, 27.80",
    ]


def test_who_signed_in_once_stays_signed_in(runs: dict[str, Run]) -> None:
    found = {}
    for name in ("stay_signed_in", "signed in"):
        assert runs[name].wait(seconds=300) == "success"
        assert len(runs[name].xcom("store")) == 10
        found[name] = runs[name].instance("sign_in")["state"]
    assert found == {"stay_signed_in": "success", "signed in": "skipped"}


@pytest.fixture(scope="module")
def signed_out(theatre: Theatre, runs: dict[str, Run]) -> dict[str, Run]:
    """Two runs, one after the other, that find themselves signed out."""
    runs["signed in"].wait(seconds=300)
    theatre.sign_out("shop")
    return {answer: theatre.airflow.run("stay_signed_in", by_hand=True) for answer in ("Reject", "Approve")}


def test_a_run_in_which_nobody_signed_in_fails_and_its_browser_is_closed(
    theatre: Theatre, signed_out: dict[str, Run]
) -> None:
    run = signed_out["Reject"]
    run.answer("by_hand.ask", "Reject")
    assert run.wait(seconds=300) == "failed"
    assert "Nobody is signed in" in run.log("store")
    assert theatre.session(run.xcom("by_hand.open_page", "session_id"))["status"] == "stopped"


def test_a_person_signs_in_with_a_second_factor_and_the_run_reads_on_in_that_browser(
    theatre: Theatre, runs: dict[str, Run], signed_out: dict[str, Run]
) -> None:
    run = signed_out["Approve"]
    theatre.airflow.until("it asks", lambda: run.instance("by_hand.ask")["state"] in WAITS_FOR_A_PERSON, seconds=300)
    session_id = run.xcom("by_hand.open_page", "session_id")
    Person(theatre.server, session_id).sign_in()
    run.answer("by_hand.ask", "Approve")
    assert run.wait(seconds=300) == "success"
    assert run.xcom("store") == runs["signed in"].xcom("store")
    assert run.xcom("by_hand.read_again", "session_id") == session_id
    assert theatre.session(session_id)["status"] == "stopped"


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
        counts = {name: theatre.collector.sum(f"browser_use.task.{name}", **tags) for name in names}
        assert counts == dict.fromkeys(names, 1)
        assert theatre.collector.sum("browser_use.task.duration", **tags) > 0  # below 3.3 its milliseconds
        assert theatre.collector.sum("browser_use.task.steps", **tags) >= 1
    theatre.airflow.until(
        "the triggerer tells of its requests",
        lambda: theatre.collector.sum("browser_use.requests", browser_use_conn_id="browser_use_default"),
    )


@pytest.mark.parametrize(("name", "state"), [("check_dear_orders", "success"), ("nothing above the limit", "skipped")])
def test_the_session_of_a_group_is_stopped_also_where_the_rest_is_skipped(
    theatre: Theatre, runs: dict[str, Run], name: str, state: str
) -> None:
    run = runs[name]
    assert run.wait(seconds=300) == "success"
    assert run.instance("shop.open_dearest")["state"] == state
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
    second = theatre.first_run("sum_open_orders")
    assert second.id.startswith("asset_triggered__")
    assert second.wait() == "success"
    assert second.xcom("total") == pytest.approx(18.90 + 149.99 + 310.25 + 42.00)


def test_a_file_goes_into_the_form_and_another_one_comes_out(theatre: Theatre, runs: dict[str, Run]) -> None:
    run = runs["return_order"]
    assert run.wait(seconds=300) == "success"
    assert run.xcom("send_return")["output"] == f"Receipt: {theatre.receipt.name}\nReceipt size: {len(RECEIPT)} bytes"
    lines = (theatre.downloads / "orders.csv").read_text().splitlines()
    assert lines[0] == "number,customer,placed,status,amount"
    assert len(lines) == 11


@pytest.fixture(scope="module")
def decided(runs: dict[str, Run]) -> dict[str, Run]:
    """The two runs that ask a person, answered once they wait."""
    runs = {answer: runs[answer] for answer in ("Approve", "Reject")}
    for answer, run in runs.items():
        run.answer("shop.approve", answer)
    return runs


@pytest.mark.parametrize(("answer", "state"), [("Approve", "success"), ("Reject", "skipped")])
def test_a_form_is_sent_only_if_a_person_approves_and_the_browser_is_closed_either_way(
    theatre: Theatre, decided: dict[str, Run], answer: str, state: str
) -> None:
    run = decided[answer]
    assert run.wait(seconds=300) == "success"
    assert run.instance("shop.send")["state"] == state
    session = theatre.session(run.xcom("shop.start", "session_id"))
    assert session["status"] == "stopped"
    assert len(session["tasks"]) == (2 if answer == "Approve" else 1)


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


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
