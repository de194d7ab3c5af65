"""Every day: sign in to a shop, read its open orders, and report how the dearest one is shipped.

Three Browser Use tasks in one browser session. The follow-ups name the session of the task before them; it stays open
exactly as long as one of them goes on in it, and the last one closes it. While a browser works, no worker waits.

Needs two connections:

- `browser_use_default`: type Browser Use; the base URL of the API and the API key,
- `shop`: the address of the shop as host, and the login and password to sign in with; for a `browser_use_default` that
  speaks v4, in its extra `domain` also the host name on whose pages they may be typed.

To run it on your own machine: `browser-use-local up --demo-site` serves the API and the shop (docs/local-server.md),
and `make demo` does all of it.
"""

from __future__ import annotations

import datetime as dt
from typing import Literal

from airflow.providers.common.compat.sdk import dag
from pydantic import BaseModel

from airflow_browser_use.operators import BrowserUseTaskOperator


class Order(BaseModel):
    """A row of the shop's table of orders."""

    number: str
    customer: str
    placed: dt.date
    status: Literal["open", "closed", "cancelled"]
    amount: float


class Orders(BaseModel):
    """The table."""

    orders: list[Order]


class Shipping(BaseModel):
    """How an order is shipped."""

    carrier: str
    tracking_number: str
    expected_date: dt.date


@dag(
    schedule="@daily",
    start_date=dt.datetime(2026, 11, 1, tzinfo=dt.timezone.utc),
    catchup=False,
    default_args={"deferrable": True, "retries": 1, "retry_delay": dt.timedelta(minutes=1)},
    doc_md=__doc__,
)
def shop_orders() -> None:
    log_in = BrowserUseTaskOperator(
        task_id="log_in",
        task="Open {{ conn.shop.host }} and sign in as shop_user with password shop_password.",
        secrets={"shop_user": "{{ conn.shop.login }}", "shop_password": "{{ conn.shop.password }}"},
        secret_domains="{{ conn.shop.extra_dejson.get('domain', '') }}",
    )
    read_orders = BrowserUseTaskOperator(
        task_id="read_orders",
        task="Set the Status filter to Open and read the Orders table.",
        session_id=log_in.output["session_id"],
        output_schema=Orders,
    )
    BrowserUseTaskOperator(
        task_id="report_shipping",
        task="Open the order with the highest amount and report its carrier, tracking number and expected date.",
        session_id=read_orders.output["session_id"],
        output_schema=Shipping,
    )


shop_orders()
