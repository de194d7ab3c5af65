"""browser-use-sdk 3.12.1 speaks v2-flat in `browser_use_sdk.v2`; its models are strict."""

from __future__ import annotations

import sys
from datetime import datetime, timedelta, timezone

import checks
import httpx
from browser_use_sdk.v2 import BrowserUse, BrowserUseError, SessionSettings
from pydantic import BaseModel

URL, KEY, SITE = sys.argv[1:]
SECRETS = {"shop_user": "demo", "shop_password": "browser-use-demo"}
SIGN_IN = f"Open {SITE}/shop/ and sign in as shop_user with password shop_password."


class Order(BaseModel):
    number: str
    amount: float


class Orders(BaseModel):
    orders: list[Order]


def refused(status: int, call, *arguments, **named) -> None:
    try:
        call(*arguments, **named)
    except BrowserUseError as error:
        answered = error.status_code
    else:
        answered = 200
    assert answered == status


def check_a_run_with_follow_up_structured_output_and_secrets(client: BrowserUse) -> None:
    session = client.sessions.create(browser_screen_width=1400, browser_screen_height=900)
    first = client.run(SIGN_IN, session_id=str(session.id), secrets=SECRETS, metadata={"a": "b"})
    assert (first.status.value, first.is_success, first.metadata) == ("finished", True, {"a": "b"})
    more = client.run(
        "Set the Status filter to Open and read the Orders table.", session_id=str(session.id), output_schema=Orders
    )
    assert max(order.amount for order in more.output.orders) == 310.25
    stopped = client.sessions.stop(str(session.id))
    assert (stopped.status.value, len(stopped.tasks)) == ("stopped", 2)
    refused(400, client.tasks.create, "Go back", session_id=str(session.id))


def check_a_task_without_session_closes_its_own(client: BrowserUse) -> None:
    task = client.run(
        "Report the heading.", start_url=f"{SITE}/shop/", session_settings=SessionSettings(browserScreenWidth=800)
    )
    assert task.output == "heading: Sign in"
    assert client.sessions.get(str(task.session_id)).status.value == "stopped"


def check_a_stream_of_steps(client: BrowserUse) -> None:
    stream = client.stream("Wait 0.1 seconds, wait 0.1 seconds.", max_steps=5)
    assert [step.number for step in stream] == [1, 2]
    assert stream.result.is_success


def check_stopping(client: BrowserUse) -> None:
    task = client.tasks.create("Wait 60 seconds.")
    refused(422, client.tasks.create, "")
    assert client.tasks.stop(str(task.id)).status.value == "stopped"
    assert client.tasks.status(str(task.id)).status.value == "stopped"
    task = client.tasks.create("Wait 60 seconds.")
    assert client.tasks.stop_task_and_session(str(task.id)).status.value == "stopped"


def check_lists_with_every_filter(client: BrowserUse) -> None:
    now = datetime.now(timezone.utc)
    tasks = client.tasks.list(
        page_size=5,
        page_number=1,
        filter_by="finished",
        after=(now - timedelta(hours=1)).isoformat(),
        before=now.isoformat(),
    )
    assert {task.status.value for task in tasks.items} == {"finished"}
    session_id = str(tasks.items[0].session_id)
    assert {str(task.session_id) for task in client.tasks.list(session_id=session_id).items} == {session_id}
    assert {session.status.value for session in client.sessions.list(filter_by="stopped").items} == {"stopped"}


def check_files_in_and_out(client: BrowserUse) -> None:
    content = b"%PDF-1.4"
    session = str(client.sessions.create().id)
    announced = client.files.session_url(
        session, file_name="receipt.pdf", content_type="application/pdf", size_bytes=len(content)
    )
    httpx.post(announced.url, data=announced.fields, files={"file": content}).raise_for_status()
    task = client.run(
        f"{SIGN_IN} Download Orders as CSV. Open Returns and upload {announced.file_name} as Receipt.",
        session_id=session,
        secrets=SECRETS,
    )
    assert task.is_success, task.output
    (out,) = task.output_files
    assert "A-1007" in httpx.get(client.files.task_output(str(task.id), str(out.id)).download_url).text
    assert "Download Orders as CSV" in httpx.get(client.tasks.logs(str(task.id)).download_url).text
    client.sessions.purge(session)


def check_profiles_account_and_share(client: BrowserUse) -> None:
    profile = client.profiles.create(name="shop of ann")
    assert client.profiles.update(str(profile.id), user_id="ann").user_id == "ann"
    assert [one.id for one in client.profiles.list(query="of ann").items] == [profile.id]
    assert client.profiles.list(query="nobody").items == []
    session = str(client.sessions.create(profile_id=str(profile.id)).id)
    share = client.sessions.create_share(session)
    assert client.sessions.get_share(session).share_token == share.share_token
    client.sessions.delete_share(session)
    client.sessions.delete(session)
    client.profiles.delete(str(profile.id))
    assert client.billing.account().total_credits_balance_usd == 0


def check_errors(client: BrowserUse) -> None:
    stranger = "3c90c3cc-0d44-4b50-8888-8dd25736052a"
    refused(401, BrowserUse("bu_wrong", base_url=URL).tasks.list)
    refused(404, client.tasks.get, stranger)
    refused(404, client.tasks.create, "x", session_id=stranger)
    refused(404, client.sessions.create, profile_id=stranger)
    refused(422, client.tasks.create, "x", structured_output="no schema")
    session = str(client.sessions.create().id)
    client.tasks.create("Wait 60 seconds.", session_id=session)
    refused(400, client.tasks.create, "x", session_id=session)
    client.sessions.delete(session)


if __name__ == "__main__":
    checks.run(globals(), BrowserUse(KEY, base_url=URL))
