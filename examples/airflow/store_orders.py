"""Every night: read the shop's orders and keep them in a database table.

The schema of the output is a row of the table. A night that runs again writes the same rows, since `number` is the key.

Needs the connections `browser_use_default` (type Browser Use: base URL and API key), `shop` (address as host, login and
password; for v4 in its extra `domain` also the host name on whose pages they may be typed) and `shop_db` (type Sqlite:
the path of the database file as host), and `pip install apache-airflow-providers-sqlite`. Any other SQL database is the
same with its own hook.

To run it on your own machine: `browser-use-local up --demo-site` (docs/local-server.md).
"""

from __future__ import annotations

import datetime as dt
from typing import Any, Literal

from airflow.providers.common.compat.sdk import dag, task
from airflow.providers.sqlite.hooks.sqlite import SqliteHook
from pydantic import BaseModel

from airflow_browser_use.operators import BrowserUseTaskOperator


class Order(BaseModel):
    """A row of the shop's table of orders, and of ours."""

    number: str
    customer: str
    placed: dt.date
    status: Literal["open", "closed", "cancelled"]
    amount: float


class Orders(BaseModel):
    """The table."""

    orders: list[Order]


@dag(
    schedule="0 2 * * *",
    start_date=dt.datetime(2026, 11, 1, tzinfo=dt.timezone.utc),
    catchup=False,
    default_args={"retries": 2},
    doc_md=__doc__,
)
def store_orders() -> None:
    read_orders = BrowserUseTaskOperator(
        task_id="read_orders",
        task="Open {{ conn.shop.host }}, sign in as shop_user with password shop_password, and read the Orders table.",
        secrets={"shop_user": "{{ conn.shop.login }}", "shop_password": "{{ conn.shop.password }}"},
        secret_domains="{{ conn.shop.extra_dejson.get('domain', '') }}",
        output_schema=Orders,
        deferrable=True,
    )

    @task
    def store(result: dict[str, Any]) -> None:
        columns = list(Order.model_fields)
        rows = [[order[column] for column in columns] for order in result["output"]["orders"]]
        hook = SqliteHook("shop_db")
        hook.run("CREATE TABLE IF NOT EXISTS orders (number TEXT PRIMARY KEY, customer, placed, status, amount REAL)")
        hook.insert_rows("orders", rows, target_fields=columns, replace=True)

    store(read_orders.output)


store_orders()
