"""When a browser task fails, send an e-mail with what the agent said and the page that it was on.

`on_failure_callback` is called on the worker, once no retries are left. The exception says what happened, to which
remote task and session. The picture is fetched at that moment and goes along in the e-mail, since its URL holds for
minutes. An alert should not depend on what it tells of: where the server cannot be asked, the e-mail goes without the
picture. So it does on v4, which has none.

Needs the connections `browser_use_default` (type Browser Use: base URL and API key), `shop` (address as host, login and
password; for v4 in its extra `domain` also the host name on whose pages they may be typed) and `mail` (an SMTP server:
host and port).

To run it on your own machine: `browser-use-local up --demo-site` (docs/local-server.md); as an SMTP server that shows
what it gets, `pip install aiosmtpd` and `aiosmtpd -n` (port 8025). Trigger it with an order that the shop does not
have.
"""

from __future__ import annotations

import smtplib
from email.message import EmailMessage
from typing import Any

import httpx
from airflow.providers.common.compat.sdk import BaseHook, Param, dag

from airflow_browser_use.hooks import BrowserUseHook
from airflow_browser_use.operators import BrowserUseTaskOperator
from browser_use_client import BrowserUseError

SENDER, RECIPIENT = "airflow@example.com", "on-call@example.com"


def send_alert(context: dict[str, Any]) -> None:
    """Send an e-mail about the task that failed."""
    ti = context["ti"]
    message = EmailMessage()
    message["Subject"] = f"{ti.task_id} of {ti.dag_id} failed"
    message["From"], message["To"] = SENDER, RECIPIENT
    message.set_content(f"{context['exception']}\n\nRun: {ti.run_id}\n")
    task_id = ti.xcom_pull(task_ids=ti.task_id, key="task_id", map_indexes=ti.map_index)
    if task_id and (picture := last_picture(task_id)):
        maintype, _, subtype = picture.headers["Content-Type"].partition("/")
        message.add_attachment(picture.content, maintype=maintype, subtype=subtype, filename=f"last-page.{subtype}")
    mail = BaseHook.get_connection("mail")
    with smtplib.SMTP(mail.host, mail.port) as server:
        server.send_message(message)


def last_picture(task_id: str) -> httpx.Response | None:
    """The last page that a remote task has seen; None where the server has no picture, or does not answer."""
    try:
        with BrowserUseHook().new_client() as client:
            steps = client.get_task(task_id).steps
        url = next((step.screenshot_url for step in reversed(steps) if step.screenshot_url), None)
        return httpx.get(url, timeout=30).raise_for_status() if url else None
    except (BrowserUseError, httpx.HTTPError):
        return None


@dag(
    schedule=None,
    params={"order": Param("A-1007", type="string", description="The number of the order.")},
    default_args={"retries": 1, "on_failure_callback": send_alert},
    doc_md=__doc__,
)
def alert_with_picture() -> None:
    BrowserUseTaskOperator(
        task_id="look_up",
        task="Open {{ conn.shop.host }}, sign in as shop_user with password shop_password, click {{ params.order }}"
        " and report its carrier.",
        secrets={"shop_user": "{{ conn.shop.login }}", "shop_password": "{{ conn.shop.password }}"},
        secret_domains="{{ conn.shop.extra_dejson.get('domain', '') }}",
        deferrable=True,
    )


alert_with_picture()
