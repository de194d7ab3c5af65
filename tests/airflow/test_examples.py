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

from tests.local.running_server import KEY, PASSWORD, USER, LocalServer

from .running_airflow import Run, RunningAirflow

EXAMPLES = Path(__file__).parents[2] / "examples" / "airflow"
# The environment of the local server is beside that of Airflow.
PYTHON = Path(sys.prefix).parent / "client" / "bin" / "python"
NEEDS = {
    "watch_open_orders": AIRFLOW_V_3_0_PLUS,
    "close_idle_sessions": AIRFLOW_V_3_0_PLUS,
    "approve_return": AIRFLOW_V_3_1_PLUS,
}
OPEN_ORDERS = ["A-1004", "A-1005", "A-1007", "A-1009"]
RECEIPT = b"%PDF-1.4 a receipt"
DEAREST = {"carrier": "UPS", "tracking_number": "1Z999AA10123456799", "expected_date": "2026-11-28"}


@pytest.mark.parametrize("name", [path.stem for path in sorted(EXAMPLES.glob("*.py"))])
def test_an_example_is_read_without_a_warning(name: str) -> None:
    if not NEEDS.get(name, True):
        pytest.skip("it needs a newer Airflow, as it says")
    runpy.run_path(str(EXAMPLES / f"{name}.py"))


class Theatre:
    """A running Airflow with the examples, and the local server that they work on."""

    def __init__(self, folder: Path) -> None:
        self.database = folder / "shop.db"
        self.downloads = folder / "downloads"
        self.receipt = folder / "receipt.pdf"
        self.receipt.write_bytes(RECEIPT)
        self.server = LocalServer(folder / "local", "--demo-site", "--max-sessions", "10", python=PYTHON)
        shop = {"conn_type": "http", "host": f"{self.server.site}/shop/", "login": USER, "password": PASSWORD}
        self.airflow = RunningAirflow(
            folder,
            {
                "browser_use_default": {"conn_type": "browser_use", "host": self.server.url, "password": KEY},
                "shop": shop,
                "shop_db": {"conn_type": "sqlite", "host": str(self.database)},
            },
            EXAMPLES,
        )
        # A scheduler that gets no processor can take a task that has resumed for one that died, and has it tried again.
        self.airflow.environment |= {
            "AIRFLOW__CORE__PARALLELISM": "4",
            "AIRFLOW__CORE__DEFAULT_TASK_RETRY_DELAY": "1",
        }

    def open(self) -> None:
        self.airflow.start({path.stem for path in EXAMPLES.glob("*.py")} - {"watch_open_orders"} | {"sum_open_orders"})
        self.airflow._send("POST", "/api/v2/pools", {"name": "browser_use", "slots": 2, "include_deferred": True})

    def close(self) -> None:
        self.airflow.stop()
        self.server.end()

    def first_run(self, dag_id: str) -> Run:
        """The run that a schedule or an asset starts."""
        path = f"/api/v2/dags/{dag_id}/dagRuns"
        found = self.airflow.until(f"{dag_id} runs", lambda: self.airflow.get(path, order_by="id")["dag_runs"])
        return Run(self.airflow, dag_id, found[0]["dag_run_id"])

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
    return {
        "Approve": run("approve_return", receipt=receipt),
        "Reject": run("approve_return", receipt=receipt),
        "return_order": run("return_order", receipt=receipt, folder=str(theatre.downloads)),
        "track_shipments": run("track_shipments"),
        "check_dear_orders": run("check_dear_orders"),
        "nothing above the limit": run("check_dear_orders", limit=400),
        **{name: theatre.first_run(name) for name in ("shop_orders", "store_orders", "read_open_orders")},
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
    assert run.wait(seconds=300) == "success"
    indexes = range(len(OPEN_ORDERS))
    assert [run.instance("track", index)["rendered_map_index"] for index in indexes] == OPEN_ORDERS
    assert run.xcom("track", map_index=2)["output"] == DEAREST
    assert run.xcom("next_to_arrive")["tracking_number"] == "JD014600003917"
    sessions = [theatre.session(run.xcom("track", "session_id", index)) for index in indexes]
    spans = [(moment(session["startedAt"]), moment(session["finishedAt"])) for session in sessions]
    assert max(sum(start <= other < end for start, end in spans) for other, _ in spans) <= 2


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
