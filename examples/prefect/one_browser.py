"""Look up how all open orders are shipped, one after the other in one browser.

How many follow-ups there are shows only in the middle, and any of them may fail. `browser_session` opens the browser
with the first task and closes it at the end of the block, whatever happens inside. For asyncio, the same is
`async with abrowser_session()` and `await session.arun(...)`.

    python examples/prefect/one_browser.py

Needs in its environment: BROWSER_USE_API_KEY (and BROWSER_USE_BASE_URL, for another server than Browser Use Cloud),
SHOP_URL, SHOP_USER and SHOP_PASSWORD; on v4 also SHOP_DOMAIN, the host name on whose pages these may be typed. On your
own machine, `browser-use-local up --demo-site` serves the API and the shop (docs/local-server.md).
"""

from __future__ import annotations

import datetime as dt
import os

from prefect import flow
from prefect.logging import get_run_logger
from pydantic import BaseModel, SecretStr

from prefect_browser_use import browser_session


class Order(BaseModel):
    """A row of the shop's table of orders."""

    number: str
    customer: str


class Shipping(BaseModel):
    """How an order is shipped."""

    carrier: str
    expected_date: dt.date


@flow
def one_browser(shop_url: str = os.environ.get("SHOP_URL", "")) -> dict[str, Shipping]:
    """Report how each open order is shipped.

    Args:
        shop_url: The shop's address.
    """
    shipping = {}
    with browser_session() as session:
        session.run(
            f"Open {shop_url} and sign in as shop_user with password shop_password.",
            name="sign-in",
            secrets={
                "shop_user": SecretStr(os.environ["SHOP_USER"]),
                "shop_password": SecretStr(os.environ["SHOP_PASSWORD"]),
            },
            secret_domains=os.environ.get("SHOP_DOMAIN", "").split() or None,
        )
        table = session.run(
            "Set the Status filter to Open and read the Orders table.", name="read-orders", output_schema=list[Order]
        )
        for order in table.parse(list[Order]):
            details = session.run(
                f'Open the Orders page, click "{order.number}", and report its carrier and expected date.',
                name="report-shipping",
                output_schema=Shipping,
            )
            shipping[order.number] = details.parse(Shipping)
            get_run_logger().info("%s gets %s: %s", order.customer, order.number, shipping[order.number])
    return shipping


if __name__ == "__main__":
    one_browser()
