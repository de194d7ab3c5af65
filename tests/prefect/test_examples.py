"""The examples, as their files say: real processes, a real Prefect server, and the local server with its shop."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from demo.waiting import until
from tests.local.person import Person
from tests.local.running_server import KEY, PASSWORD, USER, Json, LocalServer
from tests.mailbox import Mailbox

from .running_prefect import ROOT, RunningPrefect

CLIENT_PYTHON = Path(sys.prefix).with_name("client") / "bin" / "python"
"""Of the environment that has the local server."""

EXAMPLES = (
    "many_orders",
    "one_browser",
    "orders_to_database",
    "files_in_and_out",
    "human_input",
    "alert_with_picture",
)
SOME_ORDERS = ["A-1004", "A-1005", "A-9999", "A-1007", "A-1009"]
RECEIPT = b"%PDF-1.4 a receipt"
BROWSERS_AT_ONCE = 2
STALE = ("A-1004", "Nobody", "2020-01-01", "closed", 1.0)


class Examples:
    """All examples, each a process that was started as its file says."""

    def __init__(self, prefect: RunningPrefect, shop: LocalServer, folder: Path) -> None:
        self.prefect = prefect
        self.shop = shop
        self.mailbox = Mailbox()
        self.database = folder / "orders.sqlite3"
        with closing(sqlite3.connect(self.database)) as database, database:
            database.execute("CREATE TABLE orders (number PRIMARY KEY, customer, placed, status, amount)")
            database.execute("INSERT INTO orders VALUES (?, ?, ?, ?, ?)", STALE)
        prefect.post("/v2/concurrency_limits/", {"name": "browsers", "limit": BROWSERS_AT_ONCE})
        self.downloads = folder / "downloads"
        receipt = folder / "receipt.pdf"
        receipt.write_bytes(RECEIPT)
        arguments = {
            "files_in_and_out": [str(receipt), str(self.downloads)],
            "many_orders": SOME_ORDERS,
            "alert_with_picture": ["A-9999"],
        }
        self.processes = {name: self.start(name, *arguments.get(name, [])) for name in EXAMPLES}

    def start(self, name: str, *arguments: str) -> subprocess.Popen[bytes]:
        return self.prefect.start(
            name,
            str(ROOT / "examples" / "prefect" / f"{name}.py"),
            *arguments,
            BROWSER_USE_API_KEY=KEY,
            BROWSER_USE_BASE_URL=self.shop.url,
            SHOP_URL=f"{self.shop.site}/shop/",
            SHOP_USER=USER,
            SHOP_PASSWORD=PASSWORD,
            ORDERS_DATABASE=str(self.database),
            SMTP_HOST="127.0.0.1",
            SMTP_PORT=str(self.mailbox.port),
        )

    def flow_run(self, name: str) -> dict[str, Any]:
        """Its flow run, as soon as there is one."""
        return until(f"{name} runs", lambda: self.prefect.flow_runs(name.replace("_", "-")), 120)[0]

    def tasks(self, name: str) -> list[Json]:
        """The Browser Use tasks of its flow run, when it has succeeded."""
        status = self.processes[name].wait(120)
        assert status == 0, self.prefect.log(name)
        flow_run = self.flow_run(name)
        assert flow_run["state_type"] == "COMPLETED"
        tasks = self.shop.http.get("/tasks", params={"pageSize": 100}).json()["items"]
        mine = [task for task in tasks if task["metadata"]["idempotency_key"].startswith(flow_run["id"])]
        return sorted(mine, key=lambda task: str(task["createdAt"]))

    def tasks_of_profile(self) -> int:
        """How many tasks were run to read the orders daily."""
        tasks = self.shop.http.get("/tasks", params={"pageSize": 100}).json()["items"]
        return sum("report signed in" in task["task"] for task in tasks)

    def sign_out(self) -> None:
        """As when the shop ends a sign-in: the browser of the profile is signed in no more."""
        [profile] = self.shop.http.get("/profiles").json()["items"]
        task = f"Open {self.shop.site}/shop/sign-out and report the heading."
        assert self.shop.run(task, sessionSettings={"profileId": profile["id"]})["isSuccess"]

    def session_status(self, task: Json) -> str:
        return str(self.shop.http.get(f"/sessions/{task['sessionId']}").json()["status"])


@pytest.fixture(scope="module")
def examples(prefect_server: RunningPrefect, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Examples]:
    folder = tmp_path_factory.mktemp("examples")
    shop = LocalServer(folder / "data", "--demo-site", "--max-sessions", "6", python=CLIENT_PYTHON)
    examples = Examples(prefect_server, shop, folder)
    try:
        yield examples
    finally:
        shop.end()
        examples.mailbox.close()


@pytest.mark.parametrize("path", sorted((ROOT / "examples" / "prefect").glob("*.py")), ids=lambda path: path.stem)
def test_an_example_is_in_the_table_of_the_page(path: Path) -> None:
    assert f"\n| [{path.name}](../examples/prefect/{path.name}) |" in (ROOT / "docs" / "prefect.md").read_text()


def test_mapping_opens_no_more_browsers_than_its_limit_says_and_one_failure_loses_nothing_else(
    examples: Examples,
) -> None:
    tasks = examples.tasks("many_orders")
    assert sorted(task["isSuccess"] for task in tasks) == [False] + [True] * 4
    assert len({task["sessionId"] for task in tasks}) == 5
    spans = [(datetime.fromisoformat(task["createdAt"]), datetime.fromisoformat(task["finishedAt"])) for task in tasks]
    at_once = [sum(start <= moment < end for start, end in spans) for moment, _ in spans]
    assert max(at_once) <= BROWSERS_AT_ONCE
    log = examples.prefect.log("many_orders")
    assert "A-1007 is shipped by UPS and expected on 2026-11-28" in log
    assert "Could not be looked up: A-9999" in log


def test_one_browser_goes_through_all_open_orders_and_is_closed(examples: Examples) -> None:
    tasks = examples.tasks("one_browser")
    assert [task["isSuccess"] for task in tasks] == [True] * 6
    assert len({task["sessionId"] for task in tasks}) == 1
    assert examples.session_status(tasks[0]) == "stopped"
    assert "Radia Perlman gets A-1009: carrier='DPD'" in examples.prefect.log("one_browser")


def test_orders_are_kept_in_the_database_and_replace_what_was_there(examples: Examples) -> None:
    examples.tasks("orders_to_database")
    with closing(sqlite3.connect(examples.database)) as database:
        rows = database.execute("SELECT * FROM orders ORDER BY number").fetchall()
    assert [row[0] for row in rows] == [f"A-{number}" for number in range(1001, 1011)]
    assert rows[3] == ("A-1004", "Katherine Johnson", "2026-10-21", "open", 18.9)


def test_a_file_goes_into_the_shop_and_another_one_comes_out(examples: Examples) -> None:
    tasks = examples.tasks("files_in_and_out")
    assert tasks[0]["output"] == f"Receipt: receipt.pdf\nReceipt size: {len(RECEIPT)} bytes"
    [file] = examples.downloads.iterdir()
    lines = file.read_text().splitlines()
    assert (file.name, lines[0], len(lines)) == ("orders.csv", "number,customer,placed,status,amount", 11)
    assert lines[4] == "A-1004,Katherine Johnson,2026-10-21,open,18.90 EUR"


def test_a_person_chooses_how_the_browser_goes_on(examples: Examples) -> None:
    paused = until("the flow asks", lambda: is_paused(examples.flow_run("human_input")), 120)
    keys = paused["state"]["state_details"]["run_input_keyset"]
    schema = examples.prefect.get(f"/flow_runs/{paused['id']}/input/{keys['schema']}")
    assert schema["properties"]["number"]["default"] == "A-1007"
    answer = {"run_input": {"number": "A-1005"}}
    assert examples.prefect.post(f"/flow_runs/{paused['id']}/resume", answer)["status"] == "ACCEPT"
    tasks = examples.tasks("human_input")
    assert len({task["sessionId"] for task in tasks}) == 1
    assert examples.session_status(tasks[0]) == "stopped"
    assert "Carrier: DHL\nExpected date: 2026-11-26" in examples.prefect.log("human_input")


def test_an_alert_says_what_failed_and_has_the_picture_of_the_last_page(examples: Examples) -> None:
    process, log = examples.processes["alert_with_picture"], examples.prefect.log
    assert process.wait(120) == 1, log("alert_with_picture")
    [message] = examples.mailbox.messages
    assert str(message["Subject"]).endswith(" of alert-with-picture failed")
    text, picture = message.iter_parts()
    assert "`click A-9999`, failed" in text.get_content()
    assert picture.get_content_maintype() == "image"
    assert len(picture.get_content()) > 1000


def test_something_new_is_told_once_and_nothing_new_ends_quietly(examples: Examples) -> None:
    for status in ("Open", "Open", "Cancelled"):
        assert examples.start("what_changed", status).wait(180) == 0, examples.prefect.log("what_changed")
    assert [run["state_type"] for run in examples.prefect.flow_runs("what-changed")] == ["COMPLETED"] * 3
    assert len(examples.prefect.flow_runs("tell-new-orders")) == 1
    assert "2 new orders\nA-1003: Ada Lovelace, 1250.00\nA-1010: Ken Thompson, 27.80" in examples.prefect.log(
        "what_changed"
    )


def test_each_missed_day_is_collected_once(examples: Examples) -> None:
    for days in (("2026-11-16", "2026-11-17"), ("2026-11-16", "2026-11-19")):
        assert examples.start("catch_up", *days).wait(180) == 0, examples.prefect.log("catch_up")
    with closing(sqlite3.connect(examples.database)) as database:
        found = database.execute("SELECT number, placed FROM daily ORDER BY number").fetchall()
    assert found == [("A-1009", "2026-11-16"), ("A-1010", "2026-11-19")]
    days = [run["name"] for run in examples.prefect.flow_runs("collect-day")]
    assert sorted(days) == [f"2026-11-{day}" for day in (16, 17, 18, 19)]


def test_who_signed_in_once_stays_signed_in_until_the_site_ends_it_and_a_person_signs_in_again(
    examples: Examples,
) -> None:
    examples.prefect.post("/v2/concurrency_limits/", {"name": "profile-shop", "limit": 1})
    for _ in range(2):
        assert examples.start("stay_signed_in").wait(180) == 0, examples.prefect.log("stay_signed_in")
    assert examples.tasks_of_profile() == 3  # a look, a sign-in, and a look

    examples.sign_out()
    process = examples.start("stay_signed_in", "by-hand")
    asking = until(
        "a person is asked", lambda: next(filter(is_paused, examples.prefect.flow_runs("sign-in-by-hand")), None), 180
    )
    newest = examples.shop.http.get("/tasks").json()["items"]
    session_id = next(task["sessionId"] for task in newest if task["task"].endswith("/shop/ and report the heading."))
    Person(examples.shop, session_id).sign_in()
    assert examples.prefect.post(f"/flow_runs/{asking['id']}/resume", {})["status"] == "ACCEPT"
    assert process.wait(180) == 0, examples.prefect.log("stay_signed_in")
    assert examples.prefect.log("stay_signed_in").count("10 orders") == 3
    assert examples.shop.http.get(f"/sessions/{session_id}").json()["status"] == "stopped"


def is_paused(flow_run: dict[str, Any]) -> dict[str, Any] | None:
    return flow_run if flow_run["state_type"] == "PAUSED" else None
