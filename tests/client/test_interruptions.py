"""Time-outs, interruptions and polls that fail: both clients, over real sockets."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from browser_use_client import (
    InvalidRequestError,
    RateLimitedError,
    Step,
    TaskTimeoutError,
    TaskUnreachableError,
)
from tests.client.conftest import Client
from tests.fake_api import FakeApi


@pytest.mark.parametrize("stop", [True, False])
def test_a_late_task_is_stopped_or_left_and_the_error_says_which(client: Client, fake: FakeApi, stop: bool) -> None:
    fake.script(status=None)
    started = fake.time()

    with pytest.raises(TaskTimeoutError) as caught:
        client.run_task("x", timeout=20, stop_on_timeout=stop)

    [task] = fake.tasks()
    assert caught.value.stopped is stop
    assert (caught.value.task_id, caught.value.session_id) == (task["id"], task["session_id"])
    assert ("was stopped" in str(caught.value)) is stop
    assert ("still runs and costs" in str(caught.value)) is not stop
    assert task["is_live"] is not stop
    assert (fake.sessions(status="active") == []) is stop
    assert fake.time() - started == pytest.approx(20)


def test_a_task_that_ends_while_it_is_being_stopped_for_lateness_counts(client: Client, fake: FakeApi) -> None:
    fake.script(seconds=20.0)

    assert client.run_task("x", timeout=20).status == "finished"


def test_waiting_takes_an_absolute_deadline_for_a_wait_that_goes_on_in_another_process(
    client: Client, fake: FakeApi
) -> None:
    fake.script(status=None)
    created = client.create_task("x")

    with pytest.raises(TaskTimeoutError):
        client.wait_for_task(created.id, deadline=fake.time() + 7)
    with pytest.raises(InvalidRequestError, match="not both"):
        client.wait_for_task(created.id, deadline=1.0, timeout=1.0)


class GaveUpError(Exception):
    """What a caller's own sleep raises."""


def test_an_exception_on_the_way_stops_a_task_that_is_run_but_not_one_that_is_only_waited_for(
    fake: FakeApi, contract: str, connect: Callable[..., Client]
) -> None:
    def give_up(_seconds: float) -> None:
        raise GaveUpError

    fake.script(status=None)
    gives_up = connect(fake, api_version=contract, sleep=give_up)
    with pytest.raises(GaveUpError):
        gives_up.run_task("x")
    assert fake.tasks(live=True) == []
    assert fake.sessions(status="active") == []

    created = gives_up.create_task("x")
    with pytest.raises(GaveUpError):
        gives_up.wait_for_task(created.id)
    assert [task["id"] for task in fake.tasks(live=True)] == [created.id]


def test_a_caller_that_stops_its_tasks_itself_finds_an_interrupted_one_running(client: Client, fake: FakeApi) -> None:
    def refuse(_step: Step) -> None:
        raise GaveUpError

    fake.script(status=None, steps=9)

    with pytest.raises(GaveUpError):
        client.run_task("x", on_step=refuse, stop_on_interrupt=False)

    assert len(fake.tasks(live=True)) == 1


def test_a_caller_that_stops_its_tasks_itself_has_not_to_know_of_a_duplicate(client: Client, fake: FakeApi) -> None:
    def refuse(_step: Step) -> None:
        fake.advance(60)  # what the lost POST asked for is there now
        raise GaveUpError

    fake.script(status=None, steps=9)
    fake.fault(at="create", work="late", late=30.0)

    with pytest.raises(GaveUpError):
        client.run_task("x", on_step=refuse, stop_on_interrupt=False)

    assert [task["is_live"] for task in fake.tasks()] == [True, False]


def test_a_callback_that_raises_ends_the_run_and_the_task(client: Client, fake: FakeApi) -> None:
    def refuse(step: Step) -> None:
        raise GaveUpError(step.goal)

    fake.script(status=None, steps=9)

    with pytest.raises(GaveUpError, match="Do step 1"):
        client.run_task("x", on_step=refuse, keep_session=True)

    assert fake.tasks(live=True) == []
    assert len(fake.sessions(status="active")) == 1


def test_a_wait_survives_failed_polls_and_honours_retry_after(client: Client, fake: FakeApi) -> None:
    fake.script(polls=2)
    created = client.create_task("x")
    fake.fault("GET", status=503, times=5)
    fake.fault("GET", status=429, retry_after="60")
    fake.fault("GET", reset=True, times=3)

    started = fake.time()
    assert client.wait_for_task(created.id).status == "finished"
    assert fake.time() - started >= 60


def test_a_wait_gives_up_after_the_failures_it_was_allowed_and_leaves_the_task(client: Client, fake: FakeApi) -> None:
    fake.script(status=None)
    created = client.create_task("x")
    fake.fault("GET", status=500, times=None)

    with pytest.raises(TaskUnreachableError, match="may still run and cost") as caught:
        client.wait_for_task(created.id, max_failures=3)

    assert caught.value.retryable
    assert len(fake.requests("GET")) == 3
    assert len(fake.tasks(live=True)) == 1


def test_waits_say_why_in_the_log_at_once_and_then_a_line_a_minute(
    client: Client, fake: FakeApi, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", logger="browser_use_client")
    fake.fault("POST", status=429, times=None)
    with pytest.raises(RateLimitedError):
        client.create_task("x", wait_when_busy=300)
    assert 4 <= len(caplog.messages) <= 6
    assert all(message.startswith("Waiting to try again.") and "429" in message for message in caplog.messages)

    fake.clear()
    created = client.create_task("x")
    caplog.clear()
    fake.advance(60)
    fake.fault("GET", status=503, times=1)
    client.wait_for_task(created)
    assert ["503" in message for message in caplog.messages] == [True]
