"""Return an order with its receipt, and keep the shop's list of orders as a file.

`files` are uploaded before the task that needs them, which names them in its prompt. With `download_output_to`, what
the second task downloads in its browser lies in a folder here when it has ended. Both are paths where the flow runs.

    python examples/prefect/files_in_and_out.py RECEIPT FOLDER

Needs in its environment: BROWSER_USE_API_KEY (and BROWSER_USE_BASE_URL, for another server than Browser Use Cloud),
SHOP_URL, SHOP_USER and SHOP_PASSWORD; on v4 also SHOP_DOMAIN, the host name on whose pages these may be typed. On your
own machine, `browser-use-local up --demo-site` serves the API and the shop (docs/local-server.md).
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from prefect import flow
from prefect.logging import get_run_logger
from pydantic import SecretStr

from prefect_browser_use import browser_session


@flow
def files_in_and_out(
    receipt: Path, folder: Path, order: str = "A-1007", shop_url: str = os.environ.get("SHOP_URL", "")
) -> list[Path | None]:
    """Return an order, then download the list of orders.

    Args:
        receipt: The receipt of the order.
        folder: Where the list goes.
        order: The order's number.
        shop_url: The shop's address.
    """
    with browser_session() as session:
        returned = session.run(
            f"Open {shop_url} and sign in as shop_user with password shop_password. Open Returns, type {order} in Order"
            f' number, select Damaged as the Reason, upload "{receipt.name}" as Receipt and press Send return.'
            ' Make sure the page shows "Return received", then report the receipt and receipt size.',
            name="return-order",
            secrets={
                "shop_user": SecretStr(os.environ["SHOP_USER"]),
                "shop_password": SecretStr(os.environ["SHOP_PASSWORD"]),
            },
            secret_domains=os.environ.get("SHOP_DOMAIN", "").split() or None,
            files=[receipt],
        )
        get_run_logger().info("The shop took the return. %s", returned.output)
        listed = session.run(
            "Open the Orders page and download Orders as CSV.", name="download-orders", download_output_to=folder
        )
    return [file.path for file in listed.output_files]


if __name__ == "__main__":
    files_in_and_out(Path(sys.argv[1]), Path(sys.argv[2]))
