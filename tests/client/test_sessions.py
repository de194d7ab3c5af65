"""Sessions mean the same in every contract: both clients, over real sockets."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from browser_use_client import (
    BrowserSettings,
    BrowserUseError,
    NotFoundError,
    RateLimitedError,
    SessionBusyError,
    SessionMismatchError,
    SessionStoppedError,
    UnsupportedOptionError,
)
from tests.client.conftest import Client
from tests.fake_api import FakeApi


def test_a_session_closes_with_its_task_in_every_contract(client: Client, fake: FakeApi) -> None:
    client.run_task("x")

    assert fake.sessions(status="active") == []


def test_a_session_that_is_kept_takes_a_follow_up_in_every_contract(client: Client, fake: FakeApi) -> None:
    first = client.run_task("Log in", keep_session=True)
    assert [session["id"] for session in fake.sessions(status="active")] == [first.session_id]

    second = client.run_task("Read", session_id=first.session_id)

    assert second.session_id == first.session_id
    assert fake.sessions(status="active") == []


def test_a_follow_up_in_a_closed_session_says_so_or_goes_on_in_a_new_browser(client: Client, contract: str) -> None:
    first = client.run_task("Log in")

    if contract == "v4":  # the conversation has no end, but its browser has
        second = client.run_task("Read", session_id=first.session_id)
        assert (second.session_id, second.browser_reused) == (first.session_id, False)
        return

    with pytest.raises(SessionStoppedError, match="Start a new session"):
        client.run_task("Read", session_id=first.session_id)


def test_a_busy_session_refuses_a_second_task_and_can_be_waited_out(client: Client, fake: FakeApi) -> None:
    fake.script(seconds=5.0)
    first = client.create_task("Log in", keep_session=True)

    with pytest.raises(SessionBusyError):
        client.create_task("Read", session_id=first.session_id)
    second = client.create_task("Read", session_id=first.session_id, wait_when_busy=60)

    assert second.session_id == first.session_id
    assert len(fake.tasks()) == 2


def test_waiting_for_a_busy_session_ends_in_time(client: Client, fake: FakeApi) -> None:
    fake.script(status=None)
    first = client.create_task("Log in", keep_session=True)
    started = fake.time()

    with pytest.raises(SessionBusyError):
        client.create_task("Read", session_id=first.session_id, wait_when_busy=40)

    assert 0 < fake.time() - started <= 40


def test_a_full_account_can_be_waited_out(fake: FakeApi, contract: str, connect: Callable[..., Client]) -> None:
    fake.limit(max_sessions=1)
    fake.script(status=None)
    started = fake.time()

    def end_the_first_later(seconds: float) -> None:
        fake.advance(seconds)
        if fake.time() - started > 60:
            fake.stop_session(first.session_id)

    client = connect(fake, api_version=contract, sleep=end_the_first_later)
    first = client.create_task("One")
    second = client.create_task("Two", wait_when_busy=600)

    assert second.session_id != first.session_id
    assert [task["id"] for task in fake.tasks(live=True)] == [second.id]


def test_a_full_account_that_stays_full_is_an_error_that_says_what_to_do(client: Client, fake: FakeApi) -> None:
    fake.limit(max_sessions=0)

    with pytest.raises(RateLimitedError, match="Stop sessions that are no longer needed"):
        client.create_task("One", wait_when_busy=30)

    assert fake.tasks() == []


def test_a_follow_up_that_lands_elsewhere_is_stopped_and_reported(client: Client, fake: FakeApi) -> None:
    first = client.run_task("Log in", keep_session=True)
    fake.script(status=None, astray=True)

    with pytest.raises(SessionMismatchError) as caught:
        client.run_task("Read", session_id=first.session_id)

    elsewhere = fake.tasks()[-1]
    assert caught.value.task_id == elsewhere["id"]
    assert not elsewhere["is_live"]
    assert [session["id"] for session in fake.sessions(status="active")] == [first.session_id]


def test_sessions_can_be_started_read_listed_shared_and_stopped(client: Client, contract: str) -> None:
    if contract != "v2-flat":
        with pytest.raises(UnsupportedOptionError, match=contract):
            client.start_session()
        session_id = client.create_task("x").session_id
    else:
        session_id = client.start_session(BrowserSettings(screen_width=800)).id
    assert client.get_session(session_id).live_url is not None
    assert [session.id for session in client.list_sessions(status="active")] == [session_id]

    share = client.share_session(session_id)
    shown = None if contract == "v4" else share.url
    assert client.share_session(session_id).url == share.url
    assert client.get_session(session_id).share_url == shown
    client.unshare_session(session_id)
    assert client.get_session(session_id).share_url is None

    client.stop_session(session_id)
    client.stop_session(session_id)
    assert client.get_session(session_id).status == "stopped"
    client.delete_session(session_id)
    with pytest.raises(NotFoundError):
        client.get_session(session_id)
    client.stop_session(session_id)


LOST_STARTS = {
    "dropped": {},
    "never answered": {"hang": True},
    "502": {"status": 502},
    "408": {"status": 408},
}


@pytest.mark.parametrize("contract", ["v2-flat"])
@pytest.mark.parametrize("lost", LOST_STARTS.values(), ids=list(LOST_STARTS))
@pytest.mark.parametrize("start", ["start_session", "run_task"])
def test_a_lost_start_is_tried_again_and_the_session_that_it_may_have_left_is_named_and_not_touched(
    fake: FakeApi,
    connect: Callable[..., Client],
    lost: dict[str, Any],
    start: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    client = connect(fake, api_version="v2-flat", timeout=0.3)
    used = client.run_task("x", keep_session=True).session_id
    fake.advance(60)
    before = client.start_session().id
    fake.advance(60)
    fake.fault(at="place", work="done", **lost)

    with caplog.at_level(logging.WARNING, "browser_use_client"):
        if start == "start_session":
            ours = client.start_session().id
        else:
            ours = client.run_task("x", keep_session=True).session_id

    active = {session["id"] for session in fake.sessions(status="active")}
    [orphan] = active - {used, before, ours}
    [warning] = caplog.messages
    assert orphan in warning
    assert not any(session_id in warning for session_id in (used, before, ours))


@pytest.mark.parametrize("contract", ["v2-flat"])
@pytest.mark.parametrize("lost", [{}, {"garbage": "<html>Sign in</html>"}])
def test_a_start_that_fails_for_good_names_what_its_lost_answers_may_have_left(
    client: Client, fake: FakeApi, lost: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    fake.fault(at="place", work="done", times=None, **lost)

    with caplog.at_level(logging.WARNING, "browser_use_client"), pytest.raises(BrowserUseError):
        client.run_task("x", keep_session=True)

    [warning] = caplog.messages
    assert all(session["id"] in warning for session in fake.sessions())


@pytest.mark.parametrize("contract", ["v2-flat"])
def test_a_session_that_another_task_uses_is_not_named(
    client: Client, fake: FakeApi, caplog: pytest.LogCaptureFixture
) -> None:
    fake.script(status=None)
    client.create_task("x")
    fake.fault(at="place")

    with caplog.at_level(logging.WARNING, "browser_use_client"):
        client.start_session()

    assert caplog.messages == []


@pytest.mark.parametrize("contract", ["v2-flat"])
def test_a_session_that_a_replica_does_not_know_yet_takes_its_files_and_its_task(
    client: Client, fake: FakeApi, tmp_path: Path
) -> None:
    invoice = tmp_path / "invoice.txt"
    invoice.write_text("1")
    fake.fault(at="upload slot", status=404, times=2)
    fake.fault(at="create", status=404, times=2)

    assert client.run_task("x", files=[invoice]).status == "finished"
    assert len(fake.sessions()) == 1
