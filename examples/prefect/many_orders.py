"""Look up how many orders are shipped: one Browser Use task each, in a browser of its own, two at a time.

`.map` starts a task for each prompt. What belongs to every task is wrapped in `unmapped`, and `concurrency_limit` names
a global concurrency limit of Prefect's, which holds across flows and machines. So no more browsers are open, and paid
for, than that. An order that cannot be looked up does not lose the others: `raise_on_failure=False` hands its error
over in the place of its result, and the summary names it. Make the limit once:

    prefect gcl create browsers --limit 2

    python examples/prefect/many_orders.py [NUMBER ...]

Needs in its environment: PREFECT_API_URL, BROWSER_USE_API_KEY (and BROWSER_USE_BASE_URL, for another server than
Browser Use Cloud), SHOP_URL, SHOP_USER and SHOP_PASSWORD; on v4 also SHOP_DOMAIN, the host name on whose pages these
may be typed. On your own machine, `browser-use-local up --demo-site` serves the API and the shop
(docs/local-server.md), `prefect server start` Prefect.
"""

from __future__ import annotations

import datetime as dt
import os
import sys

from prefect import flow, unmapped
from prefect.logging import get_run_logger
from pydantic import BaseModel, SecretStr

from prefect_browser_use import run_browser_task

ORDERS = ["A-1004", "A-1005", "A-1007", "A-1009"]


class Shipping(BaseModel):
    """How an order is shipped."""

    carrier: str
    tracking_number: str
    expected_date: dt.date


@flow
def many_orders(numbers: list[str] = ORDERS, shop_url: str = os.environ.get("SHOP_URL", "")) -> dict[str, Shipping]:
    """Report how each order is shipped.

    Args:
        numbers: The orders.
        shop_url: The shop's address.
    """
    secrets = {
        "shop_user": SecretStr(os.environ["SHOP_USER"]),
        "shop_password": SecretStr(os.environ["SHOP_PASSWORD"]),
    }
    found = run_browser_task.map(
        [
            f'Open {shop_url} and sign in as shop_user with password shop_password. Click "{number}"'
            " and report its carrier, tracking number and expected date."
            for number in numbers
        ],
        secrets=unmapped(secrets),
        secret_domains=unmapped(os.environ.get("SHOP_DOMAIN", "").split() or None),
        output_schema=Shipping,
        concurrency_limit="browsers",
    )
    results = dict(zip(numbers, found.result(raise_on_failure=False), strict=True))
    missing = [number for number, one in results.items() if isinstance(one, Exception)]
    shipping = {number: one.parse(Shipping) for number, one in results.items() if number not in missing}
    log = get_run_logger()
    for number, one in shipping.items():
        log.info("%s is shipped by %s and expected on %s", number, one.carrier, one.expected_date)
    if missing:
        log.warning("Could not be looked up: %s", ", ".join(missing))
    return shipping


if __name__ == "__main__":
    many_orders(sys.argv[1:] or ORDERS)
