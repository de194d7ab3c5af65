"""browser-use-sdk 1.0.2 speaks v2-nested. Its answers are checked strictly against its own models."""

from __future__ import annotations

import json
import sys
from datetime import datetime, timedelta, timezone

import browser_use_sdk
import checks
import httpx
from browser_use_sdk import BrowserUse
from pydantic import BaseModel

URL, KEY, SITE = sys.argv[1:]
SECRETS = {"shop_user": "demo", "shop_password": "browser-use-demo"}
SIGN_IN = f"Open {SITE}/shop/ and sign in as shop_user with password shop_password."


class Order(BaseModel):
    number: str
    amount: float


class Orders(BaseModel):
    orders: list[Order]


def refused(kind: type[Exception], call, *arguments, **named) -> None:
    try:
        call(*arguments, **named)
    except kind:
        return
    raise AssertionError(f"no {kind.__name__}")


def check_a_run_with_follow_up_structured_output_and_secrets(client: BrowserUse) -> None:
    first = client.tasks.run(task=SIGN_IN, agent_settings={"llm": "o3"}, secrets=SECRETS, metadata={"a": "b"})
    assert (first.status, first.is_success, first.metadata) == ("finished", True, {"a": "b"})
    assert len(first.steps) == 2
    assert first.steps[0].screenshot_url
    more = client.tasks.run(
        task="Set the Status filter to Open and read the Orders table.",
        browser_settings={"sessionId": first.session_id},
        structured_output_json=json.dumps(Orders.model_json_schema()),
    )
    assert more.session_id == first.session_id
    # Not through the SDK's own parsing: it does not work with today's pydantic.
    assert max(order.amount for order in Orders.model_validate_json(more.done_output).orders) == 310.25
    session = client.sessions.update(first.session_id, action="stop")
    assert (session.status, len(session.tasks)) == ("stopped", 2)
    refused(
        browser_use_sdk.BadRequestError, client.tasks.create, task="Go back", browser_settings={"sessionId": session.id}
    )


def check_a_stream_of_steps(client: BrowserUse) -> None:
    task = client.tasks.create(task="Wait 0.1 seconds, wait 0.1 seconds.", agent_settings={})
    *_, last = client.tasks.stream(task.id)
    assert (last.status, len(last.steps)) == ("finished", 2)
    client.sessions.delete(last.session_id)
    refused(browser_use_sdk.NotFoundError, client.tasks.retrieve, task.id)


def check_stop_pause_and_resume(client: BrowserUse) -> None:
    task = client.tasks.create(task="Wait 0.2 seconds. Wait 60 seconds.", agent_settings={})
    assert client.tasks.update(task.id, action="pause").status == "paused"
    assert client.tasks.update(task.id, action="resume").status == "started"
    assert client.tasks.update(task.id, action="stop_task_and_session").status == "stopped"
    assert client.sessions.retrieve(task.session_id).status == "stopped"


def check_lists_with_every_filter(client: BrowserUse) -> None:
    now = datetime.now(timezone.utc)
    tasks = client.tasks.list(
        page_size=5, page_number=1, filter_by="finished", after=now - timedelta(hours=1), before=now
    )
    assert all(task.status == "finished" for task in tasks.items)
    assert tasks.page_size == 5
    session_id = tasks.items[0].session_id
    assert {task.session_id for task in client.tasks.list(session_id=session_id).items} == {session_id}
    assert {session.status for session in client.sessions.list(filter_by="stopped").items} == {"stopped"}


def check_files_in_and_out(client: BrowserUse) -> None:
    content = b"%PDF-1.4"
    announced = client.users.me.files.create_presigned_url(
        content_type="application/pdf", file_name="receipt.pdf", size_bytes=len(content)
    )
    httpx.post(announced.url, data=announced.fields, files={"file": content}).raise_for_status()
    task = client.tasks.run(
        task=f"{SIGN_IN} Download Orders as CSV. Open Returns and upload {announced.file_name} as Receipt.",
        agent_settings={},
        included_file_names=[announced.file_name],
        secrets=SECRETS,
    )
    assert task.is_success, task.done_output
    (out,) = task.output_files
    assert "A-1007" in httpx.get(client.tasks.get_output_file(out.id, task_id=task.id).download_url).text
    (given,) = task.user_uploaded_files
    view = client.tasks.get_user_uploaded_file(given.id, task_id=task.id)
    assert httpx.get(view.download_url).content == content
    assert "Download Orders as CSV" in httpx.get(client.tasks.get_logs(task.id).download_url).text
    client.sessions.delete(task.session_id)


def check_profiles_account_and_share(client: BrowserUse) -> None:
    agent = client.agent_profiles.create(name="careful", max_agent_steps=3)
    assert client.agent_profiles.update(agent.id, thinking=False).thinking is False
    assert agent.id in {profile.id for profile in client.agent_profiles.list().items}
    browser = client.browser_profiles.create(name="wide", browser_viewport_width=1600)
    assert client.browser_profiles.retrieve(browser.id).browser_viewport_width == 1600
    task = client.tasks.run(
        task="Wait 0 seconds.", agent_settings={"profileId": agent.id}, browser_settings={"profileId": browser.id}
    )
    share = client.sessions.public_share.create(task.session_id)
    assert client.sessions.public_share.retrieve(task.session_id).share_token == share.share_token
    client.sessions.public_share.delete(task.session_id)
    client.sessions.delete(task.session_id)
    client.agent_profiles.delete(agent.id)
    client.browser_profiles.delete(browser.id)
    assert client.users.me.retrieve().monthly_credits_balance_usd == 0


def check_errors(client: BrowserUse) -> None:
    stranger = "3c90c3cc-0d44-4b50-8888-8dd25736052a"
    refused(browser_use_sdk.AuthenticationError, BrowserUse(api_key="bu_wrong", base_url=URL).tasks.list)
    refused(browser_use_sdk.NotFoundError, client.tasks.create, task="x", agent_settings={"profileId": stranger})
    refused(browser_use_sdk.UnprocessableEntityError, client.tasks.create, task="")
    busy = client.tasks.create(task="Wait 60 seconds.", agent_settings={})
    refused(
        browser_use_sdk.BadRequestError, client.tasks.create, task="x", browser_settings={"sessionId": busy.session_id}
    )
    client.sessions.delete(busy.session_id)


if __name__ == "__main__":
    checks.run(globals(), BrowserUse(api_key=KEY, base_url=URL, _strict_response_validation=True))
