"""Tasks that are handed to a worker of Prefect's: `.delay()`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from prefect.blocks.system import Secret
from prefect.results import ResultRecord
from pydantic import SecretStr

from browser_use_client import CreateTaskRequest, InvalidRequestError
from demo.waiting import until
from prefect_browser_use import BrowserUseCredentials, arun_browser_task, run_browser_task
from tests.fake_api import FakeApiProcess

from .flows import IN_BACKGROUND
from .running_prefect import RunningPrefect, files_with

PASSWORD = "hunter2-of-the-shop"


def test_a_worker_runs_tasks_with_what_is_named_and_nothing_secret_is_stored(prefect_server: RunningPrefect) -> None:
    worker = prefect_server.start("worker", "-m", "prefect", "task", "serve", "--module", "prefect_browser_use")
    with FakeApiProcess(api_key="bu_key_of_the_worker") as api:
        variables = {"BROWSER_USE_API_KEY": api.api_key, "BROWSER_USE_BASE_URL": api.base_url, "PASSWORD": PASSWORD}
        assert prefect_server.start("delay", "-m", "tests.prefect.flows", "delay", **variables).wait(120) == 0
        until("both tasks have ended", lambda: [task["is_live"] for task in api.tasks()] == [False, False], 120)
        until("both task runs are completed", lambda: states_of_background_tasks(prefect_server) == ["COMPLETED"] * 2)
        assert [task["body"]["secrets"] for task in api.tasks()] == [{"password": PASSWORD}] * 2
    prefect_server.end(worker)
    parameters = (prefect_server.home / "storage" / "parameters").iterdir()
    stored = [ResultRecord.deserialize(path.read_bytes()).result["parameters"] for path in parameters]
    assert [{name: one[name] for name in IN_BACKGROUND} for one in stored] == [IN_BACKGROUND] * 2
    for secret in (PASSWORD, "bu_key_of_the_worker"):
        assert files_with(prefect_server.home, secret) == []


def states_of_background_tasks(prefect: RunningPrefect) -> list[str]:
    return [run["state_type"] for run in prefect.post("/task_runs/filter") if run["flow_run_id"] is None]


@pytest.mark.usefixtures("harness")
@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("credentials", {"credentials": BrowserUseCredentials(api_key="bu_plain")}),
        ("secrets", {"secrets": {"password": SecretStr(PASSWORD)}}),
        ("secrets", {"secrets": {"password": Secret(value=PASSWORD)}}),
        ("secrets", {"secrets": {"password": PASSWORD}}),
        ("secrets", {"secrets": {"password": f"secret/{PASSWORD}/more"}}),
        ("credentials", {"credentials": f"bu_{PASSWORD}"}),
        ("credentials", {"credentials": {"api_key": f"bu_{PASSWORD}"}}),
        ("task", {"task": CreateTaskRequest(task="Sign in", secrets={"password": SecretStr(PASSWORD)})}),
    ],
)
@pytest.mark.parametrize("task", [run_browser_task, run_browser_task.with_options(name="sign-in"), arun_browser_task])
def test_a_plain_secret_is_refused_with_the_reason(task: Any, name: str, arguments: dict[str, Any]) -> None:
    with pytest.raises(InvalidRequestError, match=f"`{name}` holds a secret, .* storage in plain text") as caught:
        task.delay(**{"task": "Sign in"} | arguments)
    assert PASSWORD not in str(caught.value)
    assert files_with(Path(os.environ["PREFECT_HOME"]) / "storage", PASSWORD) == []
