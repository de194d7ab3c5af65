"""Collect what came in on each day: a run for every day that was missed, with the day in the prompt, each row once.

The table itself says which days are there. So a flow that runs every morning also makes up for a weekend on which
nothing ran, one day after the other, each a flow run of its own that can fail and be retried alone; and no more than
`MOST_DAYS` at a time, since each day costs what a run costs. Rows are replaced by their key: a day that runs again
writes none twice.

    python examples/prefect/catch_up.py 2026-11-16 2026-11-19

Needs in its environment: BROWSER_USE_API_KEY (and BROWSER_USE_BASE_URL, for another server than Browser Use Cloud),
SHOP_URL, SHOP_USER and SHOP_PASSWORD; on v4 also SHOP_DOMAIN, the host name on whose pages these may be typed; and
ORDERS_DATABASE for another file than orders.sqlite3. On your own machine, `browser-use-local up --demo-site` serves the
API and the shop (docs/local-server.md), whose last orders are of the days above.
"""

from __future__ import annotations

import datetime as dt
import os
import sqlite3
import sys
from contextlib import closing

from prefect import flow, task
from pydantic import BaseModel, SecretStr

from prefect_browser_use import run_browser_task

MOST_DAYS = 7
DATABASE = os.environ.get("ORDERS_DATABASE", "orders.sqlite3")


class Order(BaseModel):
    """A row of the shop's table of orders."""

    number: str
    customer: str
    amount: float


@task
def missing_days(first: dt.date, last: dt.date) -> list[dt.date]:
    """The days that were not collected yet, the oldest first.

    Args:
        first: The first day that is wanted.
        last: The last one.
    """
    with closing(sqlite3.connect(DATABASE)) as database, database:
        database.execute("CREATE TABLE IF NOT EXISTS days (day TEXT PRIMARY KEY)")
        database.execute("CREATE TABLE IF NOT EXISTS daily (number TEXT PRIMARY KEY, customer, amount REAL, placed)")
        done = {day for (day,) in database.execute("SELECT day FROM days")}
    days = [first + dt.timedelta(days=number) for number in range((last - first).days + 1)]
    return [day for day in days if day.isoformat() not in done][:MOST_DAYS]


@task
def save(day: dt.date, orders: list[Order]) -> None:
    """Write a day and its orders, in one transaction.

    Args:
        day: The day.
        orders: Its orders.
    """
    rows = [{**order.model_dump(), "placed": day.isoformat()} for order in orders]
    with closing(sqlite3.connect(DATABASE)) as database, database:
        database.executemany("INSERT OR REPLACE INTO daily VALUES (:number, :customer, :amount, :placed)", rows)
        database.execute("INSERT OR REPLACE INTO days VALUES (?)", [day.isoformat()])


@flow(flow_run_name="{day}", retries=1)
def collect_day(day: dt.date, shop_url: str) -> int:
    """Collect the orders of a day.

    Args:
        day: The day.
        shop_url: The shop's address.
    """
    table = run_browser_task(
        f"Open {shop_url}, sign in as shop_user with password shop_password, open {shop_url}orders?placed={day}"
        " and read the Orders table.",
        secrets={
            "shop_user": SecretStr(os.environ["SHOP_USER"]),
            "shop_password": SecretStr(os.environ["SHOP_PASSWORD"]),
        },
        secret_domains=os.environ.get("SHOP_DOMAIN", "").split() or None,
        output_schema=list[Order],
    )
    orders = table.parse(list[Order])
    save(day, orders)
    return len(orders)


@flow
def catch_up(first: dt.date, last: dt.date, shop_url: str = os.environ.get("SHOP_URL", "")) -> dict[str, int]:
    """Collect the days that are missing.

    Args:
        first: The first day that is wanted.
        last: The last one.
        shop_url: The shop's address.

    Returns:
        How many orders each day had.
    """
    return {day.isoformat(): collect_day(day, shop_url) for day in missing_days(first, last)}


if __name__ == "__main__":
    catch_up(dt.date.fromisoformat(sys.argv[1]), dt.date.fromisoformat(sys.argv[2]))
