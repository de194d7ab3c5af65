"""Whatever starts a task again finds the one that it started before."""

from __future__ import annotations

import signal

import pytest
from prefect import flow, unmapped

from browser_use_client import AuthenticationError, SessionStoppedError, TaskFailedError
from demo.waiting import until
from prefect_browser_use import BrowserTaskResult, arun_browser_task, run_browser_task
from tests.fake_api import FakeApi, FakeApiProcess

from .conftest import credentials_for, failing
from .running_prefect import RunningPrefect


def prompts(api: FakeApi | FakeApiProcess) -> list[str]:
    return [task["prompt"] for task in api.tasks()]


def creates(api: FakeApi | FakeApiProcess) -> int:
    return len(api.requests(at="create"))


def test_a_flow_retry_finds_all_tasks_again(api: FakeApi) -> None:
    results: list[list[BrowserTaskResult]] = []

    @flow(retries=1)
    def shop() -> None:
        credentials = credentials_for(api)
        first = run_browser_task("Sign in", credentials=credentials, keep_session=True)
        second = run_browser_task("Read the orders", credentials=credentials, session_id=first.session_id)
        mapped = run_browser_task.map(["Same", "Same"], credentials=unmapped(credentials)).result()
        asynchronous = arun_browser_task.submit("Same", credentials=credentials).result()
        results.append([first, second, *mapped, asynchronous])
        if len(results) == 1:
            raise RuntimeError("Something else went wrong")

    shop()
    assert sorted(prompts(api)) == ["Read the orders", "Same", "Same", "Same", "Sign in"]
    assert {result.task_id for result in results[0]} == {result.task_id for result in results[1]}
    assert [result.task_id for result in results[0][:2]] == [result.task_id for result in results[1][:2]]


def test_a_task_retry_goes_on_with_the_task_that_runs(api: FakeApi) -> None:
    api.script(polls=5)
    api.fault(at="poll", skip=1, garbage="<html>a proxy</html>")
    with_retries = run_browser_task.with_options(retries=1, retry_condition_fn=lambda *_: True)
    result = with_retries("Read the orders", credentials=credentials_for(api), poll_interval=0.02)
    assert [task["id"] for task in api.tasks()] == [result.task_id]
    assert creates(api) == 1


def test_what_runs_for_the_first_time_does_not_read_the_list_of_tasks(flat_api: FakeApi) -> None:
    @flow
    def shop() -> None:
        run_browser_task("Sign in", credentials=credentials_for(flat_api))
        arun_browser_task.submit("Sign in", credentials=credentials_for(flat_api)).result()

    shop()
    assert creates(flat_api) == 2
    assert flat_api.requests(at="list") == []


def test_identical_calls_are_tasks_of_their_own_unless_they_have_one_key(flat_api: FakeApi) -> None:
    @flow
    def same() -> set[str]:
        credentials = credentials_for(flat_api)
        return {run_browser_task("Same", credentials=credentials, key=key).task_id for key in (None, None, "k", "k")}

    assert len(same()) == 3
    assert len(flat_api.tasks()) == 3


def test_results_that_prefect_persists_do_not_make_identical_calls_one(flat_api: FakeApi) -> None:
    persisted = run_browser_task.with_options(persist_result=True)

    @flow(persist_result=True)
    def same() -> set[str]:
        return {persisted("Same", credentials=credentials_for(flat_api)).task_id for _ in range(2)}

    assert len(same()) == 2


def test_a_create_without_an_answer_is_one_task(api: FakeApi) -> None:
    api.fault(at="create", work="done", reset=True)
    run_browser_task("Read the orders", credentials=credentials_for(api))
    assert len(api.tasks()) == 1


def test_what_cannot_get_better_is_not_tried_again(api: FakeApi) -> None:
    impatient = run_browser_task.with_options(retries=3)
    api.script("Fail", **failing(api))
    with pytest.raises(TaskFailedError):
        impatient("Fail", credentials=credentials_for(api))
    assert creates(api) == 1
    if api.contract != "v4":  # there, a session goes on in another browser
        with pytest.raises(SessionStoppedError):
            impatient("Go on", credentials=credentials_for(api), session_id=api.sessions()[0]["id"])
    number = creates(api)
    wrong = credentials_for(api).model_copy(update={"api_key": "bu_wrong"})
    with pytest.raises(AuthenticationError):
        impatient("Sign in", credentials=wrong)
    assert creates(api) == number


def test_a_full_plan_is_waited_for_as_long_as_the_server_says(flat_api: FakeApi) -> None:
    flat_api.fault(at="create", times=2, status=429, retry_after="1")
    run_browser_task("Read the orders", credentials=credentials_for(flat_api))
    first, second, third = flat_api.requests(at="create")
    assert second["time"] - first["time"] >= 1
    assert third["time"] - second["time"] >= 1


def test_a_flow_run_that_is_run_again_after_its_process_was_killed_goes_on(prefect_server: RunningPrefect) -> None:
    with FakeApiProcess() as api:
        api.script("Sign in", output="Signed in.")
        api.script("slow", status=None)
        variables = {"BROWSER_USE_API_KEY": api.api_key, "BROWSER_USE_BASE_URL": api.base_url}
        served = prefect_server.start("doomed", "-m", "tests.prefect.flows", "serve", **variables)
        flow_run = prefect_server.run_deployment("two-steps")
        until("the second task runs", lambda: [task["is_live"] for task in api.tasks()] == [False, True], 120)
        prefect_server.end(served, signal.SIGKILL)

        prefect_server.set_state(flow_run, "SCHEDULED", force=True)
        again = prefect_server.start("again", "-m", "tests.prefect.flows", "serve", **variables)
        (slow,) = api.tasks(live=True)
        polls = slow["polls"]
        until("the second task is found again", lambda: api.tasks(live=True)[0]["polls"] > polls, 120)
        api.end_task(slow["id"])
        assert prefect_server.ended(flow_run)["state_type"] == "COMPLETED"
        prefect_server.end(again)
        assert prompts(api) == ["Sign in", "Watch the slow page"]
        assert creates(api) == 2
