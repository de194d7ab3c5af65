"""What users do, with the project's own client: the same on every contract that the local server speaks."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from pydantic import BaseModel

from browser_use_client import (
    BrowserUseClient,
    CreateTaskRequest,
    TaskFailedError,
    TaskTimeoutError,
)

from .running_server import KEY, PASSWORD, SECRETS, LocalServer

CONTRACTS = ("v2-nested", "v2-flat", "v4")


class Order(BaseModel):
    number: str
    customer: str
    amount: float


class Orders(BaseModel):
    orders: list[Order]


@pytest.fixture(params=CONTRACTS)
def client(server: LocalServer, request: pytest.FixtureRequest) -> Iterator[BrowserUseClient]:
    with BrowserUseClient(KEY, base_url(server, request.param), api_version=request.param) as made:
        yield made


def base_url(server: LocalServer, version: str) -> str:
    return f"{server.site}/api/{version[:2]}"


def signing_in(server: LocalServer, client: BrowserUseClient, then: str = "") -> CreateTaskRequest:
    """A task that begins with a sign-in; v4 asks for which hosts its secrets are."""
    domains = ("127.0.0.1",) if client.get_api_version() == "v4" else None
    sign_in = f"Open {server.site}/shop/ and sign in as shop_user with password shop_password."
    return CreateTaskRequest(task=f"{sign_in} {then}", secrets=SECRETS, secret_domains=domains)


def test_follow_ups_go_on_where_the_session_is_and_the_last_one_closes_it(
    server: LocalServer, client: BrowserUseClient
) -> None:
    live_urls: list[str] = []
    first = client.run_task(
        signing_in(server, client), keep_session=True, on_live_url=live_urls.append, poll_interval=0.1
    )
    assert first.is_success is not False
    assert len(live_urls) == 1
    request = CreateTaskRequest(task="Set Status to Open and read the Orders table.", output_schema=Orders)
    steps: list[str] = []
    read = client.run_task(
        request, session_id=first.session_id, on_step=lambda step: steps.append(step.goal), poll_interval=0.1
    )
    assert read.session_id == first.session_id
    assert [order.amount for order in read.parse(Orders).orders] == [18.9, 149.99, 310.25, 42.0]
    assert steps == ["Set Status to Open", "read the Orders table"]
    assert client.get_session(first.session_id).status == "stopped"
    assert PASSWORD.encode() not in server.everything_written()


def test_files_go_in_and_come_out(server: LocalServer, client: BrowserUseClient, tmp_path: Path) -> None:
    receipt = tmp_path / "receipt.pdf"
    receipt.write_bytes(b"%PDF-1.4 receipt")
    request = signing_in(server, client, "Download Orders as CSV. Open Returns and upload receipt.pdf as Receipt.")
    task = client.run_task(request, files=[receipt], poll_interval=0.1)
    (kept,) = client.download_output_files(task, tmp_path / "out")
    assert (kept.name, "A-1007" in kept.read_text()) == ("orders.csv", True)


def test_a_key_finds_the_task_again(server: LocalServer, client: BrowserUseClient) -> None:
    request = CreateTaskRequest(task=f"Open {server.site}/shop/ and report the heading.")
    key = f"heading-{client.get_api_version()}"
    first = client.run_task(request, key=key, poll_interval=0.1)
    again = client.run_task(request, key=key, poll_interval=0.1)
    assert (first.output, again.id) == ("heading: Sign in", first.id)


def test_a_task_that_is_late_is_stopped_with_its_session(client: BrowserUseClient) -> None:
    with pytest.raises(TaskTimeoutError) as late:
        client.run_task("Wait 60 seconds.", timeout=0.5, poll_interval=0.1)
    assert client.get_task(late.value.task_id).status == "stopped"
    assert client.get_session(late.value.session_id).status == "stopped"


def test_a_task_that_did_not_do_what_it_was_asked_raises_and_says_why(client: BrowserUseClient) -> None:
    with pytest.raises(TaskFailedError, match="`Make me a sandwich`, is not understood"):
        client.run_task("Make me a sandwich.", poll_interval=0.1)


def test_a_limit_of_the_cost_is_the_session_s_on_v4(server: LocalServer) -> None:
    with BrowserUseClient(KEY, base_url(server, "v4")) as client:
        request = CreateTaskRequest(task="Report the page address.", max_cost_usd=Decimal("0.25"))
        task = client.run_task(request, poll_interval=0.1)
        assert task.cost == 0
        cap = server.v4.get(f"/sessions/{task.session_id}/cost-cap").json()
        assert Decimal(cap["maxCostUsd"]) == Decimal("0.25")
