"""Look up how each open order is shipped: a browser for each, as many at once as the plan allows.

The first task reads the numbers of the open orders, `track` is mapped over them, and a summary of all is made of what
came back: `trigger_rule="all_done"`, so that an order that cannot be looked up does not lose the others. It is named in
the summary, and the run fails in the end, for somebody to see. The pool keeps the browsers inside the plan.
It has to count deferred tasks, since a browser works while its task waits in the triggerer. Without a pool,
`max_active_tis_per_dag=2` on `track` limits this DAG alone.

Needs the connections `browser_use_default` (type Browser Use: base URL and API key) and `shop` (address as host, login
and password; for v4 in its extra `domain` also the host name on whose pages they may be typed), and the pool:

    airflow pools set browser_use 2 "Browser Use sessions" --include-deferred

To run it on your own machine: `browser-use-local up --demo-site` (docs/local-server.md), which has room for two.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

from airflow.providers.common.compat.sdk import Param, dag, task
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
    params={"also": Param([], type="array", description="Numbers of further orders.")},
    default_args={"deferrable": True, "pool": "browser_use", "retries": 2},
    doc_md=__doc__,
)
def track_shipments() -> None:
    shop: dict[str, Any] = {
        "secrets": {"shop_user": "{{ conn.shop.login }}", "shop_password": "{{ conn.shop.password }}"},
        "secret_domains": "{{ conn.shop.extra_dejson.get('domain', '') }}",
    }
    read_orders = BrowserUseTaskOperator(
        task_id="read_orders",
        task="Open {{ conn.shop.host }}, sign in as shop_user with password shop_password,"
        " set the Status filter to Open and read the table.",
        output_schema=OpenOrders,
        **shop,
    )

    @task
    def numbers(result: dict[str, Any], params: dict[str, Any]) -> list[str]:
        return [*result["output"]["numbers"], *params["also"]]

    @task.browser_use(output_schema=Shipping, map_index_template="{{ task.op_kwargs['number'] }}", **shop)
    def track(number: str, shop_url: str) -> str:
        return (
            f"Open {shop_url}, sign in as shop_user with password shop_password, click {number},"
            " and report its carrier, tracking number and expected date."
        )

    @task(trigger_rule="all_done")
    def next_to_arrive(results: list[dict[str, Any]], asked: list[str]) -> dict[str, Any]:
        found = [result["output"] for result in results]
        first = min(found, key=lambda shipping: shipping["expected_date"], default={})
        return {**first, "found": len(found), "missing": len(asked) - len(found)}

    @task(retries=0)
    def fail_if_any_is_missing(summary: dict[str, Any]) -> None:
        if summary["missing"]:
            raise ValueError(f"{summary['missing']} orders could not be looked up; see the mapped tasks.")

    asked = numbers(read_orders.output)
    tracked = track.partial(shop_url="{{ conn.shop.host }}").expand(number=asked)
    fail_if_any_is_missing(next_to_arrive(tracked, asked))


track_shipments()
