"""Fill in the form to return an order, let a person look at it, and send it if they approve.

The browser stays on the filled-in form while the person decides, in Airflow's UI ("Required Actions") or over its REST
API. A rejection skips `send`; the teardown of the group closes the browser either way.

Both the local server and Browser Use Cloud stop a session that no task used for 15 minutes. So the answer has to come
earlier: `response_timeout` is ten minutes, and no answer by then counts as a rejection. Where people may take hours,
do not keep a browser open for them: ask first, and fill in the form afterwards.

Needs Airflow 3.1, and the connections `browser_use_default` (type Browser Use: base URL and API key) and `shop`
(address as host, login and password; for v4 in its extra `domain` also the host name on whose pages they may be typed).
Which order and which receipt is said when it is triggered.

To run it on your own machine: `browser-use-local up --demo-site` (docs/local-server.md), and any PDF as the receipt.
"""

from __future__ import annotations

import datetime as dt

from airflow.providers.common.compat.sdk import Param, dag
from airflow.providers.standard.operators.hitl import ApprovalOperator

from airflow_browser_use.operators import BrowserUseTaskOperator
from airflow_browser_use.sessions import browser_session


@dag(
    schedule=None,
    params={
        "order": Param("A-1007", type="string", description="The number of the order."),
        "receipt": Param("/tmp/receipt.pdf", type="string", description="Where the receipt is."),
    },
    default_args={"deferrable": True, "retries": 2},
    doc_md=__doc__,
)
def approve_return() -> None:
    with browser_session("shop") as session_id:
        fill_in = BrowserUseTaskOperator(
            task_id="fill_in",
            task="Open {{ conn.shop.host }} and sign in as shop_user with password shop_password."
            " Open Returns, type {{ params.order }} in Order number, select Damaged as the Reason,"
            " and upload {{ params.receipt.split('/')[-1] }} as Receipt.",
            secrets={"shop_user": "{{ conn.shop.login }}", "shop_password": "{{ conn.shop.password }}"},
            secret_domains="{{ conn.shop.extra_dejson.get('domain', '') }}",
            files=["{{ params.receipt }}"],
            session_id=session_id,
        )
        approve = ApprovalOperator(
            task_id="approve",
            subject="Return order {{ params.order }}?",
            # The page of the task in Airflow's UI, with the live browser.
            body="The form is filled in: [look at it]({{ ti.xcom_pull('shop.fill_in', key='live_url') }}).",
            defaults="Reject",
            response_timeout=dt.timedelta(minutes=10),
        )
        send = BrowserUseTaskOperator(
            task_id="send",
            task='Press Send return and make sure the page shows "Return received".',
            session_id=session_id,
        )
        fill_in >> approve >> send


approve_return()
