"""Every morning: read what only somebody who is signed in may read, with the cookies of the day before.

All browsers of this DAG start with one profile, which keeps cookies from session to session. `read` asks in the same
answer whether it was signed in (`signed_in: bool`), since a site ends a sign-in when it likes, and an agent that finds
a sign-in page may report "no orders". Where it was not, the run signs in: with the secrets of the connection `shop`,
or, for an account with a second factor (`by_hand`), by a person. The person is asked in Airflow's UI ("Required
Actions"), with the live browser one click away; name, password and code are between them and the site. Then the run
reads again, in the same browser, and closes it, which saves the profile. To sign in once by hand before the first
morning, trigger it with `by_hand`.

Two browsers at a time with one profile overwrite each other's cookies. So there is one run at a time, and what starts a
browser is in a pool of one slot, which every other DAG that uses the profile shares:

    airflow pools set profile_shop 1 "The browser profile of the shop" --include-deferred

A pool counts tasks that run, not browsers: the one that waits for the person holds no slot. So no other DAG should use
the profile while somebody signs in.

Needs Airflow 3.1, the pool, and the connections `browser_use_default` (type Browser Use: base URL and API key) and
`shop` (address as host; login and password, if the site lets one in with these alone; for v4 in its extra `domain` also
the host name on whose pages they may be typed).

To run it on your own machine: `browser-use-local up --demo-site` (docs/local-server.md). User `careful` of the shop has
a second factor, and its phone is at /shop/phone.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

from airflow.providers.common.compat.sdk import Param, dag, task
from airflow.providers.standard.operators.hitl import ApprovalOperator
from pydantic import BaseModel

from airflow_browser_use.operators import BrowserUseTaskOperator
from airflow_browser_use.sessions import browser_session

PROFILE = {"profile": "shop"}
LOOK = "Open {{ conn.shop.host }}orders and report signed in."


class Order(BaseModel):
    """A row of the shop's table of orders."""

    number: str
    amount: float


class Orders(BaseModel):
    """Whether the shop knows us, as it says on every page, and its table, which it shows to those whom it knows."""

    signed_in: bool
    orders: list[Order] = []


@dag(
    schedule="0 6 * * *",
    start_date=dt.datetime(2026, 11, 1, tzinfo=dt.timezone.utc),
    catchup=False,
    max_active_runs=1,
    params={"by_hand": Param(False, type="boolean", description="Ask a person to sign in, instead of using secrets.")},
    default_args={"deferrable": True, "retries": 2},
    doc_md=__doc__,
)
def stay_signed_in() -> None:
    read = BrowserUseTaskOperator(
        task_id="read", task=LOOK, browser_settings=PROFILE, output_schema=Orders, pool="profile_shop"
    )

    @task.branch
    def next_step(result: dict[str, Any], params: dict[str, Any]) -> str:
        if result["output"]["signed_in"]:
            return "store"
        return "by_hand.start" if params["by_hand"] else "sign_in"

    sign_in = BrowserUseTaskOperator(
        task_id="sign_in",
        task="Open {{ conn.shop.host }}, sign in as shop_user with password shop_password, and report signed in.",
        secrets={"shop_user": "{{ conn.shop.login }}", "shop_password": "{{ conn.shop.password }}"},
        secret_domains="{{ conn.shop.extra_dejson.get('domain', '') }}",
        browser_settings=PROFILE,
        output_schema=Orders,
        pool="profile_shop",
    )
    with browser_session("by_hand", browser_settings=PROFILE) as session_id:
        open_page = BrowserUseTaskOperator(
            task_id="open_page", task="Open {{ conn.shop.host }} and report the heading.", session_id=session_id
        )
        ask = ApprovalOperator(
            task_id="ask",
            subject="Please sign in to the shop",
            # The page of the task in Airflow's UI, with the live browser.
            body="[Open the browser]({{ ti.xcom_pull('by_hand.open_page', key='live_url') }}), take it over, sign in"
            " there, and approve. It is closed after ten minutes.",
            defaults="Reject",
            response_timeout=dt.timedelta(minutes=10),
        )
        read_again = BrowserUseTaskOperator(
            task_id="read_again", task=LOOK, session_id=session_id, output_schema=Orders
        )
        open_page >> ask >> read_again

    @task(trigger_rule="none_failed_min_one_success", retries=0)
    def store(*results: dict[str, Any] | None) -> list[str]:
        output = [result["output"] for result in results if result][-1]
        if not output["signed_in"]:
            raise ValueError("Nobody is signed in: clear this run from the start, and sign in before you approve.")
        return [order["number"] for order in output["orders"]]

    stored = store(read.output, sign_in.output, read_again.output)
    next_step(read.output) >> [session_id.operator, sign_in, stored]


stay_signed_in()
