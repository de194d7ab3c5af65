from __future__ import annotations

import asyncio
from typing import Any

import pytest
from prefect import flow
from prefect.blocks.core import Block
from prefect.testing.standard_test_suites import BlockStandardTestSuite

from browser_use_client import TaskFailedError
from prefect_browser_use import BrowserTask
from tests.fake_api import FakeApi

from .conftest import credentials_for

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


def test_an_unsuccessful_task_fails(flat_api: FakeApi) -> None:
    flat_api.script(is_success=False)
    run = BrowserTask(task="Sign in", credentials=credentials_for(flat_api)).trigger()
    with pytest.raises(TaskFailedError):
        run.wait_for_completion()
