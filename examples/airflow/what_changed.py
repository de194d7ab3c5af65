"""Every morning: tell what is new since the last time, and nothing if nothing is.

`watch_orders` reads a table and compares it with what its last successful run saw, which stands in the `extra` of the
asset event that run has left: no database, and a run that failed in between changes nothing. Where nothing is new, the
run ends quietly. Where something is, it updates a second asset, which starts `tell_new_orders` with the new rows: there
stands the one message to send. The first run has nothing to compare with, and tells nothing. What was told is
remembered last: a run that fails on the way tells it again rather than never.

Needs Airflow 3, and the connections `browser_use_default` (type Browser Use: base URL and API key) and `shop` (address
as host, login and password; for v4 in its extra `domain` also the host name on whose pages they may be typed).

To run it on your own machine: `browser-use-local up --demo-site` (docs/local-server.md). The orders of the demo shop do
not change: trigger it twice, the second time with another `status`.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

from airflow.providers.common.compat.sdk import Asset, Param, dag, task
from pydantic import BaseModel

from airflow_browser_use.operators import BrowserUseTaskOperator

SEEN = Asset("orders_seen")
NEW = Asset("orders_new")


class Order(BaseModel):
    """A row of the shop's table of orders."""

    number: str
    customer: str
    amount: float


class Orders(BaseModel):
    """The table."""

    orders: list[Order]


@dag(
    schedule="0 7 * * *",
    start_date=dt.datetime(2026, 11, 1, tzinfo=dt.timezone.utc),
    catchup=False,
    max_active_runs=1,
    params={"status": Param("Open", enum=["Open", "Closed", "Cancelled", "All"], description="Which orders to watch.")},
    doc_md=__doc__,
)
def watch_orders() -> None:
    read = BrowserUseTaskOperator(
        task_id="read",
        task="Open {{ conn.shop.host }}, sign in as shop_user with password shop_password,"
        " set the Status filter to {{ params.status }} and read the Orders table.",
        secrets={"shop_user": "{{ conn.shop.login }}", "shop_password": "{{ conn.shop.password }}"},
        secret_domains="{{ conn.shop.extra_dejson.get('domain', '') }}",
        output_schema=Orders,
        deferrable=True,
        retries=2,
    )

    @task.short_circuit(inlets=[SEEN], ignore_downstream_trigger_rules=False)
    def find_new(result: dict[str, Any], *, inlet_events: Any) -> list[dict[str, Any]]:
        last = [*inlet_events[SEEN]][-1:]
        return [order for order in result["output"]["orders"] if last and order["number"] not in last[0].extra["seen"]]

    @task(outlets=[NEW])
    def publish(new: list[dict[str, Any]], *, outlet_events: Any) -> None:
        outlet_events[NEW].extra = {"orders": new}

    @task(outlets=[SEEN], trigger_rule="none_failed")
    def remember(result: dict[str, Any], *, outlet_events: Any) -> None:
        outlet_events[SEEN].extra = {"seen": [order["number"] for order in result["output"]["orders"]]}

    publish(find_new(read.output)) >> remember(read.output)


@dag(schedule=[NEW], doc_md=__doc__)
def tell_new_orders() -> None:
    @task
    def message(triggering_asset_events: Any) -> str:
        new = [order for event in triggering_asset_events[NEW] for order in event.extra["orders"]]
        lines = [f"{order['number']}: {order['customer']}, {order['amount']:.2f}" for order in new]
        return "\n".join([f"{len(new)} new orders", *lines])

    message()


watch_orders()
tell_new_orders()
