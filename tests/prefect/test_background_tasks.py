"""Tasks that are handed to a worker of Prefect's: `.delay()`."""

from __future__ import annotations

from typing import Any

import pytest
from prefect.blocks.system import Secret
from prefect.results import ResultRecord
from prefect.settings import PREFECT_API_URL, PREFECT_LOCAL_STORAGE_PATH, temporary_settings
from pydantic import SecretStr

from browser_use_client import CreateTaskRequest, InvalidRequestError
from prefect_browser_use import BrowserUseCredentials, arun_browser_task, run_browser_task
from tests.fake_api import FakeApiProcess

from .conftest import credentials_for
from .running_prefect import RunningPrefect, end, files_with, until

PASSWORD = "hunter2-of-the-shop"


def test_a_worker_runs_tasks_with_what_is_named_and_nothing_secret_is_stored(prefect_server: RunningPrefect) -> None:
    storage = prefect_server.home / "storage"
    worker = prefect_server.start("worker", "-m", "prefect", "task", "serve", "--module", "prefect_browser_use")
    settings = temporary_settings(
        {PREFECT_API_URL: f"{prefect_server.url}/api", PREFECT_LOCAL_STORAGE_PATH: str(storage)}
    )
    with FakeApiProcess(api_key="bu_key_of_the_worker") as api, settings:
        credentials_for(api).save("background")
        Secret(value=PASSWORD).save("background-password")
        given: dict[str, Any] = {"credentials": "background", "secrets": {"password": "secret/background-password"}}
        futures = [task.delay("Sign in", **given) for task in (run_browser_task, arun_browser_task)]
        until("both tasks have ended", lambda: [task["is_live"] for task in api.tasks()] == [False, False], 120)
        ended = lambda: {state_of(prefect_server, future.task_run_id) for future in futures}  # noqa: E731
        until("both task runs are completed", lambda: ended() == {"COMPLETED"})
        assert [task["body"]["secrets"] for task in api.tasks()] == [{"password": PASSWORD}] * 2
    end(worker)
    stored = [ResultRecord.deserialize(path.read_bytes()).result for path in (storage / "parameters").iterdir()]
    assert [{name: one["parameters"][name] for name in given} for one in stored] == [given] * 2
    for secret in (PASSWORD, "bu_key_of_the_worker"):
        assert files_with(prefect_server.home, secret) == []


def state_of(prefect: RunningPrefect, task_run_id: Any) -> str:
    return str(prefect.get(f"/task_runs/{task_run_id}")["state_type"])


@pytest.mark.usefixtures("harness")
@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("credentials", {"credentials": BrowserUseCredentials(api_key="bu_plain")}),
        ("secrets", {"secrets": {"password": SecretStr(PASSWORD)}}),
        ("secrets", {"secrets": {"password": Secret(value=PASSWORD)}}),
        ("task", {"task": CreateTaskRequest(task="Sign in", secrets={"password": SecretStr(PASSWORD)})}),
    ],
)
@pytest.mark.parametrize("task", [run_browser_task, run_browser_task.with_options(name="sign-in"), arun_browser_task])
def test_a_plain_secret_is_refused_with_the_reason(task: Any, name: str, arguments: dict[str, Any]) -> None:
    with pytest.raises(InvalidRequestError, match=f"`{name}` holds a secret, .* storage in plain text") as caught:
        task.delay(**{"task": "Sign in"} | arguments)
    assert PASSWORD not in str(caught.value)
