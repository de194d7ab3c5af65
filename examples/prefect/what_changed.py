"""Tell what is new since the last time, and nothing if nothing is.

What the last successful run saw is a persisted result, under a key of its own: no database, and a run that failed in
between changes nothing. Something new starts another flow with the new rows, where there is one message to send. The
first run has nothing to compare with, and tells nothing.

    python examples/prefect/what_changed.py [Open|Closed|Cancelled|All]

Needs in its environment: PREFECT_API_URL, BROWSER_USE_API_KEY (and BROWSER_USE_BASE_URL, for another server than
Browser Use Cloud), SHOP_URL, SHOP_USER and SHOP_PASSWORD; on v4 also SHOP_DOMAIN, the host name on whose pages these
may be typed. Runs on several machines share what they saw where PREFECT_DEFAULT_RESULT_STORAGE_BLOCK names a storage
that all of them reach. On your own machine, `browser-use-local up --demo-site` serves the API and the shop
(docs/local-server.md), whose orders do not change: run it twice, the second time for another status.
"""

from __future__ import annotations

import os
import sys

from prefect import flow, task
from prefect.cache_policies import NO_CACHE
from prefect.logging import get_run_logger
from prefect.results import ResultStore
from pydantic import BaseModel, SecretStr

from prefect_browser_use import run_browser_task

SEEN = "orders-seen"


class Order(BaseModel):
    """A row of the shop's table of orders."""

    number: str
    customer: str
    amount: float


@flow
def tell_new_orders(new: list[Order]) -> str:
    """Make one message of all that is new. Send it here: a block of Slack, of an e-mail server ...

    Args:
        new: The orders.
    """
    lines = [f"{order.number}: {order.customer}, {order.amount:.2f}" for order in new]
    message = "\n".join([f"{len(new)} new orders", *lines])
    get_run_logger().info(message)
    return message


@task(cache_policy=NO_CACHE)
def seen_before() -> set[str] | None:
    """The numbers that the last successful run saw; None if there was none."""
    store = ResultStore().update_for_task(seen_before)
    return set(store.read(SEEN).result) if store.exists(SEEN) else None


@task(cache_policy=NO_CACHE)
def remember(numbers: list[str]) -> None:
    """Keep what this run saw, for the next one.

    Args:
        numbers: Of the orders.
    """
    ResultStore().update_for_task(remember).write(numbers, key=SEEN)


@flow
def what_changed(status: str = "Open", shop_url: str = os.environ.get("SHOP_URL", "")) -> list[Order]:
    """Tell which orders are new.

    Args:
        status: Which orders to watch: `Open`, `Closed`, `Cancelled` or `All`.
        shop_url: The shop's address.
    """
    table = run_browser_task(
        f"Open {shop_url}, sign in as shop_user with password shop_password, set the Status filter to {status} and read"
        " the Orders table.",
        secrets={
            "shop_user": SecretStr(os.environ["SHOP_USER"]),
            "shop_password": SecretStr(os.environ["SHOP_PASSWORD"]),
        },
        secret_domains=os.environ.get("SHOP_DOMAIN", "").split() or None,
        output_schema=list[Order],
    )
    orders = table.parse(list[Order])
    before = seen_before()
    new = [order for order in orders if before is not None and order.number not in before]
    if new:
        tell_new_orders(new)
    remember([order.number for order in orders])
    return new


if __name__ == "__main__":
    what_changed(*sys.argv[1:])
