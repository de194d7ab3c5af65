"""Read a shop's orders as data, and keep them in a database.

The `output_schema` is what the agent has to return, so the rows that are written are checked: output that does not fit
fails the task, and nothing is written. The orders are replaced by their number, so that the flow can run again.

    python examples/prefect/orders_to_database.py

Needs in its environment: BROWSER_USE_API_KEY (and BROWSER_USE_BASE_URL, for another server than Browser Use Cloud),
SHOP_URL, SHOP_USER and SHOP_PASSWORD; on v4 also SHOP_DOMAIN, the host name on whose pages these may be typed; and
ORDERS_DATABASE for another file than orders.sqlite3. On your own machine, `browser-use-local up --demo-site` serves the
API and the shop (docs/local-server.md). For a database server, take a block of `prefect-sqlalchemy` instead of
`sqlite3`.
"""

from __future__ import annotations

import datetime as dt
import os
import sqlite3
from contextlib import closing
from typing import Literal

from prefect import flow, task
from pydantic import BaseModel, SecretStr

from prefect_browser_use import run_browser_task


class Order(BaseModel):
    """A row of the shop's table of orders, and of ours."""

    number: str
    customer: str
    placed: dt.date
    status: Literal["open", "closed", "cancelled"]
    amount: float


@task
def save(orders: list[Order], database: str) -> None:
    """Write orders into the database; those that are there are replaced."""
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute(
            "CREATE TABLE IF NOT EXISTS orders (number TEXT PRIMARY KEY, customer TEXT, placed TEXT, status TEXT,"
            " amount REAL)"
        )
        connection.executemany(
            "INSERT OR REPLACE INTO orders VALUES (:number, :customer, :placed, :status, :amount)",
            [order.model_dump(mode="json") for order in orders],
        )


@flow
def orders_to_database(
    shop_url: str = os.environ.get("SHOP_URL", ""),
    database: str = os.environ.get("ORDERS_DATABASE", "orders.sqlite3"),
) -> None:
    """Keep the shop's orders in a database.

    Args:
        shop_url: The shop's address.
        database: The SQLite file.
    """
    table = run_browser_task(
        f"Open {shop_url}, sign in as shop_user with password shop_password, and read the Orders table.",
        secrets={
            "shop_user": SecretStr(os.environ["SHOP_USER"]),
            "shop_password": SecretStr(os.environ["SHOP_PASSWORD"]),
        },
        secret_domains=os.environ.get("SHOP_DOMAIN", "").split() or None,
        output_schema=list[Order],
    )
    save(table.parse(list[Order]), database)


if __name__ == "__main__":
    orders_to_database()
