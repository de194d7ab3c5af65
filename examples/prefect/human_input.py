"""Read the open orders, ask a person which one to look up, and go on in the same browser.

The flow run waits as *Paused* until somebody presses *Resume* in the UI and chooses. Meanwhile the browser stays open
at its page. That costs what an open session costs, and takes one of the plan's sessions, so the wait is short: without
an answer in time the flow fails, and `browser_session` closes the browser. Servers close idle sessions, too (the local
one after 15 minutes). A follow-up that comes too late fails with SessionStoppedError, and no retry helps: start a new
run. Where an answer may take hours, end the first session before the pause and sign in again after it. Do not use
`suspend_flow_run` inside the block: it ends the process, and with it the browser.

    python examples/prefect/human_input.py

Needs in its environment: PREFECT_API_URL, BROWSER_USE_API_KEY (and BROWSER_USE_BASE_URL, for another server than
Browser Use Cloud), SHOP_URL, SHOP_USER and SHOP_PASSWORD; on v4 also SHOP_DOMAIN, the host name on whose pages these
may be typed. On your own machine, `browser-use-local up --demo-site` serves the API and the shop
(docs/local-server.md), `prefect server start` the UI.
"""

from __future__ import annotations

import os

from prefect import flow, pause_flow_run
from prefect.input import RunInput
from pydantic import BaseModel, SecretStr

from prefect_browser_use import browser_session

PATIENCE = 600
"""Seconds."""


class Order(BaseModel):
    """A row of the shop's table of orders."""

    number: str
    customer: str
    amount: float


class Choice(RunInput):
    """What a person is asked."""

    number: str


@flow
def human_input(shop_url: str = os.environ.get("SHOP_URL", "")) -> str:
    """Report how the order is shipped that a person chose.

    Args:
        shop_url: The shop's address.
    """
    with browser_session() as session:
        table = session.run(
            f"Open {shop_url} and sign in as shop_user with password shop_password."
            " Set the Status filter to Open and read the Orders table.",
            name="read-orders",
            secrets={
                "shop_user": SecretStr(os.environ["SHOP_USER"]),
                "shop_password": SecretStr(os.environ["SHOP_PASSWORD"]),
            },
            secret_domains=os.environ.get("SHOP_DOMAIN", "").split() or None,
            output_schema=list[Order],
        )
        orders = table.parse(list[Order])
        question = Choice.with_initial_data(
            description="\n".join(f"- {order.number}: {order.customer}, {order.amount:.2f}" for order in orders),
            number=max(orders, key=lambda order: order.amount).number,
        )
        choice = pause_flow_run(wait_for_input=question, timeout=PATIENCE, poll_interval=2)
        if choice.number not in {order.number for order in orders}:
            raise ValueError(f"{choice.number} is none of the open orders.")
        shipping = session.run(f'Click "{choice.number}" and report its carrier and expected date.', name="look-up")
    return str(shipping.output)


if __name__ == "__main__":
    print(human_input())
