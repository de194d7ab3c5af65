from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from prefect import flow

from browser_use_client import Account, InsufficientCreditsError, RateLimitedError
from prefect_browser_use import acheck_account, check_account, run_browser_task, start_session
from tests.fake_api import FakeApi

from .conftest import credentials_for

Check = Callable[..., Account]


@pytest.fixture(params=["sync", "async"])
def check(request: pytest.FixtureRequest) -> Check:
    """Either twin, as a function that returns when the account was checked."""
    return check_account if request.param == "sync" else lambda **options: asyncio.run(_awaited(options))


async def _awaited(options: dict[str, object]) -> Account:
    return await acheck_account(**options)


def test_a_flow_without_enough_credits_ends_before_it_pays(flat_api: FakeApi, check: Check) -> None:
    flat_api.limit(credits_usd=1.5)

    @flow
    def dear() -> None:
        check(credentials=credentials_for(flat_api), min_credits_usd=5)
        run_browser_task("Read the orders", credentials=credentials_for(flat_api))

    with pytest.raises(InsufficientCreditsError, match=r"1\.50 US dollars"):
        dear()

    assert flat_api.tasks() == []


def test_a_flow_without_a_free_session_ends_before_it_pays(flat_api: FakeApi, check: Check) -> None:
    flat_api.limit(max_sessions=1)
    start_session(credentials=credentials_for(flat_api))

    with pytest.raises(RateLimitedError, match="1 of the plan's 1 sessions"):
        check(credentials=credentials_for(flat_api))


def test_an_account_that_has_enough_is_shown(api: FakeApi, check: Check) -> None:
    api.limit(credits_usd=7.0)

    assert check(credentials=credentials_for(api), min_credits_usd=5).credits_usd == 7
