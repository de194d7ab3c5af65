from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable

import pytest
from prefect import Task, flow, task
from prefect.transactions import transaction

from browser_use_client import TaskFailedError, UnsupportedOptionError
from demo.waiting import until
from prefect_browser_use import (
    abrowser_session,
    astart_session,
    astop_session,
    browser_session,
    run_browser_task,
    start_session,
    stop_session,
)
from tests.fake_api import FakeApi
from tests.fake_api.world import Contract

from .conftest import credentials_for, failing


def test_a_session_is_started_used_and_stopped(flat_api: FakeApi) -> None:
    credentials = credentials_for(flat_api)
    session = start_session(credentials=credentials, browser_settings={"screen_width": 800, "screen_height": 600})
    result = run_browser_task("Sign in", credentials=credentials, session_id=session.id, keep_session=True)
    assert result.session_id == session.id
    stop_session(session.id, credentials=credentials)
    stop_session(session.id, credentials=credentials)
    assert [found["status"] for found in flat_api.sessions()] == ["stopped"]


def test_the_async_twins_do_the_same(flat_api: FakeApi) -> None:
    async def use() -> None:
        session = await astart_session(credentials=credentials_for(flat_api))
        await astop_session(session.id, credentials=credentials_for(flat_api))

    asyncio.run(use())
    assert [found["status"] for found in flat_api.sessions()] == ["stopped"]


@pytest.mark.usefixtures("harness")
@pytest.mark.parametrize("contract", ["v2-nested", "v4"])
def test_a_contract_without_such_sessions_says_so(contract: Contract) -> None:
    with FakeApi(contract) as api, pytest.raises(UnsupportedOptionError, match=contract):
        start_session(credentials=credentials_for(api))


def test_a_transaction_that_is_rolled_back_stops_its_session(flat_api: FakeApi) -> None:
    @flow
    def fails() -> None:
        with transaction():
            start_session(credentials=credentials_for(flat_api))
            raise RuntimeError("Something else went wrong")

    with pytest.raises(RuntimeError):
        fails()
    assert [found["status"] for found in flat_api.sessions()] == ["stopped"]


@pytest.mark.parametrize("around", [lambda shop: shop, lambda shop: flow(lambda: shop(), name="around")])
def test_a_try_of_one_s_own_task_that_fails_is_rolled_back_too_and_its_retry_starts_another_session(
    flat_api: FakeApi, around: Callable[[Task[[], None]], Callable[[], None]]
) -> None:
    @task(retries=1)
    def shop() -> None:
        start_session(credentials=credentials_for(flat_api))
        if len(flat_api.sessions()) == 1:
            raise RuntimeError("Something else went wrong")

    around(shop)()
    assert [found["status"] for found in flat_api.sessions()] == ["stopped", "active"]


def test_the_tasks_of_a_block_share_a_session_that_is_closed_at_its_end(api: FakeApi) -> None:
    with browser_session(credentials=credentials_for(api)) as session:
        assert session.id is None
        first = session.run("Sign in", name="sign-in")
        second = session.run("Read the orders")
        assert session.id == first.session_id == second.session_id
        assert len(api.sessions(status="active")) == 1
    assert api.sessions(status="active") == []
    assert len(api.sessions()) == 1


@pytest.mark.parametrize("which", ["first", "second"])
def test_a_block_closes_its_session_when_a_task_of_it_fails(api: FakeApi, which: str) -> None:
    api.script(which, **failing(api))

    def use() -> None:
        with browser_session(credentials=credentials_for(api)) as session:
            session.run("The first")
            session.run("The second")

    with pytest.raises(TaskFailedError):
        use()
    assert api.sessions(status="active") == []


def test_an_async_block_closes_its_session_when_it_is_cancelled(api: FakeApi, caplog: pytest.LogCaptureFixture) -> None:
    api.script("forever", status=None)

    async def use() -> None:
        async with abrowser_session(credentials=credentials_for(api)) as session:
            await session.arun("Sign in")
            await session.arun("Wait forever")

    async def cancel() -> None:
        using = asyncio.ensure_future(use())
        await asyncio.to_thread(until, "the second task runs", lambda: len(api.tasks()) == 2)
        using.cancel()
        with pytest.raises(asyncio.CancelledError):
            await using

    asyncio.run(cancel())
    gc.collect()
    assert "never retrieved" not in caplog.text
    assert api.tasks(live=True) == []
    assert api.sessions(status="active") == []


def test_a_flow_that_is_run_again_after_its_block_starts_nothing_new(api: FakeApi) -> None:
    runs = 0

    @flow(retries=1)
    def twice() -> None:
        nonlocal runs
        with browser_session(credentials=credentials_for(api)) as session:
            session.run("Sign in")
            session.run("Read the orders")
        runs += 1
        if runs == 1:
            raise RuntimeError("Something else went wrong")

    twice()
    assert [task["prompt"] for task in api.tasks()] == ["Sign in", "Read the orders"]


def test_a_flow_that_is_run_again_for_a_failed_follow_up_begins_a_new_session(api: FakeApi) -> None:
    api.script("Read the orders", times=1, **failing(api))

    @flow(retries=1)
    def shop() -> list[str]:
        with browser_session(credentials=credentials_for(api)) as session:
            return [session.run("Sign in").session_id, session.run("Read the orders").session_id]

    assert len(set(shop())) == 1
    assert [task["prompt"] for task in api.tasks()] == ["Sign in", "Read the orders"] * 2
    assert len({task["session_id"] for task in api.tasks()}) == 2
    assert api.sessions(status="active") == []


def test_the_id_of_a_block_is_that_of_the_browser_that_its_failed_first_task_has_opened(api: FakeApi) -> None:
    api.script("The first", **failing(api))
    with browser_session(credentials=credentials_for(api)) as session:
        with pytest.raises(TaskFailedError):
            session.run("The first")
        assert [session.id] == [one["session_id"] for one in api.tasks()]
        session.run("The second")
    assert len(api.sessions()) == 1
    assert api.sessions(status="active") == []


def test_a_retry_of_the_first_task_of_a_kept_session_closes_the_browser_of_the_failed_one_first(api: FakeApi) -> None:
    api.script("Sign in", times=1, **failing(api))
    still_open: list[int] = []

    def retry(*_: object) -> bool:
        still_open.append(len(api.sessions(status="active")))
        return True

    patient = run_browser_task.with_options(retries=1, retry_condition_fn=retry)
    result = patient("Sign in", credentials=credentials_for(api), keep_session=True)
    assert still_open == [1]
    assert [one["id"] for one in api.sessions(status="active")] == [result.session_id]
    closes = [one["time"] for one in api.requests(at="close a session")] or [
        one["time"] for one in api.requests(at="stop a task")
    ]
    first, second = (one["time"] for one in api.requests(at="create"))
    assert any(first < close < second for close in closes)
