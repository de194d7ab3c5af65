"""The three tasks that the documentation shows, word for word."""

from __future__ import annotations

import json
import re
from datetime import date
from pathlib import Path
from typing import Literal

import pytest
from pydantic import BaseModel

from browser_use_local.urls import is_allowed

from . import web
from .running_server import SECRETS, LocalServer

PAGE = Path(__file__).parents[2] / "docs" / "local-server.md"
SIGN_IN, READ, OPEN = re.findall(r"^\*\*\d\..*?```\n(.*?)\n```", PAGE.read_text(), re.DOTALL | re.MULTILINE)


class Order(BaseModel):
    number: str
    customer: str
    placed: date
    status: Literal["open", "closed", "cancelled"]
    amount: float


class Orders(BaseModel):
    orders: list[Order]


class Shipping(BaseModel):
    carrier: str
    tracking_number: str
    expected_date: date


def test_the_three_tasks_of_the_documentation_run_in_one_session(server: LocalServer) -> None:
    session = server.session()
    first = server.run(SIGN_IN.replace("http://127.0.0.1:8790", server.site), secrets=SECRETS, sessionId=session)
    assert first["output"] == f'Done in 2 steps. The page is "Orders" ({server.site}/shop/orders).'

    orders = Orders.model_validate(server.read(READ, Orders.model_json_schema(), sessionId=session))
    assert [(order.number, order.amount) for order in orders.orders] == [
        ("A-1004", 18.9),
        ("A-1005", 149.99),
        ("A-1007", 310.25),
        ("A-1009", 42.0),
    ]
    assert {order.status for order in orders.orders} == {"open"}

    shipping = Shipping.model_validate(server.read(OPEN, Shipping.model_json_schema(), sessionId=session))
    assert shipping == Shipping(carrier="UPS", tracking_number="1Z999AA10123456799", expected_date=date(2026, 11, 28))
    assert shipping == Shipping.model_validate_json(re.findall(r"Output: `(\{.*?\})`", PAGE.read_text())[0])


def test_without_a_schema_the_output_is_text(server: LocalServer, signed_in: str) -> None:
    task = server.run(
        "Open Orders, set Status to Open, and open the dearest order; report its carrier.", sessionId=signed_in
    )
    assert task["output"] == "Carrier: UPS"


def test_every_step_has_a_screenshot_that_opens_without_the_key(server: LocalServer, signed_in: str) -> None:
    task = server.run("Click Orders, then open the Returns page.", sessionId=signed_in)
    assert [step["nextGoal"] for step in task["steps"]] == ["Click Orders", "open the Returns page"]
    for step in task["steps"]:
        picture = web.get(step["screenshotUrl"])
        assert picture.headers["content-type"] == "image/jpeg"
        assert picture.content.startswith(b"\xff\xd8")
        assert web.get(step["screenshotUrl"].split("?")[0]).status_code == 404


def test_secrets_are_typed_but_written_down_nowhere(server: LocalServer, session: str) -> None:
    task = (
        f"Open {server.site}/shop/ and sign in as {{{{shop_user}}}} with password <secret>shop_password</secret>."
        " Open Returns, type shop_password in Order number, and report the order number."
    )
    ended = server.run(task, sessionId=session, secrets={"shop_user": "demo", "shop_password": "browser-use-demo"})
    assert ended["output"] == "Order number: {{shop_password}}"
    assert "browser-use-demo" not in json.dumps(ended)
    assert b"browser-use-demo" not in server.everything_written()


def test_a_follow_up_may_use_the_secrets_of_its_session(server: LocalServer, signed_in: str) -> None:
    task = server.run("Open Returns and type {{shop_user}} in Order number.", sessionId=signed_in)
    assert task["isSuccess"]


def test_a_task_that_is_not_understood_starts_no_browser_and_says_which_step(server: LocalServer) -> None:
    created = server.create("Open http://127.0.0.1/ and make me a sandwich.")
    task = server.wait(created["id"])
    assert (task["status"], task["isSuccess"], task["steps"]) == ("finished", False, [])
    assert task["output"].startswith("Step 1, `Open http://127.0.0.1/ and make me a sandwich`, is not understood.")
    assert "Expected is" in task["output"]


def test_a_step_that_fails_says_what_is_there_instead(server: LocalServer, signed_in: str) -> None:
    task = server.run('Click Orders and click "Buy now", then report the heading.', sessionId=signed_in)
    assert (task["status"], task["isSuccess"]) == ("finished", False)
    assert task["output"].startswith(
        'Step 2 of 3, `click "Buy now"`, failed. There is no link or button named "Buy now"'
    )
    assert '"Sign out"' in task["output"]
    assert [step["evaluationPreviousGoal"][:7] for step in task["steps"]] == ["Success", "Failed:"]


def test_a_wrong_password_fails_with_what_the_site_says(server: LocalServer, session: str) -> None:
    task = server.run(
        f"Open {server.site}/shop/ and sign in as shop_user with password shop_password.",
        sessionId=session,
        secrets={"shop_user": "demo", "shop_password": "wrong-password"},
    )
    assert not task["isSuccess"]
    assert 'did not accept the sign-in: "User name or password is wrong."' in task["output"]


def test_a_page_that_does_not_fit_the_schema_fails_with_what_is_missing(server: LocalServer, signed_in: str) -> None:
    schema = '{"type": "object", "properties": {"weight": {"type": "number"}}, "required": ["weight"]}'
    task = server.run("Click Orders.", sessionId=signed_in, structuredOutput=schema)
    assert not task["isSuccess"]
    assert "does not fit the output schema: 'weight' is a required property" in task["output"]


def test_the_slow_page_is_waited_for(server: LocalServer, signed_in: str) -> None:
    task = server.run(
        f'Open {server.site}/shop/report?seconds=0.5, wait for "The report is ready" and report the turnover.',
        sessionId=signed_in,
    )
    assert task["output"] == "Turnover: 1246.04 EUR"


def test_a_start_url_is_opened_before_the_first_step(server: LocalServer) -> None:
    task = server.run("Report the heading.", startUrl=f"{server.site}/shop/")
    assert task["output"] == "heading: Sign in"
    assert len(task["steps"]) == 1


def test_a_task_stays_in_its_allowed_domains(server: LocalServer, signed_in: str) -> None:
    elsewhere = server.site.replace("127.0.0.1", "localhost")
    for task in (f"Open {elsewhere}/shop/.", f"Open {server.site}/shop/orders. Go to {elsewhere}/shop/."):
        ended = server.run(task, sessionId=signed_in, allowedDomains=["127.0.0.1"])
        assert ended["output"].endswith(f"{elsewhere}/shop/ is not in the allowed domains.")
    assert server.run(f"Open {elsewhere}/shop/.", sessionId=signed_in)["isSuccess"]


@pytest.mark.parametrize(
    ("domains", "allowed"),
    [
        (["shop.test"], True),
        (["*.test"], True),
        (["https://shop.test"], False),
        (["http*://shop.test"], True),
        (["test"], False),
    ],
)
def test_allowed_domains_may_have_a_star_and_a_scheme(domains: list[str], allowed: bool) -> None:
    assert is_allowed("http://shop.test:8790/orders", domains) is allowed
