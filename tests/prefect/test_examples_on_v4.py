"""The examples on v4, where secrets are bound to hosts: their flows in this process, with the local server."""

from __future__ import annotations

import datetime as dt
import runpy
import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from prefect import get_client
from prefect.client.schemas.actions import GlobalConcurrencyLimitCreate
from prefect.client.schemas.objects import FlowRun
from prefect.flow_runs import resume_flow_run

from browser_use_client import TaskFailedError
from demo.waiting import until
from tests.local.running_server import KEY, PASSWORD, USER, LocalServer
from tests.mailbox import Mailbox

from .running_prefect import ROOT
from .test_examples import CLIENT_PYTHON, RECEIPT

Flows = Callable[[str], dict[str, Any]]
LIMITS = ("browsers", "profile-shop")


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalServer]:
    server = LocalServer(tmp_path_factory.mktemp("v4") / "data", "--demo-site", python=CLIENT_PYTHON)
    yield server
    server.end()


@pytest.fixture(scope="module")
def _limits(harness: None) -> None:  # noqa: ARG001 - started for it
    """As the examples say, each is made once."""
    with get_client(sync_client=True) as client:
        for name in LIMITS:
            client.create_global_concurrency_limit(GlobalConcurrencyLimitCreate(name=name, limit=1))


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    mailbox = Mailbox()
    yield mailbox
    mailbox.close()


@pytest.fixture
def flows(shop: LocalServer, mailbox: Mailbox, _limits: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Flows:
    """What an example defines, read where its environment is as its file says."""
    environment = {
        "BROWSER_USE_API_KEY": KEY,
        "BROWSER_USE_BASE_URL": f"{shop.site}/api/v4",
        "SHOP_URL": f"{shop.site}/shop/",
        "SHOP_USER": USER,
        "SHOP_PASSWORD": PASSWORD,
        "SHOP_DOMAIN": "127.0.0.1",
        "SMTP_HOST": "127.0.0.1",
        "SMTP_PORT": str(mailbox.port),
        "ORDERS_DATABASE": str(tmp_path / "orders.sqlite3"),
    }
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    return lambda name: runpy.run_path(str(ROOT / "examples" / "prefect" / f"{name}.py"))


def rows(database: Path, query: str) -> list[Any]:
    with closing(sqlite3.connect(database)) as connection:
        return connection.execute(query).fetchall()


def test_follow_ups_in_one_browser(flows: Flows) -> None:
    found = flows("one_browser")["one_browser"]()
    assert {number: one.carrier for number, one in found.items()} == {
        "A-1004": "Post",
        "A-1005": "DHL",
        "A-1007": "UPS",
        "A-1009": "DPD",
    }


def test_a_person_chooses_how_the_browser_goes_on(flows: Flows) -> None:
    with ThreadPoolExecutor() as pool:
        shipping = pool.submit(flows("human_input")["human_input"])
        paused = until("the flow asks", paused_flow_run, 120)
        resume_flow_run(paused.id, run_input={"number": "A-1005"})
        assert shipping.result() == "Carrier: DHL\nExpected date: 2026-11-26"


def paused_flow_run() -> FlowRun | None:
    with get_client(sync_client=True) as client:
        return next((run for run in client.read_flow_runs() if run.state and run.state.is_paused()), None)


def test_mapped_tasks_of_which_one_fails(flows: Flows) -> None:
    assert [*flows("many_orders")["many_orders"](["A-1004", "A-9999"])] == ["A-1004"]


def test_rows_of_a_table(flows: Flows, tmp_path: Path) -> None:
    flow = flows("orders_to_database")["orders_to_database"]
    for _ in range(2):
        flow()
    assert rows(tmp_path / "orders.sqlite3", "SELECT count(*) FROM orders") == [(10,)]


def test_a_missed_day(flows: Flows, tmp_path: Path) -> None:
    day = dt.date(2026, 11, 19)
    assert flows("catch_up")["catch_up"](day, day) == {"2026-11-19": 1}
    assert rows(tmp_path / "orders.sqlite3", "SELECT number, placed FROM daily") == [("A-1010", "2026-11-19")]


def test_files_in_and_out(flows: Flows, tmp_path: Path) -> None:
    receipt = tmp_path / "receipt.pdf"
    receipt.write_bytes(RECEIPT)
    flows("files_in_and_out")["files_in_and_out"](receipt, tmp_path / "downloads")
    assert len((tmp_path / "downloads" / "orders.csv").read_text().splitlines()) == 11


def test_what_is_new(flows: Flows) -> None:
    flow = flows("what_changed")["what_changed"]
    assert [len(flow(status)) for status in ("Open", "Open", "Cancelled")] == [0, 0, 2]


def test_signed_in_with_secrets_and_then_by_the_profile(flows: Flows, shop: LocalServer) -> None:
    flow = flows("stay_signed_in")["read_orders_daily"]
    assert [len(flow()) for _ in range(2)] == [10, 10]
    runs = shop.v4.get("/runs").raise_for_status().json()
    assert sum("report signed in" in run["task"] for run in runs["runs"]) == 3  # a look, a sign-in, and a look


def test_an_alert_which_is_text_since_v4_has_no_pictures(flows: Flows, mailbox: Mailbox) -> None:
    with pytest.raises(TaskFailedError):
        flows("alert_with_picture")["alert_with_picture"]("A-9999")
    [message] = mailbox.messages
    assert str(message["Subject"]).endswith(" of alert-with-picture failed")
    assert "`click A-9999`, failed" in message.get_content()
