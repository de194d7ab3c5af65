"""Every weekday morning: read the open orders; whatever builds on them runs when they are there.

The first DAG runs by the clock and updates the asset `open_orders`. The second one is scheduled on that asset: it runs
when the browser has succeeded, and not when it has failed. It finds the result at the task that updated the asset.

Needs Airflow 3, and the connections `browser_use_default` (type Browser Use: base URL and API key) and `shop` (address
as host, login and password; for v4 in its extra `domain` also the host name on whose pages they may be typed).

To run it on your own machine: `browser-use-local up --demo-site` (docs/local-server.md), then trigger
`read_open_orders`.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

from airflow.providers.common.compat.sdk import Asset, dag, task
from pydantic import BaseModel

from airflow_browser_use.operators import BrowserUseTaskOperator

OPEN_ORDERS = Asset("open_orders")


class Order(BaseModel):
    """A row of the shop's table of orders."""

    number: str
    amount: float


class Orders(BaseModel):
    """The table."""

    orders: list[Order]


@dag(
    schedule="0 7 * * MON-FRI",
    start_date=dt.datetime(2026, 11, 1, tzinfo=dt.timezone.utc),
    catchup=False,
    max_active_runs=1,
    doc_md=__doc__,
)
def read_open_orders() -> None:
    BrowserUseTaskOperator(
        task_id="read",
        task="Open {{ conn.shop.host }}, sign in as shop_user with password shop_password,"
        " set the Status filter to Open and read the Orders table.",
        secrets={"shop_user": "{{ conn.shop.login }}", "shop_password": "{{ conn.shop.password }}"},
        secret_domains="{{ conn.shop.extra_dejson.get('domain', '') }}",
        output_schema=Orders,
        deferrable=True,
        retries=2,
        outlets=[OPEN_ORDERS],
    )


@dag(schedule=[OPEN_ORDERS], doc_md=__doc__)
def sum_open_orders() -> None:
    @task
    def total(triggering_asset_events: Any) -> float:
        latest = triggering_asset_events[OPEN_ORDERS][-1].source_task_instance.xcom_pull()
        return sum(order["amount"] for order in latest["output"]["orders"])

    total()


read_open_orders()
sum_open_orders()
