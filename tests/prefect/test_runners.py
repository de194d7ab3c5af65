"""Tasks in threads, in processes of their own and on Dask: whatever crosses to them and back pickles."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psutil
import pytest
from prefect import flow, unmapped
from prefect.task_runners import ProcessPoolTaskRunner, TaskRunner, ThreadPoolTaskRunner
from prefect_dask import DaskTaskRunner
from pydantic import BaseModel, SecretStr

from browser_use_client import BrowserSettings, CreateTaskRequest, TaskFailedError
from prefect_browser_use import BrowserTaskResult, BrowserUseCredentials, arun_browser_task, run_browser_task
from tests.fake_api import FakeApi

from .conftest import credentials_for

RUNNERS: dict[str, Callable[[], TaskRunner[Any]]] = {
    "threads": ThreadPoolTaskRunner,
    "processes": lambda: ProcessPoolTaskRunner(max_workers=2),
    "dask": lambda: DaskTaskRunner(cluster_kwargs={"n_workers": 1, "threads_per_worker": 4, "dashboard_address": ":0"}),
}


class Orders(BaseModel):
    orders: int


def everything(credentials: BrowserUseCredentials) -> list[Any]:
    given = {"credentials": unmapped(credentials), "output_schema": unmapped(Orders)}
    mapped = run_browser_task.map(["Count", "Count"], **given)
    failed = arun_browser_task.submit("Fail", credentials=credentials)
    request = CreateTaskRequest(
        task="Sign in",
        secrets={"password": SecretStr("hunter2")},
        browser_settings=BrowserSettings(screen_width=800, screen_height=600),
    )
    first = run_browser_task.submit(request, credentials=credentials, keep_session=True).result()
    second = arun_browser_task.submit("Go on", credentials=credentials, session_id=first.session_id).result()
    return [first, second, *mapped.result(), failed.result(raise_on_failure=False)]


@pytest.mark.parametrize("runner", RUNNERS)
def test_tasks_run_in_every_runner_with_all_that_they_take_and_give(flat_api: FakeApi, runner: str) -> None:
    flat_api.script("Count", output='{"orders": 4}')
    flat_api.script("Fail", is_success=False)
    run = flow(task_runner=RUNNERS[runner]())(everything)
    first, second, *mapped, error = run(credentials_for(flat_api))
    assert first.session_id == second.session_id
    assert all(isinstance(result, BrowserTaskResult) for result in (first, second))
    assert [result.parse(Orders) for result in mapped] == [Orders(orders=4)] * 2
    assert len({result.task_id for result in (first, second, *mapped)}) == 4
    assert isinstance(error, TaskFailedError)
    assert error.task_id in str(error)
    (body,) = [task["body"] for task in flat_api.tasks() if task["prompt"] == "Sign in"]
    assert body["secrets"] == {"password": "hunter2"}
    assert flat_api.sessions(status="active") == []


def test_a_task_whose_dask_worker_is_lost_is_found_again_by_the_next_worker(flat_api: FakeApi) -> None:
    flat_api.script("Take long", seconds=1e6)
    credentials = credentials_for(flat_api)

    @flow(task_runner=RUNNERS["dask"]())
    def take_long() -> BrowserTaskResult:
        result: BrowserTaskResult = run_browser_task.submit("Take long", credentials=credentials).result()
        return result

    with ThreadPoolExecutor(1) as aside:
        losing = aside.submit(lose_a_worker, flat_api)
        found = take_long()
        losing.result()
    assert [started["id"] for started in flat_api.tasks()] == [found.task_id]


def lose_a_worker(flat_api: FakeApi) -> None:
    """Kills the worker that waits for a task, and ends what runs once another one waits."""
    wait_for_polls(flat_api)
    (worker,) = [child for child in psutil.Process().children() if "spawn_main" in " ".join(child.cmdline())]
    worker.kill()
    worker.wait(60)
    flat_api.forget_requests()
    wait_for_polls(flat_api)
    for started in flat_api.tasks(live=True):
        flat_api.end_task(started["id"])


def wait_for_polls(flat_api: FakeApi) -> None:
    while not any("/tasks/" in request["path"] for request in flat_api.requests("GET")):
        time.sleep(0.2)
