"""What only v4 has, or does in its own way: both clients, over real sockets."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from browser_use_client import (
    BrowserSettings,
    CreateTaskRequest,
    InsufficientCreditsError,
    OutputSchemaError,
    RejectedRequestError,
    SessionBusyError,
    UnsupportedOptionError,
)
from tests.client.conftest import Client
from tests.client.contracts.published import check_request, needs_published
from tests.fake_api import FakeApi
from tests.fake_api.schemas_v4 import SINCE_OCTOBER

pytestmark = pytest.mark.parametrize("contract", ["v4"])

KEY = "orders-2026-03-01"
LOST = {"dropped": {}, "500": {"status": 500}, "never answered": {"hang": True}, "504": {"status": 504}}
lost_answers = pytest.mark.parametrize("lost", LOST.values(), ids=list(LOST))


class Orders(BaseModel):
    orders: list[str]


@pytest.fixture
def hasty(fake: FakeApi, connect: Callable[..., Client]) -> Client:
    """A client that does not wait long for an answer."""
    return connect(fake, api_version="v4", timeout=0.3)


def live(fake: FakeApi) -> list[str]:
    return [task["id"] for task in fake.tasks(live=True)]


# --- exactly once, with nothing but the prompt ----------------------------------------------------------------------


@lost_answers
def test_five_keys_with_one_prompt_are_five_tasks_each_found_by_its_own(
    hasty: Client, fake: FakeApi, lost: dict[str, Any]
) -> None:
    fake.script(status=None, crowd=20)
    keys = [f"{KEY}/{number}" for number in range(5)]
    fake.fault(at="create", work="done", times=5, **lost)

    created = [hasty.create_task("Read the orders", key=key).id for key in keys]

    assert len(set(created)) == 5
    assert live(fake) == created
    assert [hasty.find_task(key).id for key in keys] == created
    assert [hasty.create_task("Read the orders", key=key).id for key in keys] == created
    assert {task["prompt"] for task in fake.tasks()} == {"Read the orders"}


@lost_answers
def test_three_equal_follow_ups_in_a_session_are_three_runs_in_their_order(
    hasty: Client, fake: FakeApi, lost: dict[str, Any]
) -> None:
    session_id = hasty.run_task("Log in", keep_session=True).session_id
    fake.fault(at="create", work="done", times=3, **lost)

    tasks = [
        hasty.run_task("Next page", key=f"{KEY}/{page}", session_id=session_id, keep_session=True) for page in range(3)
    ]

    assert {task.session_id for task in tasks} == {session_id}
    assert [task["id"] for task in fake.tasks()[1:]] == [task.id for task in tasks]
    assert all(one["query"].get("sessionId") == session_id for one in fake.requests(at="list")[1:])


@pytest.mark.parametrize("shortened", [5, 60])
def test_a_list_that_shortens_prompts_does_not_hide_the_task_of_a_lost_answer(
    hasty: Client, fake: FakeApi, shortened: int
) -> None:
    fake.script(status=None, shortened=shortened, crowd=30)
    fake.fault(at="create", work="done")

    created = hasty.create_task("Read the orders of yesterday and add them up, one line each, without the tax", key=KEY)
    again = hasty.create_task("Read the orders of yesterday and add them up, one line each, without the tax", key=KEY)

    assert live(fake) == [created.id]
    assert again.id == created.id


def test_a_task_of_its_own_that_comes_back_without_its_tag_is_reported_loudly(
    client: Client, fake: FakeApi, caplog: pytest.LogCaptureFixture
) -> None:
    fake.script(status=None, odd={"task": "Read the orders"})

    with caplog.at_level(logging.ERROR, "browser_use_client"):
        created = client.create_task("Read the orders", key=KEY)

    [record] = caplog.records
    assert created.id in record.getMessage()
    assert KEY in record.getMessage()
    assert "may run and cost twice" in record.getMessage()


def test_a_busy_session_is_looked_at_for_the_own_run_before_it_is_called_busy(hasty: Client, fake: FakeApi) -> None:
    session_id = hasty.run_task("Log in", keep_session=True).session_id
    fake.script(status=None, hidden=14.0)  # the list shows it only when the second POST was answered with 409
    fake.fault(at="create", work="done", status=500)

    created = hasty.create_task("Read", key=KEY, session_id=session_id)

    assert created.reattached
    assert live(fake) == [created.id]
    with pytest.raises(SessionBusyError):
        hasty.create_task("Read", key=f"{KEY}, another", session_id=session_id)


def test_a_run_that_is_not_to_be_read_yet_is_waited_for(client: Client, fake: FakeApi) -> None:
    fake.script(unknown=5.0, hidden=5.0)

    assert client.run_task("x").status == "finished"


def test_the_tag_is_shown_nowhere(client: Client, fake: FakeApi) -> None:
    prompt = "Read the orders\n\nand add them up"
    task = client.run_task(prompt, key=KEY)

    [sent] = fake.tasks()
    assert re.search(r"\n\[bu-[0-9a-f]{20}: [^\n]*\]\Z", sent["body"]["task"])
    shown = [task, client.get_task(task.id), client.find_task(KEY), *client.list_tasks()]
    assert {one.task for one in shown} == {prompt}


# --- sessions and browsers ------------------------------------------------------------------------------------------


def test_a_browser_that_is_not_kept_is_stopped_after_its_run_and_a_kept_one_is_asked_to_stay(
    client: Client, fake: FakeApi
) -> None:
    client.run_task("x")
    [session] = fake.sessions()
    assert (session["status"], session["keep_alive"]) == ("stopped", 120)

    kept = client.run_task("x", keep_session=True)
    fake.advance(3600)
    assert [one["id"] for one in fake.sessions(status="active")] == [kept.session_id]

    client.run_task("y", session_id=kept.session_id)
    assert fake.sessions(status="active") == []


def test_stopping_a_session_cancels_its_run_and_stops_its_browsers(client: Client, fake: FakeApi) -> None:
    fake.script(status=None)
    created = client.create_task("x", keep_session=True)

    client.stop_session(created.session_id)

    assert live(fake) == []
    assert fake.sessions(status="active") == []


def test_a_follow_up_that_found_its_browser_gone_says_so_in_a_warning_and_in_its_task(
    client: Client, fake: FakeApi, caplog: pytest.LogCaptureFixture
) -> None:
    first = client.run_task("Log in", keep_session=True)
    good = client.run_task("Read", session_id=first.session_id, keep_session=True)
    assert good.browser_reused is True
    assert caplog.messages == []
    fake.stop_session(first.session_id)

    with caplog.at_level(logging.WARNING, "browser_use_client"):
        task = client.run_task("Read", session_id=first.session_id)

    assert task.browser_reused is False
    [warning] = caplog.messages
    assert "new browser" in warning
    assert task.id in warning


def test_what_a_session_cost_has_its_runs_and_its_browser_in_it(client: Client, fake: FakeApi) -> None:
    fake.script(seconds=3600.0, cost="1.64")
    task = client.run_task("x", keep_session=True)
    client.run_task("y", session_id=task.session_id)

    cost = client.get_session_cost(task.session_id)

    assert task.cost == Decimal("1.64")
    assert cost.tasks == 2
    assert cost.llm_usd == 2 * Decimal("1.64")
    assert cost.browser_usd >= Decimal("0.04")
    assert cost.total_usd == cost.llm_usd + cost.browser_usd + cost.search_usd + cost.proxy_usd


# --- output, secrets, files, options --------------------------------------------------------------------------------


@pytest.mark.parametrize("in_result", [False, True])
@pytest.mark.parametrize("output", ['{"orders": ["a"]}', 'Here you are:\n```json\n{"orders": ["a"]}\n```\nDone.'])
def test_an_output_is_found_in_output_or_else_in_result(
    client: Client, fake: FakeApi, in_result: bool, output: str
) -> None:
    fake.script(output=output, in_result=in_result)

    task = client.run_task(CreateTaskRequest(task="x", output_schema=Orders))

    assert task.parse(Orders) == Orders(orders=["a"])
    assert fake.tasks()[0]["body"]["outputSchema"] == Orders.model_json_schema()


def test_a_text_where_json_was_asked_for_is_an_error_with_the_text(client: Client, fake: FakeApi) -> None:
    fake.script(output="I could not log in", in_result=True)
    task = client.run_task(CreateTaskRequest(task="x", output_schema=Orders))

    with pytest.raises(OutputSchemaError) as caught:
        task.parse(Orders)

    assert caught.value.raw == "I could not log in"


def bindings(task: dict[str, Any]) -> dict[str, list[str]]:
    return {one["alias"]: one["allowedDomains"] for one in task["body"].get("secretBindings", ())}


def test_secrets_go_with_their_hosts_and_each_follow_up_sends_its_own(client: Client, fake: FakeApi) -> None:
    secrets = {"password": "geheim", "pin": "4711", "bank.example.com": "tan"}
    per_secret = {"password": ["shop.example.com"], "pin": ["pay.example.com", "shop.example.com"]}
    first = client.run_task(
        CreateTaskRequest(task="Log in", secrets=secrets, secret_domains=per_secret), keep_session=True
    )
    client.run_task(
        CreateTaskRequest(task="Pay", secrets={"pin": "4711"}, secret_domains=["pay.example.com"]),
        session_id=first.session_id,
        keep_session=True,
    )
    client.run_task("Log out", session_id=first.session_id)

    assert [bindings(task) for task in fake.tasks()] == [
        per_secret | {"bank.example.com": ["bank.example.com"]},
        {"pin": ["pay.example.com"]},
        {},
    ]


def test_a_secret_without_hosts_is_refused_with_the_remedy(client: Client, fake: FakeApi) -> None:
    secrets = {"pin": "4711", "password": "geheim"}
    request = CreateTaskRequest(task="x", secrets=secrets, secret_domains={"pin": ["shop.example.com"]})

    with pytest.raises(UnsupportedOptionError, match=r"'password'.*`secret_domains`") as caught:
        client.run_task(request)

    assert "geheim" not in str(caught.value)
    assert fake.requests() == []


def test_an_upload_whose_url_has_expired_is_begun_anew(
    fake: FakeApi, connect: Callable[..., Client], tmp_path: Path
) -> None:
    (tmp_path / "a.csv").write_text("1,2")

    def sleep(seconds: float) -> None:
        fake.advance(max(seconds, 301))  # the URL of the store is good for five minutes

    fake.fault(at="upload", status=503)

    connect(fake, api_version="v4", sleep=sleep).run_task("x", files=[tmp_path / "a.csv"])

    assert [request["status"] for request in fake.requests(at="upload")] == [503, 403, 200]
    assert fake.sessions()[0]["files"] == {"uploads/a.csv": "1,2"}
    [task] = fake.tasks()
    assert len(task["body"]["attachedFileIds"]) == 1


def test_output_files_are_those_that_the_run_changed_and_no_uploads(
    client: Client, fake: FakeApi, tmp_path: Path
) -> None:
    (tmp_path / "in.csv").write_text("1")
    fake.script("First", output_files={"first.csv": "1"})
    fake.script("Second", output_files={"second.csv": "2"})
    first = client.run_task("First", files=[tmp_path / "in.csv"], keep_session=True)
    fake.advance(60)
    second = client.run_task("Second", session_id=first.session_id)

    assert [[file.name for file in task.output_files] for task in (first, second)] == [["first.csv"], ["second.csv"]]
    fake.advance(3600)  # each URL is asked for just before its download
    assert [path.read_text() for path in client.download_output_files(second, tmp_path / "out")] == ["2"]


@needs_published
def test_the_new_options_reach_the_server(client: Client, fake: FakeApi) -> None:
    request = CreateTaskRequest.model_validate(
        {
            "task": "x",
            "max_cost_usd": "2.50",
            "agent_settings": {"llm": "gpt-6-luna", "model_params": {"effort": "high"}},
            "browser_settings": {"custom_proxy": {"host": "proxy.example.com", "port": 8080, "password": "geheim"}},
        }
    )
    client.create_task(request)

    body = fake.tasks()[0]["body"]
    check_request("v4", "RunCreateRequest", body)
    assert body["maxCostUsd"] == "2.50"
    assert body["modelParams"] == {"effort": "high"}
    assert body["browserSettings"]["customProxy"] == {"host": "proxy.example.com", "port": 8080, "password": "geheim"}


NEWER = {
    "output_schema": {"request": {"output_schema": Orders}},
    "keep_session": {"keep_session": True},
    "op_vault_id": {"request": {"op_vault_id": "vault"}},
}


@pytest.mark.parametrize(("option", "asked"), NEWER.items(), ids=list(NEWER))
def test_a_server_of_september_refuses_newer_fields_and_the_error_says_which_option_it_was(
    client: Client, fake: FakeApi, option: str, asked: dict[str, Any]
) -> None:
    fake.forget_fields(*SINCE_OCTOBER)
    client.run_task("x")  # which needs none of them

    asked = dict(asked)
    with pytest.raises(RejectedRequestError, match=f"`{option}`"):
        client.run_task(CreateTaskRequest(task="x", **asked.pop("request", {})), **asked)

    assert len(fake.tasks()) == 1


REFUSED = {
    "start_url": {"agent_settings": {"start_url": "https://shop.example.com"}},
    "allowed_domains": {"agent_settings": {"allowed_domains": ["shop.example.com"]}},
    "max_steps": {"agent_settings": {"max_steps": 7}},
    "metadata": {"metadata": {"team": "x"}},
    "skill_ids": {"skill_ids": ["a"]},
    "judge_llm": {"judge_llm": "o3"},
}


@pytest.mark.parametrize(("option", "asked"), REFUSED.items(), ids=list(REFUSED))
def test_what_v4_has_no_place_for_is_refused_by_name_before_anything_is_sent(
    client: Client, fake: FakeApi, option: str, asked: dict[str, Any]
) -> None:
    with pytest.raises(UnsupportedOptionError, match=rf"`(agent_settings\.)?{option}`.*v4.*\w\."):
        client.run_task(CreateTaskRequest.model_validate({"task": "x"} | asked))

    assert fake.requests() == []


# --- limits and refusals --------------------------------------------------------------------------------------------


def test_a_key_s_monthly_limit_is_told_apart_from_an_empty_balance(client: Client, fake: FakeApi) -> None:
    spent = {"code": "api_key_monthly_spend_limit_reached", "message": "Limit reached.", "cap": 10.0, "spent": 10.2}
    fake.fault(at="create", status=402, detail=spent)
    with pytest.raises(InsufficientCreditsError, match="Limit reached") as by_key:
        client.create_task("x")

    fake.limit(credits_usd=0)
    with pytest.raises(InsufficientCreditsError) as by_balance:
        client.create_task("x")

    assert str(by_key.value) != str(by_balance.value)
    assert "monthly" in str(by_key.value).lower()
    assert fake.tasks() == []


def test_a_zero_data_retention_project_hears_that_v4_does_not_serve_it(client: Client, fake: FakeApi) -> None:
    fake.fault(at="create", status=403, detail="Zero Data Retention is enabled on the project (V4 unsupported).")

    with pytest.raises(Exception, match=r"(?i)zero data retention.*v2") as caught:
        client.create_task("x")

    assert "API key" not in str(caught.value)


def test_a_follow_up_cannot_take_another_workspace(client: Client, fake: FakeApi) -> None:
    first = client.run_task("x", keep_session=True)

    with pytest.raises(Exception, match="workspace"):
        client.run_task(
            CreateTaskRequest(
                task="y",
                workspace_id="3c90c3cc-0d44-4b50-8888-8dd25736052a",
                browser_settings=BrowserSettings(session_id=first.session_id),
            )
        )

    assert len(fake.tasks()) == 1
