"""Return an order with its receipt, and keep the shop's list of orders: a file in, and a file out.

`send_return` uploads the receipt and puts it into the shop's form, `save_orders` downloads the shop's CSV. Both places
are paths on the worker or addresses in object storage (`s3://aws_default@bucket/receipt.pdf`).

Needs the connections `browser_use_default` (type Browser Use: base URL and API key) and `shop` (address as host, login
and password; for v4 in its extra `domain` also the host name on whose pages they may be typed). Which order, which
receipt and which folder is said when it is triggered.

To run it on your own machine: `browser-use-local up --demo-site` (docs/local-server.md), and any PDF as the receipt.
"""

from __future__ import annotations

from airflow.providers.common.compat.sdk import Param, dag

from airflow_browser_use.operators import BrowserUseTaskOperator


@dag(
    schedule=None,
    params={
        "order": Param("A-1007", type="string", description="The number of the order."),
        "receipt": Param("/tmp/receipt.pdf", type="string", description="Where the receipt is."),
        "folder": Param("/tmp/shop", type="string", description="Where the list of orders goes."),
    },
    default_args={"deferrable": True, "retries": 2},
    doc_md=__doc__,
)
def return_order() -> None:
    send_return = BrowserUseTaskOperator(
        task_id="send_return",
        task="Open {{ conn.shop.host }} and sign in as shop_user with password shop_password."
        " Open Returns, type {{ params.order }} in Order number, select Damaged as the Reason,"
        " upload {{ params.receipt.split('/')[-1] }} as Receipt and press Send return."
        ' Make sure the page shows "Return received", then report the Receipt and the Receipt size.',
        secrets={"shop_user": "{{ conn.shop.login }}", "shop_password": "{{ conn.shop.password }}"},
        secret_domains="{{ conn.shop.extra_dejson.get('domain', '') }}",
        files=["{{ params.receipt }}"],
    )
    BrowserUseTaskOperator(
        task_id="save_orders",
        task="Open Orders and download Orders as CSV.",
        session_id=send_return.output["session_id"],
        download_output_to="{{ params.folder }}",
    )


return_order()
