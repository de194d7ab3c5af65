"""Lists of an account hold what others put there: one odd item of theirs breaks nothing of ours."""

from __future__ import annotations

import logging
from typing import Any
from uuid import uuid4

import pytest

from browser_use_client import UnexpectedResponseError
from browser_use_client.contracts import CONTRACTS
from browser_use_client.models import BrowserProfile, Page
from tests.client.conftest import Client
from tests.client.in_memory import SPOKEN
from tests.fake_api import FakeApi

KEY = "orders-2026-03-01"
AN_ID = "3c90c3cc-0d44-4b50-8888-8dd25736052a"
ODD = {
    "no session": {"sessionId": None},
    "no id": {"id": None},
    "a status that is a number": {"status": 7},
    "metadata that is a list": {"metadata": ["a"]},
    "metadata that is a text": {"metadata": "a"},
    "a time that is a text": {"finishedAt": "yesterday"},
    "steps of another kind": {"steps": [1]},
}
odd_items = pytest.mark.parametrize("odd", ODD.values(), ids=list(ODD))


def said_by(contract: str, odd: dict[str, Any]) -> dict[str, Any]:
    """The same oddity, in a field that the contract has."""
    if contract != "v4":
        return odd
    fields = {"finishedAt": "createdAt", "metadata": "workspaceId", "steps": "task", "status": "totalCostUsd"}
    return {fields.get(name, name): {"odd": value} if name in fields else value for name, value in odd.items()}


@odd_items
def test_an_odd_task_of_somebody_else_does_not_keep_a_key_from_being_used(
    client: Client, fake: FakeApi, contract: str, odd: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    fake.script(status=None)
    first = client.create_task("x", key=KEY)
    fake.add_others(1, odd=said_by(contract, odd))

    with caplog.at_level(logging.WARNING, "browser_use_client"):
        again = [client.create_task("x", key=KEY) for _ in range(2)]

    assert [one.id for one in again] == [first.id] * 2
    assert [task.id for task in client.list_tasks()] == [first.id]
    assert len([line for line in caplog.messages if "was passed over" in line]) <= 1


def test_a_warning_names_the_odd_item_and_says_what_is_odd_but_not_what_stands_there(
    client: Client, fake: FakeApi, caplog: pytest.LogCaptureFixture
) -> None:
    odd_id = str(uuid4())
    fake.add_others(1, odd={"id": odd_id, "sessionId": {"password": "geheim"}})

    with caplog.at_level(logging.WARNING, "browser_use_client"):
        assert [list(client.list_tasks()) for _ in range(2)] == [[], []]

    assert [odd_id in line and "session_id" in line for line in caplog.messages] == [True]
    assert "geheim" not in caplog.text


@odd_items
def test_a_whole_page_of_odd_tasks_is_not_taken_for_the_end_of_the_list(
    client: Client, fake: FakeApi, contract: str, odd: dict[str, Any]
) -> None:
    fake.script(status=None)
    first = client.create_task("x", key=KEY)
    fake.add_others(150, odd=said_by(contract, odd))

    assert client.find_task(KEY).id == first.id


@pytest.mark.parametrize("lost", [False, True])
def test_an_odd_task_that_carries_the_key_is_said_to_be_there_and_no_other_is_created(
    client: Client, fake: FakeApi, lost: bool
) -> None:
    fake.script(status=None, odd={"sessionId": None})
    if lost:
        fake.fault(at="create", work="done")
    else:
        client.create_task("x", key=KEY, key_is_new=True)

    with pytest.raises(UnexpectedResponseError, match=f"carries the key '{KEY}'.*may run and cost") as caught:
        client.create_task("x", key=KEY, key_is_new=lost)

    [task] = fake.tasks()
    assert caught.value.task_id == task["id"]
    assert task["id"] in str(caught.value)


@pytest.mark.parametrize("name", SPOKEN)
@pytest.mark.parametrize("odd", [{"status": None}, {"startedAt": "yesterday"}, 7, None, []])
def test_an_odd_session_is_passed_over(name: str, odd: Any) -> None:
    good = {"id": AN_ID, "status": "active", "agentSessionId": AN_ID}
    item = good | odd if isinstance(odd, dict) else odd

    page: Page[Any] = CONTRACTS[name].list_sessions().parse({"items": [item, good], "totalItems": 2})

    assert ([session.status for session in page.items], page.size) == (["active"], 2)


@pytest.mark.parametrize("name", SPOKEN)
def test_an_odd_profile_is_passed_over(name: str) -> None:
    items = [{"id": "a", "name": 7}, {"id": "b", "name": "shop"}, "?"]

    page = CONTRACTS[name].profiles(BrowserProfile).list().parse({"items": items, "totalItems": 3})

    assert ([profile.name for profile in page.items], page.size) == (["shop"], 3)
