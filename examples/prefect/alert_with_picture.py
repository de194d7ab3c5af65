"""When a browser task fails, send an e-mail with what the agent said and the page that it was on.

`on_failure` of a flow is called in its process, once no retries are left. The error says what happened, to which remote
task and session. The picture is fetched at that moment and goes along in the e-mail, since its URL holds for minutes.
An alert should not depend on what it tells of: where the server cannot be asked, the e-mail goes without the picture.
So it does on v4, which has none.

    python examples/prefect/alert_with_picture.py A-9999    # an order that the shop does not have

Needs in its environment: BROWSER_USE_API_KEY (and BROWSER_USE_BASE_URL, for another server than Browser Use Cloud),
SHOP_URL, SHOP_USER and SHOP_PASSWORD; on v4 also SHOP_DOMAIN, the host name on whose pages these may be typed; and
SMTP_HOST and SMTP_PORT, for another SMTP server than localhost:8025. On your own machine, `browser-use-local up
--demo-site` serves the API and the shop (docs/local-server.md), and `pip install aiosmtpd` and `aiosmtpd -n` an SMTP
server that shows what it gets.
"""

from __future__ import annotations

import os
import smtplib
import sys
from email.message import EmailMessage
from typing import Any

import httpx
from prefect import flow
from pydantic import SecretStr

from browser_use_client import BrowserUseClient, BrowserUseError
from prefect_browser_use import run_browser_task

SENDER, RECIPIENT = "prefect@example.com", "on-call@example.com"


def send_alert(flow: Any, flow_run: Any, state: Any) -> None:
    """Send an e-mail about the flow run that failed.

    Args:
        flow: The flow.
        flow_run: Its run.
        state: How it ended.
    """
    error = state.result(raise_on_failure=False)
    message = EmailMessage()
    message["Subject"] = f"{flow_run.name} of {flow.name} failed"
    message["From"], message["To"] = SENDER, RECIPIENT
    message.set_content(f"{error}\n")
    if isinstance(error, BrowserUseError) and error.task_id and (picture := last_picture(error.task_id)):
        maintype, _, subtype = picture.headers["Content-Type"].partition("/")
        message.add_attachment(picture.content, maintype=maintype, subtype=subtype, filename=f"last-page.{subtype}")
    with smtplib.SMTP(os.environ.get("SMTP_HOST", "localhost"), int(os.environ.get("SMTP_PORT", "8025"))) as server:
        server.send_message(message)


def last_picture(task_id: str) -> httpx.Response | None:
    """The last page that a remote task has seen; None where the server has no picture, or does not answer.

    Args:
        task_id: The remote task.
    """
    try:
        with BrowserUseClient() as client:
            steps = client.get_task(task_id).steps
        url = next((step.screenshot_url for step in reversed(steps) if step.screenshot_url), None)
        return httpx.get(url, timeout=30).raise_for_status() if url else None
    except (BrowserUseError, httpx.HTTPError):
        return None


@flow(on_failure=[send_alert], retries=1)
def alert_with_picture(order: str = "A-1007", shop_url: str = os.environ.get("SHOP_URL", "")) -> str:
    """Report the carrier of an order.

    Args:
        order: The order's number.
        shop_url: The shop's address.
    """
    found = run_browser_task(
        f"Open {shop_url}, sign in as shop_user with password shop_password, click {order} and report its carrier.",
        secrets={
            "shop_user": SecretStr(os.environ["SHOP_USER"]),
            "shop_password": SecretStr(os.environ["SHOP_PASSWORD"]),
        },
        secret_domains=os.environ.get("SHOP_DOMAIN", "").split() or None,
    )
    return str(found.output)


if __name__ == "__main__":
    alert_with_picture(*sys.argv[1:])
