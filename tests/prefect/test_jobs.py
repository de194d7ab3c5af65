from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Coroutine
from typing import Any

import anyio
import pytest
from prefect import flow, get_client
from prefect.blocks.core import Block
from prefect.runtime import flow_run
from prefect.states import Cancelling
from prefect.testing.standard_test_suites import BlockStandardTestSuite

from browser_use_client import TaskFailedError
from demo.waiting import until
from prefect_browser_use import BrowserTask, BrowserTaskRun, BrowserUseCredentials, FlowRunEndedError
from tests.fake_api import FakeApi, Recorded

from .conftest import credentials_for
from .test_reports import is_answered

SCHEMA = {"type": "object", "properties": {"orders": {"type": "integer"}}, "required": ["orders"]}


class TestPrefectsStandard(BlockStandardTestSuite):
    @pytest.fixture
    def block(self) -> type[Block]:
        return BrowserTask

    @pytest.mark.skip(reason="fetches the logo from github.com; tests use no network")
    def test_has_a_valid_image(self, block: type[Block]) -> None: ...


def test_a_saved_block_runs_with_everything_that_it_was_saved_with(flat_api: FakeApi) -> None:
    flat_api.script(output='{"orders": 4}')
    credentials_for(flat_api).save("of-a-job", overwrite=True)
    BrowserTask(
        task="Count the orders",
        credentials=credentials_for(flat_api),
        output_schema=SCHEMA,
        secrets={"password": "hunter2"},
        agent_settings={"llm": "o3"},
        metadata={"team": "sales"},
    ).save("count", overwrite=True)
    run = BrowserTask.load("count").trigger()
    run.wait_for_completion()
    result = run.fetch_result()
    (task,) = flat_api.tasks()
    assert (result.task_id, result.session_id, result.output) == (task["id"], task["session_id"], {"orders": 4})
    assert task["body"]["secrets"] == {"password": "hunter2"}
    assert task["body"]["llm"] == "o3"
    assert task["metadata"]["team"] == "sales"
    assert flat_api.sessions(status="active") == []


@pytest.mark.usefixtures("harness")
def test_a_saved_block_shows_nothing_secret() -> None:
    credentials = BrowserUseCredentials(api_key="bu_very_secret_key")
    block = BrowserTask(task="Sign in", credentials=credentials, secrets={"password": "hunter2"})
    block.save("masked-task", overwrite=True)
    with get_client(sync_client=True) as client:
        document = client.read_block_document_by_name("masked-task", "browser-use-task", include_secrets=False)
    for shown in (repr(block), block.model_dump_json(), document.model_dump_json()):
        assert "hunter2" not in shown
        assert "bu_very_secret_key" not in shown


def test_the_async_methods_do_the_same(api: FakeApi) -> None:
    async def run_it() -> Any:
        block = BrowserTask(task="Sign in", credentials=credentials_for(api), keep_session=True)
        first = await block.atrigger()
        await first.await_for_completion()
        second = await block.atrigger(session_id=first.session_id)
        await second.await_for_completion()
        return await first.afetch_result(), await second.afetch_result()

    first, second = asyncio.run(run_it())
    assert first.session_id == second.session_id
    assert first.task_id != second.task_id
    assert len(api.tasks()) == 2


def test_a_result_that_was_not_waited_for_is_said_so(flat_api: FakeApi) -> None:
    run = BrowserTask(task="Sign in", credentials=credentials_for(flat_api)).trigger()
    with pytest.raises(RuntimeError, match="wait_for_completion"):
        run.fetch_result()


def test_a_task_that_failed_before_it_is_waited_for_is_not_started_again(api: FakeApi) -> None:
    run = BrowserTask(task="Sign in", credentials=credentials_for(api)).trigger()
    api.end_task(run.task_id, "stopped" if api.contract == "v2-nested" else "failed")
    with pytest.raises(Exception, match=run.task_id):
        run.wait_for_completion()
    assert len(api.tasks()) == 1


def test_a_flow_that_is_run_again_finds_the_task_of_the_first_time(flat_api: FakeApi) -> None:
    attempts: list[str] = []

    @flow(retries=1)
    def twice() -> None:
        run = BrowserTask(task="Sign in", credentials=credentials_for(flat_api)).trigger()
        run.wait_for_completion()
        attempts.append(run.fetch_result().task_id)
        if len(attempts) == 1:
            raise RuntimeError("Something else went wrong")

    twice()
    assert attempts == [flat_api.tasks()[0]["id"]] * 2


def test_one_that_lists_do_not_show_yet_is_not_started_again(api: FakeApi) -> None:
    api.script(hidden=0.5)
    run = BrowserTask(task="Sign in", credentials=credentials_for(api)).trigger()
    run.wait_for_completion()
    assert run.fetch_result().task_id == run.task_id
    assert len(api.requests(at="create")) == 1
    assert api.sessions(status="active") == []


def test_a_wait_of_a_flow_run_that_is_cancelled_stops_the_task(api: FakeApi) -> None:
    api.script(status=None)

    @flow
    def waits() -> None:
        run = BrowserTask(task="Wait forever", credentials=credentials_for(api)).trigger()
        with get_client(sync_client=True) as client:
            client.set_flow_run_state(flow_run.id, Cancelling(), force=True)
        run.wait_for_completion()

    with pytest.raises(FlowRunEndedError):
        waits()
    assert [task["status"] for task in api.tasks()] == ["stopped"]
    assert api.sessions(status="active") == []


def test_an_async_wait_that_is_cancelled_stops_the_task(api: FakeApi) -> None:
    api.script(status=None)

    async def cancel() -> None:
        run = await BrowserTask(task="Wait forever", credentials=credentials_for(api)).atrigger()
        waiting = asyncio.ensure_future(run.await_for_completion())
        await asyncio.to_thread(until, "it is waited for", lambda: api.tasks()[0]["polls"])
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting

    asyncio.run(cancel())
    assert [task["status"] for task in api.tasks()] == ["stopped"]
    assert api.sessions(status="active") == []


def run_out_of_time(api: FakeApi, run: Callable[[], Coroutine[Any, Any, object]], *, creates: int) -> None:
    """Runs something whose time is up while the server creates so many tasks for it."""
    is_up = threading.Event()

    def hold(request: Recorded) -> None:
        if (request.method, request.path) in [(one["method"], one["path"]) for one in api.requests(at="create")]:
            is_up.wait(60)

    api.observe(before=hold)

    async def run_and_cancel() -> None:
        with anyio.CancelScope() as scope:  # as Prefect's time-outs, it cancels each `await`, and what is gathered

            def cancel(_: object) -> None:
                scope.cancel()
                loop.call_later(0.2, is_up.set)  # the answers come a little after that

            loop = asyncio.get_running_loop()
            loop.run_in_executor(
                None, until, "they are being created", lambda: len(api.requests(at="create")) == creates
            ).add_done_callback(cancel)
            await run()
        assert scope.cancelled_caught

    try:
        asyncio.run(run_and_cancel())
    finally:
        is_up.set()


@pytest.mark.parametrize("keep_session", [True, False])
def test_an_async_trigger_that_is_cancelled_while_it_creates_its_task_stops_it(
    api: FakeApi, keep_session: bool
) -> None:
    api.script(status=None)
    block = BrowserTask(task="Wait forever", credentials=credentials_for(api), keep_session=keep_session)
    run_out_of_time(api, block.atrigger, creates=1)
    assert [task["status"] for task in api.tasks()] == ["stopped"]
    assert api.sessions(status="active") == []


def test_an_unsuccessful_task_fails(flat_api: FakeApi) -> None:
    flat_api.script(is_success=False)
    run = BrowserTask(task="Sign in", credentials=credentials_for(flat_api)).trigger()
    with pytest.raises(TaskFailedError):
        run.wait_for_completion()


@pytest.mark.parametrize("wait", [BrowserTaskRun.wait_for_completion, BrowserTaskRun.await_for_completion])
@pytest.mark.parametrize("is_success", [True, False])
def test_waiting_twice_ends_the_same_way_and_shows_the_task_once(
    flat_api: FakeApi, caplog: pytest.LogCaptureFixture, is_success: bool, wait: Any
) -> None:
    flat_api.script(is_success=is_success)

    def wait_for(run: BrowserTaskRun) -> str:
        try:
            waiting = wait(run)
            if waiting is not None:
                asyncio.run(waiting)
        except TaskFailedError as error:
            return str(error)
        return "finished"

    @flow
    def waits_twice() -> list[str]:
        run = BrowserTask(task="Sign in", credentials=credentials_for(flat_api)).trigger()
        return [wait_for(run), wait_for(run)]

    with caplog.at_level(logging.INFO, logger="httpx"):
        first, second = waits_twice()
    assert first == second
    assert (first == "finished") is is_success
    sent = [one.getMessage() for one in caplog.records if "/artifacts/" in one.getMessage() and is_answered(one)]
    assert len([one for one in sent if "POST" in one]) == 1
    assert len(sent) <= 2
