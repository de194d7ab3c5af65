"""Look into the dearest open order, if it is above a limit; the browser is closed whatever happens.

Three Browser Use tasks share the session of a group, which a setup task starts and a teardown task stops: also when a
task in between fails, or when the rest is skipped, as here when no order is above the limit.

Needs the connections `browser_use_default` (type Browser Use: base URL and API key) and `shop` (address as host, login
and password; for v4 in its extra `domain` also the host name on whose pages they may be typed).

To run it on your own machine: `browser-use-local up --demo-site` (docs/local-server.md).
"""

from __future__ import annotations

from typing import Any

from airflow.providers.common.compat.sdk import Param, dag, task
from pydantic import BaseModel

from airflow_browser_use.operators import BrowserUseTaskOperator
from airflow_browser_use.sessions import browser_session


class Order(BaseModel):
    """A row of the shop's table of orders."""

    number: str
    amount: float


class Orders(BaseModel):
    """The table."""

    orders: list[Order]


@dag(
    schedule=None,
    params={"limit": Param(300, type="number", description="Amount in EUR above which an order is looked into.")},
    default_args={"deferrable": True, "retries": 2},
    doc_md=__doc__,
)
def check_dear_orders() -> None:
    with browser_session("shop") as session_id:
        log_in = BrowserUseTaskOperator(
            task_id="log_in",
            task="Open {{ conn.shop.host }} and sign in as shop_user with password shop_password.",
            secrets={"shop_user": "{{ conn.shop.login }}", "shop_password": "{{ conn.shop.password }}"},
            secret_domains="{{ conn.shop.extra_dejson.get('domain', '') }}",
            session_id=session_id,
        )
        read_orders = BrowserUseTaskOperator(
            task_id="read_orders",
            task="Set the Status filter to Open and read the Orders table.",
            session_id=session_id,
            output_schema=Orders,
        )

        @task.short_circuit
        def any_above_limit(result: dict[str, Any], params: dict[str, Any]) -> bool:
            return any(order["amount"] > params["limit"] for order in result["output"]["orders"])

        open_dearest = BrowserUseTaskOperator(
            task_id="open_dearest",
            task="Open the order with the highest amount and report its customer, status and expected date.",
            session_id=session_id,
        )
        log_in >> read_orders >> any_above_limit(read_orders.output) >> open_dearest


check_dear_orders()
