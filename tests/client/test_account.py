"""Whether the account has enough, before anything is paid for."""

from __future__ import annotations

from collections.abc import Callable
from math import nan

import pytest

from browser_use_client import InsufficientCreditsError, InvalidRequestError, RateLimitedError
from tests.client.conftest import Client
from tests.fake_api import FakeApi


def test_an_account_that_has_enough_is_returned(client: Client, fake: FakeApi) -> None:
    fake.limit(max_sessions=3, credits_usd=12.5)

    account = client.check_account(min_credits_usd=12.5)

    assert account.credits_usd == 12.5
    assert fake.requests("POST") == []


def test_too_few_credits_are_told_before_anything_is_paid_for(client: Client, fake: FakeApi) -> None:
    fake.limit(credits_usd=4.2)

    with pytest.raises(InsufficientCreditsError, match=r"4\.20 US dollars .* and 5\.00 are asked for\. Nothing was"):
        client.check_account(min_credits_usd=5)

    assert len(fake.requests("GET")) == 1


@pytest.mark.parametrize("contract", ["v2-flat", "v4"], indirect=True)
def test_a_plan_without_enough_free_sessions_is_told(client: Client, fake: FakeApi) -> None:
    fake.limit(max_sessions=2)
    client.create_task("x")

    assert client.check_account().free_sessions == 1
    with pytest.raises(RateLimitedError, match=r"1 of the plan's 2 sessions are active, and 2 free ones are asked for"):
        client.check_account(min_free_sessions=2)


@pytest.mark.parametrize("contract", ["v2-nested"], indirect=True)
def test_where_the_account_does_not_say_how_many_sessions_are_free_they_are_not_asked_for(
    client: Client, fake: FakeApi
) -> None:
    fake.limit(max_sessions=1)
    client.create_task("x")

    assert client.check_account(min_free_sessions=5).free_sessions is None


def test_it_waits_until_there_is_enough(connect: Callable[..., Client], fake: FakeApi, contract: str) -> None:
    fake.limit(credits_usd=0.0)
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        fake.advance(seconds)
        if len(slept) == 3:
            fake.limit(credits_usd=7.0)

    waiting = connect(fake, api_version=contract, sleep=sleep)

    assert waiting.check_account(min_credits_usd=5, timeout=600).credits_usd == 7
    assert slept == [30.0, 30.0, 30.0]


def test_it_waits_no_longer_than_its_timeout(client: Client, fake: FakeApi) -> None:
    fake.limit(credits_usd=0.0)
    before = fake.time()

    with pytest.raises(InsufficientCreditsError):
        client.check_account(min_credits_usd=5, timeout=70, poll_interval=30)

    assert fake.time() - before == pytest.approx(70)


@pytest.mark.parametrize("amount", [-1, nan, "5", True])
def test_an_amount_that_is_none_is_refused(client: Client, fake: FakeApi, amount: object) -> None:
    with pytest.raises(InvalidRequestError, match=r"`min_credits_usd` must be a number of US dollars, 0 or more"):
        client.check_account(min_credits_usd=amount)

    assert fake.requests() == []
