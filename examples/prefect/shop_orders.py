"""Every morning: sign in to a shop, read its open orders, and report how the dearest one is shipped.

Three Browser Use tasks in one browser session. Each follow-up names the session of the task before it; the last one
does not keep it, so the browser is closed when it has ended.

    python examples/prefect/shop_orders.py          # serves the flow; start a run in the UI, or wait for six o'clock

Needs in its environment: BROWSER_USE_API_KEY (and BROWSER_USE_BASE_URL, for another server than Browser Use Cloud),
SHOP_URL, SHOP_USER and SHOP_PASSWORD; on v4 also SHOP_DOMAIN, the host name on whose pages these may be typed. A
deployment for a team takes blocks instead: save a `BrowserUseCredentials` block and give its name as the parameter
`credentials`, save two `Secret` blocks and write "secret/shop-user" and "secret/shop-password" below.

To run it on your own machine: `browser-use-local up --demo-site` serves the API and the shop (docs/local-server.md),
and `make demo` does all of it.
"""

from __future__ import annotations

import datetime as dt
import os
from typing import Literal

from prefect import flow
from prefect.logging import get_run_logger
from pydantic import BaseModel, SecretStr

from prefect_browser_use import run_browser_task


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


@flow
def shop_orders(shop_url: str = os.environ.get("SHOP_URL", ""), credentials: str | None = None) -> Shipping:
    """Report how the dearest open order is shipped.

    Args:
        shop_url: The shop's address.
        credentials: The name of a `BrowserUseCredentials` block. Default: what the environment says.
    """
    # Secrets are read here and never are parameters: Prefect stores and shows those.
    signed_in = run_browser_task.with_options(name="sign-in")(
        f"Open {shop_url} and sign in as shop_user with password shop_password.",
        credentials=credentials,
        secrets={
            "shop_user": SecretStr(os.environ["SHOP_USER"]),
            "shop_password": SecretStr(os.environ["SHOP_PASSWORD"]),
        },
        secret_domains=os.environ.get("SHOP_DOMAIN", "").split() or None,
        keep_session=True,
    )
    table = run_browser_task.with_options(name="read-orders")(
        "Set the Status filter to Open and read the Orders table.",
        credentials=credentials,
        session_id=signed_in.session_id,
        output_schema=Orders,
        keep_session=True,
    )
    orders = table.parse(Orders).orders
    get_run_logger().info("%d open orders, worth %.2f", len(orders), sum(order.amount for order in orders))
    shipping = run_browser_task.with_options(name="report-shipping")(
        "Open the order with the highest amount and report its carrier, tracking number and expected date.",
        credentials=credentials,
        session_id=table.session_id,
        output_schema=Shipping,
    )
    return shipping.parse(Shipping)


if __name__ == "__main__":
    shop_orders.serve(name="every-morning", cron="0 6 * * *")
