"""Numbers and keys that cannot be right are refused before anything is sent, and a duration may be a timedelta."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction
from math import inf, nan
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from browser_use_client import AsyncBrowserUseClient, CreateTaskRequest, InvalidRequestError, seconds_of
from browser_use_client.limits import MAX_SECONDS, count_of, moment_of
from tests.client.conftest import Client
from tests.fake_api import FakeApi

NO_DURATIONS = [0, -1, nan, inf, -inf, 1e10, 10**400, "20m", True, Decimal(3), timedelta(), timedelta(days=-1), [1]]


@pytest.mark.parametrize(
    ("value", "seconds"), [(1, 1.0), (0.5, 0.5), (timedelta(minutes=2), 120.0), (Fraction(1, 2), 0.5), (None, None)]
)
def test_a_duration_is_a_number_of_seconds_or_a_timedelta(value: Any, seconds: float | None) -> None:
    assert seconds_of("timeout", value) == seconds


@pytest.mark.parametrize("value", NO_DURATIONS)
def test_what_is_no_duration_is_named(value: Any) -> None:
    with pytest.raises(InvalidRequestError, match=r"`poll_interval` must be a number of seconds, or a timedelta"):
        seconds_of("poll_interval", value)


def test_no_time_at_all_is_a_duration_where_it_makes_sense() -> None:
    assert seconds_of("wait_when_busy", 0, may_be_zero=True) == 0
    with pytest.raises(InvalidRequestError, match="0 or more"):
        seconds_of("wait_when_busy", -1, may_be_zero=True)


@given(st.one_of(st.floats(), st.integers(), st.timedeltas(), st.text(), st.none(), st.booleans()))
def test_whatever_is_given_is_a_number_in_range_or_refused(value: Any) -> None:
    for check in (seconds_of, moment_of, count_of):
        try:
            number = check("it", value)  # type: ignore[operator] # each takes a name and a value
        except InvalidRequestError:
            continue
        assert number is None or number == number
    try:
        seconds = seconds_of("it", value)
    except InvalidRequestError:
        return
    assert seconds is None or 0 < seconds <= MAX_SECONDS


A_TASK = "3c90c3cc-0d44-4b50-8888-8dd25736052a"


@pytest.mark.parametrize("name", ["timeout", "poll_interval"])
@pytest.mark.parametrize("value", NO_DURATIONS)
def test_a_run_with_a_number_that_cannot_be_right_creates_nothing(
    client: Client, fake: FakeApi, name: str, value: Any
) -> None:
    for call in (
        lambda **options: client.run_task("x", keep_session=True, **options),
        lambda **options: client.wait_for_task(A_TASK, **options),
    ):
        with pytest.raises(InvalidRequestError, match=f"`{name}` must be"):
            call(**{name: value})

    assert fake.requests() == []


@pytest.mark.parametrize(
    ("call", "named"),
    [
        (lambda client: client.run_task("x", wait_when_busy=-1), "wait_when_busy"),
        (lambda client: client.create_task("x", wait_when_busy=nan), "wait_when_busy"),
        (lambda client: client.wait_for_task(A_TASK, deadline=nan), "deadline"),
        (lambda client: client.wait_for_task(A_TASK, max_failures=0), "max_failures"),
        (lambda client: client.run_task("x", key=""), "`key`"),
        (lambda client: client.create_task("x", key=" \n"), "`key`"),
        (lambda client: client.create_task("x", key="a\0b"), "`key`"),
        (lambda client: client.create_task("x", key="a\ud800b"), "`key`"),
        (lambda client: client.create_task("x", key=7), "`key`"),
        (lambda client: client.find_task(""), "`key`"),
        (lambda client: client.create_task(request_with("idempotency_key")), "`metadata` (may not|cannot be sent)"),
    ],
)
def test_a_call_that_cannot_be_right_sends_nothing(
    client: Client, fake: FakeApi, call: Callable[[Client], object], named: str
) -> None:
    with pytest.raises(InvalidRequestError, match=named):
        call(client)

    assert fake.requests() == []


def request_with(name: str) -> CreateTaskRequest:
    return CreateTaskRequest(task="x", metadata={name: "mine"})


def test_durations_may_be_timedeltas_everywhere(client: Client, fake: FakeApi) -> None:
    fake.script(seconds=100)
    started = fake.time()

    client.run_task(
        "x",
        timeout=timedelta(minutes=10),
        poll_interval=timedelta(seconds=40),
        wait_when_busy=timedelta(minutes=1),
    )

    assert 100 <= fake.time() - started < 200
    assert len(fake.requests(at="poll")) < 8


@pytest.mark.parametrize("value", [0, nan, "30", True, 1e10])
def test_a_client_whose_timeout_cannot_be_right_is_not_made(
    fake: FakeApi, connect: Callable[..., Client], value: Any
) -> None:
    with pytest.raises(InvalidRequestError, match="`timeout`"):
        connect(fake, timeout=value)


def test_a_watcher_is_not_made_with_numbers_that_cannot_be_right() -> None:
    client = AsyncBrowserUseClient("bu_key")

    with pytest.raises(InvalidRequestError, match="`poll_interval`"):
        client.watcher(poll_interval=0)
    with pytest.raises(InvalidRequestError, match="`max_failures`"):
        client.watcher(max_failures=0)
    with pytest.raises(InvalidRequestError, match="`deadline`"):
        asyncio.run(client.watcher().wait(A_TASK, deadline=nan))
