"""What is left on the server when a flow run ends before its tasks."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest
from prefect import flow, get_client, unmapped
from prefect.client.orchestration import SyncPrefectClient
from prefect.context import FlowRunContext
from prefect.states import Cancelling

from browser_use_client import BrowserUseClient, TaskUnreachableError
from demo.waiting import until
from prefect_browser_use import (
    BrowserTask,
    FlowRunEndedError,
    abrowser_session,
    arun_browser_task,
    browser_session,
    run_browser_task,
    start_session,
    stop_session,
)
from prefect_browser_use.stops import await_stops
from tests.fake_api import FakeApi

from .conftest import Run, credentials_for
from .test_jobs import run_out_of_time


class InTheBackground:
    """A flow in a thread; its run is ended from outside."""

    def __init__(self, function: Callable[[], Any]) -> None:
        self._flow_run_ids: list[Any] = []

        @flow
        def in_the_background() -> None:
            self._flow_run_ids.append(FlowRunContext.get().flow_run.id)
            function()

        self._running = ThreadPoolExecutor(1).submit(in_the_background)

    @property
    def flow_run_id(self) -> Any:
        return self._flow_run_ids[0]

    def end(self, how: Callable[[SyncPrefectClient, Any], object]) -> BaseException | None:
        """Ends the flow run; what it raised."""
        with get_client(sync_client=True) as client:
            how(client, self.flow_run_id)
        return self._running.exception(60)


def cancel(client: SyncPrefectClient, flow_run_id: Any) -> None:
    client.set_flow_run_state(flow_run_id, Cancelling(), force=True)


def delete(client: SyncPrefectClient, flow_run_id: Any) -> None:
    client.request("DELETE", "/flow_runs/{id}", path_params={"id": flow_run_id})


def runs(api: FakeApi, prompt: str) -> None:
    until(
        f"{prompt} runs", lambda: [task for task in api.tasks(live=True) if task["prompt"] == prompt and task["polls"]]
    )


def test_a_cancelled_flow_run_closes_the_sessions_that_it_opened_also_those_where_nothing_runs(
    api: FakeApi, run: Run
) -> None:
    api.script("Wait", status=None)

    def three_sessions() -> None:
        run("Open and leave", credentials=credentials_for(api), keep_session=True)
        first = run("Open and follow up", credentials=credentials_for(api), keep_session=True)
        run("Wait", credentials=credentials_for(api), keep_session=True, session_id=first.session_id)

    flow_run = InTheBackground(three_sessions)
    runs(api, "Wait")
    assert isinstance(flow_run.end(cancel), FlowRunEndedError)
    assert api.tasks(live=True) == []
    assert api.sessions(status="active") == []


def test_a_cancelled_flow_run_leaves_the_session_of_another_one_open(api: FakeApi, run: Run) -> None:
    api.script("Wait", status=None)
    with BrowserUseClient(api.api_key, api.base_url, api_version=api.contract) as client:
        others = client.run_task("Sign in", keep_session=True).session_id
    flow_run = InTheBackground(
        lambda: run("Wait", credentials=credentials_for(api), keep_session=True, session_id=others)
    )
    runs(api, "Wait")
    assert isinstance(flow_run.end(cancel), FlowRunEndedError)
    assert api.tasks(live=True) == []
    assert [session["id"] for session in api.sessions(status="active")] == [others]


def test_a_cancelled_flow_run_closes_a_session_that_it_started_without_a_task(flat_api: FakeApi) -> None:
    flat_api.script(status=None)

    def starts() -> None:
        start_session(credentials=credentials_for(flat_api))
        run_browser_task("Wait", credentials=credentials_for(flat_api))

    flow_run = InTheBackground(starts)
    runs(flat_api, "Wait")
    assert isinstance(flow_run.end(cancel), FlowRunEndedError)
    assert flat_api.sessions(status="active") == []


def test_a_cancelled_flow_run_stops_what_a_block_triggered_and_nobody_waits_for_yet(api: FakeApi) -> None:
    api.script(status=None)

    def triggers() -> None:
        started = [BrowserTask(task=prompt, credentials=credentials_for(api)).trigger() for prompt in ("One", "Two")]
        for one in started:
            one.wait_for_completion()

    flow_run = InTheBackground(triggers)
    runs(api, "One")
    assert isinstance(flow_run.end(cancel), FlowRunEndedError)
    assert [task["status"] for task in api.tasks()] == ["stopped", "stopped"]
    assert api.sessions(status="active") == []


def test_a_flow_run_that_is_deleted_is_stopped_and_said_once(
    api: FakeApi, run: Run, caplog: pytest.LogCaptureFixture
) -> None:
    api.script(status=None)
    flow_run = InTheBackground(lambda: run("Wait", credentials=credentials_for(api)))
    runs(api, "Wait")
    with caplog.at_level(logging.INFO):
        flow_run.end(delete)
    assert [task["status"] for task in api.tasks()] == ["stopped"]
    assert api.sessions(status="active") == []
    warnings = [
        record.getMessage() for record in caplog.records if "browser_use" in record.name or "Browser Use" in record.msg
    ]
    assert [f"Flow run {flow_run.flow_run_id} was deleted." in warning for warning in warnings[-1:]] == [True]
    assert not [warning for warning in warnings if "cannot be read" in warning]


def test_a_flow_that_is_retried_after_its_time_out_goes_on_in_the_session_that_it_kept(api: FakeApi) -> None:
    api.script("Wait", status=None, times=1)

    @flow(retries=1, timeout_seconds=10)
    def impatient() -> None:
        first = run_browser_task("Sign in", credentials=credentials_for(api), keep_session=True)
        run_browser_task("Wait", credentials=credentials_for(api), session_id=first.session_id, keep_session=True)
        stop_session(first.session_id, credentials=credentials_for(api))

    impatient()
    assert [task["prompt"] for task in api.tasks()] == ["Sign in", "Wait", "Wait"]
    assert len(api.sessions()) == 1


def test_the_stop_of_a_cancelled_async_task_is_sent_once(api: FakeApi) -> None:
    api.script(status=None)

    async def cancel_it() -> None:
        running = asyncio.ensure_future(arun_browser_task("Wait", credentials=credentials_for(api)))
        await asyncio.to_thread(runs, api, "Wait")
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running

    asyncio.run(cancel_it())
    assert [task["status"] for task in api.tasks()] == ["stopped"]
    assert len(api.requests(at="stop a task")) == 1


def test_the_event_loop_goes_on_while_the_tasks_of_a_cancelled_flow_are_stopped_together(flat_api: FakeApi) -> None:
    flat_api.script(status=None)
    prompts = [str(number) for number in range(8)]

    async def cancel_them() -> int:
        running = asyncio.gather(
            *(arun_browser_task(prompt, credentials=credentials_for(flat_api)) for prompt in prompts)
        )
        for prompt in prompts:
            await asyncio.to_thread(runs, flat_api, prompt)
        flat_api.fault(at="stop a task", delay=2.0, times=None)
        running.cancel()
        turns = 0
        while flat_api.tasks(live=True):
            await asyncio.sleep(0.01)
            turns += 1
        await asyncio.gather(running, return_exceptions=True)
        return turns

    assert asyncio.run(cancel_them()) > len(prompts)
    assert flat_api.sessions(status="active") == []


def test_gathered_tasks_whose_time_is_up_while_they_are_created_are_stopped(api: FakeApi) -> None:
    api.script(status=None)

    async def gather() -> None:
        await asyncio.gather(*(arun_browser_task("Wait", credentials=credentials_for(api)) for _ in range(2)))

    run_out_of_time(api, gather, creates=2)
    assert [task["status"] for task in api.tasks()] == ["stopped", "stopped"]
    assert api.sessions(status="active") == []


def test_a_stop_that_is_made_is_waited_for_no_longer_also_by_who_is_cancelled_at_each_turn_of_the_event_loop() -> None:
    async def cancel_at_each_turn() -> None:
        stop: Future[bool] = Future()
        waiting = asyncio.ensure_future(await_stops([stop]))
        for turn in range(100):
            await asyncio.sleep(0)
            if turn == 50:
                assert not waiting.done()
                stop.set_result(True)
            waiting.cancel()
        assert waiting.done()

    asyncio.run(cancel_at_each_turn())


def test_a_stop_that_fails_is_tried_again(api: FakeApi, run: Run) -> None:
    api.script(status=None)
    flow_run = InTheBackground(lambda: run("Wait", credentials=credentials_for(api)))
    runs(api, "Wait")
    api.fault(at="stop", status=503, times=2)
    assert isinstance(flow_run.end(cancel), FlowRunEndedError)
    assert [task["status"] for task in api.tasks()] == ["stopped"]
    assert api.sessions(status="active") == []


def test_what_could_not_be_stopped_is_said_by_id_in_one_line(
    api: FakeApi, run: Run, caplog: pytest.LogCaptureFixture
) -> None:
    api.script(status=None)
    task = arun_browser_task if run is arun_browser_task else run_browser_task

    def two() -> None:
        task.map(["One", "Two"], credentials=unmapped(credentials_for(api))).result()

    flow_run = InTheBackground(two)
    runs(api, "One")
    runs(api, "Two")
    api.fault(at="stop", status=422, times=None)
    assert isinstance(flow_run.end(cancel), FlowRunEndedError)
    said = [record.getMessage() for record in caplog.records if "could not be stopped" in record.getMessage()]
    assert len(said) == 1
    for left in api.tasks(live=True):
        assert f"task {left['id']} in session {left['session_id']}" in said[0]
    assert "was stopped" not in caplog.text


def test_a_task_that_is_given_up_is_stopped(api: FakeApi, run: Run) -> None:
    api.script(status=None)
    api.fault(at="poll", status=422, skip=2, times=None)
    with pytest.raises(TaskUnreachableError, match="so it was stopped"):
        run("Wait", credentials=credentials_for(api))
    assert [task["status"] for task in api.tasks()] == ["stopped"]
    assert api.sessions(status="active") == []


def test_a_task_that_a_retry_goes_on_with_is_not_stopped(flat_api: FakeApi, caplog: pytest.LogCaptureFixture) -> None:
    flat_api.script(polls=4)
    flat_api.fault(at="poll", status=422, skip=1)

    @flow
    def retries() -> str:
        return run_browser_task.with_options(retries=1)("Sign in", credentials=credentials_for(flat_api)).status

    assert retries() == "finished"
    assert len(flat_api.tasks()) == 1
    assert f"task {flat_api.tasks()[0]['id']} in session" in caplog.text
    assert "may still run and cost; a retry goes on with it" in caplog.text


@pytest.fixture(params=["sync", "async"])
def use_session(request: pytest.FixtureRequest) -> Callable[..., None]:
    """Runs a task in a session block of either kind, and then what is given."""

    def sync(api: FakeApi, then: Callable[[], object] = lambda: None) -> None:
        with browser_session(credentials=credentials_for(api)) as session:
            session.run("Sign in")
            then()

    async def use(api: FakeApi, then: Callable[[], object]) -> None:
        async with abrowser_session(credentials=credentials_for(api)) as session:
            await session.arun("Sign in")
            then()

    return sync if request.param == "sync" else lambda api, then=lambda: None: asyncio.run(use(api, then))


def test_a_block_whose_session_is_not_closed_at_once_tries_again(
    api: FakeApi, use_session: Callable[..., None]
) -> None:
    api.fault(at="close a session", status=503, times=2)
    use_session(api)
    assert api.sessions(status="active") == []


def test_a_block_whose_session_cannot_be_closed_names_it_and_changes_nothing_else(
    api: FakeApi, use_session: Callable[..., None], caplog: pytest.LogCaptureFixture
) -> None:
    def fail() -> None:
        raise RuntimeError("Something else went wrong")

    api.fault(at="close a session", status=422, times=None)
    use_session(api)
    with pytest.raises(RuntimeError, match="Something else"):
        use_session(api, fail)
    said = [record.getMessage() for record in caplog.records if "could not be stopped" in record.getMessage()]
    assert [f"session {session['id']}" in line for session, line in zip(api.sessions(), said, strict=True)] == [
        True
    ] * 2
