"""Look up how each open order is shipped: a browser for each, as many at once as the plan allows.

The first task reads the numbers of the open orders, `track` is mapped over them. The pool keeps both inside the plan.
It has to count deferred tasks, since a browser works while its task waits in the triggerer. Without a pool,
`max_active_tis_per_dag=2` on `track` limits this DAG alone.

Needs the connections `browser_use_default` (type Browser Use: base URL and API key) and `shop` (address as host, login
and password), and the pool:

    airflow pools set browser_use 2 "Browser Use sessions" --include-deferred

To run it on your own machine: `browser-use-local up --demo-site` (docs/local-server.md), which has room for two.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

from airflow.providers.common.compat.sdk import dag, task
from pydantic import BaseModel, Field

from airflow_browser_use.operators import BrowserUseTaskOperator


class OpenOrders(BaseModel):
    """One column of the shop's table of orders."""

    numbers: list[str] = Field(title="Number")


class Shipping(BaseModel):
    """How an order is shipped."""

    carrier: str
    tracking_number: str
    expected_date: dt.date


@dag(
    schedule=None,
    default_args={"deferrable": True, "pool": "browser_use", "retries": 2},
    doc_md=__doc__,
)
def track_shipments() -> None:
    shop: dict[str, Any] = {
        "agent_settings": {"start_url": "{{ conn.shop.host }}"},
        "secrets": {"shop_user": "{{ conn.shop.login }}", "shop_password": "{{ conn.shop.password }}"},
    }
    read_orders = BrowserUseTaskOperator(
        task_id="read_orders",
        task="Sign in as shop_user with password shop_password, set the Status filter to Open and read the table.",
        output_schema=OpenOrders,
        **shop,
    )

    @task
    def numbers(result: dict[str, Any]) -> list[str]:
        return result["output"]["numbers"]

    @task.browser_use(output_schema=Shipping, map_index_template="{{ task.op_kwargs['number'] }}", **shop)
    def track(number: str) -> str:
        return (
            f"Sign in as shop_user with password shop_password, click {number},"
            " and report its carrier, tracking number and expected date."
        )

    @task
    def next_to_arrive(results: list[dict[str, Any]]) -> dict[str, Any]:
        return min((result["output"] for result in results), key=lambda shipping: shipping["expected_date"])

    next_to_arrive(track.expand(number=numbers(read_orders.output)))


track_shipments()
