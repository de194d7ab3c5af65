"""Two sessions with one browser profile overwrite each other's cookies: the second one waits, or a warning says so."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from browser_use_client import BrowserProfile, BrowserSettings, CreateTaskRequest
from tests.client.conftest import Client
from tests.fake_api import FakeApi

v2_only = pytest.mark.parametrize("contract", ["v2-nested", "v2-flat"], indirect=True)


@pytest.fixture
def shop(client: Client, fake: FakeApi) -> BrowserSettings:
    """The settings of a browser with a profile that exists."""
    made = client.create_profile(BrowserProfile(name="shop"))
    fake.forget_requests()
    return BrowserSettings(profile_id=made.id)


def reading(shop: BrowserSettings, **more: Any) -> CreateTaskRequest:
    return CreateTaskRequest(task="Read the orders", browser_settings=shop, **more)


def lists(fake: FakeApi) -> int:
    return len(fake.requests("GET", "/tasks"))


@v2_only
def test_who_does_not_wait_is_warned_of_the_session_that_has_the_profile(
    client: Client, fake: FakeApi, shop: BrowserSettings, caplog: pytest.LogCaptureFixture
) -> None:
    fake.script(status=None)
    first = client.create_task(reading(shop))
    caplog.clear()

    second = client.create_task(reading(shop))

    [warning] = caplog.messages
    assert f"Browser profile {shop.profile_id} is in use: task {first.id} runs with it in session" in warning
    assert str(first.session_id) in warning
    assert "wait_when_busy" in warning
    assert second.session_id != first.session_id


@v2_only
def test_who_waits_begins_when_the_other_has_ended(
    client: Client, fake: FakeApi, shop: BrowserSettings, caplog: pytest.LogCaptureFixture
) -> None:
    fake.script(seconds=60.0)
    first = client.create_task(reading(shop))
    began = fake.time()

    client.create_task(reading(shop), wait_when_busy=300)

    assert [task["id"] for task in fake.tasks(live=False)] == [first.id]
    assert 60.0 <= fake.time() - began <= 85.0
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


@v2_only
def test_who_has_waited_long_enough_begins_all_the_same_with_a_warning(
    client: Client, fake: FakeApi, shop: BrowserSettings, caplog: pytest.LogCaptureFixture
) -> None:
    fake.script(status=None)
    client.create_task(reading(shop))
    began = fake.time()

    client.create_task(reading(shop), wait_when_busy=60)

    assert fake.time() - began <= 60.0
    assert len(fake.tasks(live=True)) == 2
    assert "is in use" in caplog.text


@v2_only
def test_a_follow_up_keeps_the_profile_of_its_session_in_use(
    client: Client, fake: FakeApi, shop: BrowserSettings, caplog: pytest.LogCaptureFixture
) -> None:
    first = client.run_task(reading(shop), keep_session=True)
    fake.script(status=None)
    follow_up = client.create_task("Read on", session_id=first.session_id)

    client.create_task(reading(shop))

    assert f"task {follow_up.id} runs with it in session {first.session_id}" in caplog.text


@v2_only
def test_a_profile_that_is_free_costs_one_request_and_no_profile_none(
    client: Client, fake: FakeApi, shop: BrowserSettings, caplog: pytest.LogCaptureFixture
) -> None:
    other = client.create_profile(BrowserProfile(name="other"))
    client.run_task(reading(shop))
    fake.script(status=None)
    client.create_task(reading(BrowserSettings(profile_id=other.id)))
    fake.forget_requests()

    client.create_task("Read")
    assert lists(fake) == 0
    client.create_task(reading(shop))
    assert lists(fake) == 1
    assert not caplog.messages


@v2_only
def test_a_list_that_cannot_be_read_keeps_no_task_from_being_created(
    client: Client, fake: FakeApi, shop: BrowserSettings
) -> None:
    fake.fault("GET", "/tasks", status=500, times=None)

    client.create_task(reading(shop))

    assert len(fake.tasks()) == 1


@pytest.mark.parametrize("contract", ["v2-flat"], indirect=True)
def test_metadata_that_is_full_has_no_room_for_the_profile_and_stays_as_it_is(
    client: Client, fake: FakeApi, shop: BrowserSettings
) -> None:
    full = {str(number): "x" for number in range(9)}

    client.create_task(reading(shop, metadata=full), key="k")

    assert fake.tasks()[0]["body"]["metadata"] == {**full, "idempotency_key": "k"}


@pytest.mark.parametrize("contract", ["v2-flat"], indirect=True)
def test_a_session_that_is_started_with_a_profile_in_use_warns_too(
    client: Client, fake: FakeApi, shop: BrowserSettings, caplog: pytest.LogCaptureFixture
) -> None:
    fake.script(status=None)
    first = client.create_task(reading(shop))

    client.start_session(shop)

    assert f"task {first.id} runs with it" in caplog.text


@pytest.mark.parametrize("contract", ["v4"], indirect=True)
def test_v4_says_of_nothing_which_profile_it_has_so_nothing_is_asked(
    client: Client, fake: FakeApi, shop: BrowserSettings, caplog: pytest.LogCaptureFixture
) -> None:
    fake.script(status=None)
    client.create_task(reading(shop))

    client.create_task(reading(shop), wait_when_busy=60)

    assert [request["method"] for request in fake.requests()] == ["POST", "POST"]
    assert not caplog.messages
