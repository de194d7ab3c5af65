"""Calls that ask the same and come in another order after a retry: none of them goes on in another's browser."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import pytest
from prefect import flow, flow_engine, task, task_engine
from prefect.context import FlowRunContext, get_run_context

from prefect_browser_use import BrowserUseCredentials, arun_browser_task, astart_session, run_browser_task
from tests.fake_api import FakeApi

from .conftest import credentials_for
from .test_reruns import InterruptedRunError, transfers_by_session

pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # Prefect's own sockets


class Account:
    """An object of the user's own, which nobody else can compare."""


class Turns:
    """Lets one of two begin when the other is done: in the second attempt, the other way round."""

    def __init__(self) -> None:
        self.attempt = 0
        self._done: list[threading.Event] = []

    def start_attempt(self) -> None:
        self.attempt += 1
        self._done = [threading.Event(), threading.Event()]

    def wait(self, who: int) -> None:
        if who == self.attempt % 2:
            self._done[1 - who].wait(60)

    def done(self, who: int) -> None:
        self._done[who].set()


async def sign_in(api: FakeApi, sessions: Sequence[str]) -> None:
    for name, session_id in zip(("alice", "bob"), sessions, strict=True):
        await arun_browser_task(
            f"Sign in as {name}", credentials=credentials_for(api), session_id=session_id, keep_session=True
        )


def accounts_by_session(api: FakeApi) -> list[set[str]]:
    """Who was signed in to each session that somebody was signed in to."""
    accounts = [{one for one in asked if one.startswith("Sign in")} for asked in transfers_by_session(api).values()]
    return [signed_in for signed_in in accounts if signed_in]


async def call(credentials: BrowserUseCredentials) -> str:
    return (await arun_browser_task("Open", credentials=credentials, keep_session=True)).session_id


async def start(credentials: BrowserUseCredentials) -> str:
    return (await astart_session(credentials=credentials)).id


own_task = task(name="own-task")(call)
own_flow = flow(name="own-flow")(call)


@flow
async def flow_around_flow(credentials: BrowserUseCredentials) -> str:
    return await own_flow(credentials)


@flow
async def flow_around_task(credentials: BrowserUseCredentials) -> str:
    return await own_task(credentials)


@task
async def task_around_flow(credentials: BrowserUseCredentials) -> str:
    return await own_flow(credentials)


@flow
async def flow_of_another_prefect(credentials: BrowserUseCredentials) -> str:
    """As where Prefect calls by another name what it keeps of the flow around."""
    context: Any = FlowRunContext.get()
    token, context._token = context._token, None
    try:
        return await call(credentials)
    finally:
        context._token = token


OPENS = [call, start, own_task, own_flow, flow_around_flow, flow_around_task, task_around_flow, flow_of_another_prefect]
NAMES_OF_OPENS = [getattr(opens, "__name__", None) or opens.name for opens in OPENS]


def run_twice(api: FakeApi, opens: Any, arguments: Sequence[Any]) -> None:
    """Two coroutines open a browser each, one after the other, in a flow that is run again."""
    turns = Turns()

    @flow(retries=1)
    async def accounts() -> None:
        turns.start_attempt()
        numbers = iter(range(2))

        async def use(account: Any) -> str:  # noqa: ARG001 - what tells the coroutines apart
            me = next(numbers)
            await asyncio.to_thread(turns.wait, me)
            session_id: str = await opens(credentials_for(api))
            turns.done(me)
            return session_id

        await sign_in(api, await asyncio.gather(*(use(argument) for argument in arguments)))
        if turns.attempt == 1:
            raise InterruptedRunError

    asyncio.run(accounts())


@pytest.mark.parametrize("opens", OPENS, ids=NAMES_OF_OPENS)
def test_coroutines_that_are_alike_keep_their_browsers(flat_api: FakeApi, opens: Any) -> None:
    run_twice(flat_api, opens, ["alike", "alike"])
    assert all(len(signed_in) == 1 for signed_in in accounts_by_session(flat_api))


def test_coroutines_that_nobody_can_compare_keep_their_browsers(flat_api: FakeApi) -> None:
    run_twice(flat_api, own_task, [Account(), Account()])
    assert all(len(signed_in) == 1 for signed_in in accounts_by_session(flat_api))


@pytest.mark.parametrize("opens", [call, own_task], ids=["call", "own_task"])
def test_coroutines_that_their_arguments_tell_apart_keep_theirs_and_pay_for_nothing_again(
    flat_api: FakeApi, opens: Any
) -> None:
    run_twice(flat_api, opens, ["alice", "bob"])
    assert all(len(signed_in) == 1 for signed_in in accounts_by_session(flat_api))
    assert len(flat_api.tasks()) == 4


@pytest.mark.parametrize("opens", [call, flow_around_flow], ids=["call", "flow_around_flow"])
def test_a_prefect_that_names_its_engines_otherwise_mixes_nothing_up(
    flat_api: FakeApi, opens: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for engine in (flow_engine.run_flow_async, task_engine.run_task_async):
        monkeypatch.setattr(engine, "__code__", engine.__code__.replace(co_name="run_otherwise"))
    run_twice(flat_api, opens, ["alike", "alike"])
    assert all(len(signed_in) == 1 for signed_in in accounts_by_session(flat_api))


def test_submitted_tasks_of_ones_own_that_are_alike_keep_their_browsers(flat_api: FakeApi) -> None:
    turns = Turns()
    numbers: dict[UUID, int] = {}
    submitted = threading.Event()

    @task
    def open_browser(credentials: BrowserUseCredentials) -> str:
        submitted.wait(60)
        me = numbers[get_run_context().task_run.id]
        turns.wait(me)
        session_id = run_browser_task("Open", credentials=credentials, keep_session=True).session_id
        turns.done(me)
        return session_id

    @flow(retries=1)
    def accounts() -> None:
        turns.start_attempt()
        submitted.clear()
        futures = [open_browser.submit(credentials_for(flat_api)) for _ in range(2)]
        numbers.update({future.task_run_id: number for number, future in enumerate(futures)})
        submitted.set()
        asyncio.run(sign_in(flat_api, [future.result() for future in futures]))
        if turns.attempt == 1:
            raise InterruptedRunError

    accounts()
    assert all(len(signed_in) == 1 for signed_in in accounts_by_session(flat_api))
