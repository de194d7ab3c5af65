"""What Prefect's UI, automations and limits see of a task."""

from __future__ import annotations

import json
import logging
import pickle
import threading
import traceback
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from prefect import flow, get_client, unmapped
from prefect.client.schemas.actions import GlobalConcurrencyLimitCreate
from prefect.concurrency.sync import concurrency
from prefect.runtime import flow_run
from prefect.settings import PREFECT_API_URL
from pydantic import SecretStr

from browser_use_client import CreateTaskRequest, TaskFailedError
from prefect_browser_use import FlowRunEndedError, arun_browser_task, run_browser_task, showing
from prefect_browser_use.masking import Mask
from tests.fake_api import FakeApi

from .conftest import Run, credentials_for
from .running_prefect import until

PASSWORD = "hunter2-of-the-shop"


@flow
def sync_flow(api: Any, options: dict[str, Any]) -> str:
    run_browser_task("Read the orders", credentials=credentials_for(api), **options)
    return str(flow_run.id)


@flow
def async_flow(api: Any, options: dict[str, Any]) -> str:
    arun_browser_task.submit("Read the orders", credentials=credentials_for(api), **options).result()
    return str(flow_run.id)


def ask(path: str, query: dict[str, Any]) -> Any:
    return httpx.post(f"{PREFECT_API_URL.value()}{path}", json=query, trust_env=False).raise_for_status().json()


def artifacts(flow_run_id: str) -> dict[str, dict[str, Any]]:
    found = ask("/artifacts/filter", {"artifacts": {"flow_run_id": {"any_": [flow_run_id]}}})
    return {artifact["key"]: artifact for artifact in found if artifact["key"]}


@pytest.mark.parametrize("run", [sync_flow, async_flow])
def test_the_ui_shows_where_to_watch_the_progress_the_steps_and_the_result(flat_api: FakeApi, run: Any) -> None:
    flat_api.script(output='{"orders": 4}', steps=2, polls=2)
    found = artifacts(run(flat_api, {"screenshots": True}))
    assert set(found) == {
        "browser-use-live-view",
        "browser-use-progress",
        "browser-use-result",
        "browser-use-screenshot",
        "browser-use-steps",
    }
    assert flat_api.sessions()[0]["id"] in found["browser-use-live-view"]["data"]
    assert found["browser-use-progress"]["data"] == 100
    assert found["browser-use-progress"]["description"] == f"Task {flat_api.tasks()[0]['id']} finished"
    assert "0.05 USD" in found["browser-use-result"]["data"]
    assert '"orders": 4' in found["browser-use-result"]["data"]
    assert "https://shop.example/2" in found["browser-use-steps"]["data"]
    assert all(artifact["task_run_id"] for artifact in found.values())


@pytest.mark.parametrize("run", [sync_flow, async_flow])
def test_a_live_view_that_the_server_shows_late_is_shown_then(flat_api: FakeApi, run: Any) -> None:
    flat_api.script(unseen=1.0, seconds=5.0)
    found = artifacts(run(flat_api, {}))
    assert flat_api.sessions()[0]["id"] in found["browser-use-live-view"]["data"]


@pytest.mark.parametrize("task", [run_browser_task, arun_browser_task], ids=["sync", "async"])
def test_of_many_tasks_at_once_each_shows_its_end(flat_api: FakeApi, task: Any) -> None:
    @flow
    def many() -> str:
        task.map(["Read the orders"] * 20, credentials=unmapped(credentials_for(flat_api))).wait()
        return str(flow_run.id)

    found = ask("/artifacts/filter", {"artifacts": {"flow_run_id": {"any_": [many()]}}})
    assert [artifact["data"] for artifact in found if artifact["key"] == "browser-use-progress"] == [100] * 20


@pytest.fixture
def queue() -> Iterator[threading.Event]:
    """Artifacts of others are before those of the test, until this is set."""
    others_are_sent = threading.Event()
    for _ in range(showing.AT_ONCE):
        showing._threads.submit(others_are_sent.wait)
    yield others_are_sent
    others_are_sent.set()


def waits_for_its_artifacts(api: FakeApi, run: Any, task: Any) -> Future[Any]:
    """Runs a flow in a thread, until its Browser Use task has ended and its session is closed."""
    flow_run = ThreadPoolExecutor(1).submit(run, api, task)
    until("the task has ended", lambda: api.tasks() and not api.tasks(live=True) and not api.sessions(status="active"))
    return flow_run


@flow
def one_task(api: Any, task: Any) -> Any:
    return task.submit("Read the orders", credentials=credentials_for(api), poll_interval=0.02).result()


@pytest.mark.parametrize("task", [run_browser_task, arun_browser_task], ids=["sync", "async"])
def test_a_task_waits_for_its_artifacts_when_it_has_ended_and_of_the_progress_sends_the_end(
    flat_api: FakeApi, task: Any, queue: threading.Event, caplog: pytest.LogCaptureFixture
) -> None:
    flat_api.script(steps=5, polls=5)
    with caplog.at_level(logging.INFO, logger="httpx"):
        running = waits_for_its_artifacts(flat_api, one_task, task)
        assert not running.done()
        queue.set()
        assert running.result(60).status == "finished"
    requests = [record.getMessage() for record in caplog.records if "/artifacts/" in record.getMessage()]
    assert len(requests) == len({"live view", "progress", "result", "steps"})


@pytest.mark.parametrize("task", [run_browser_task, arun_browser_task], ids=["sync", "async"])
def test_a_task_that_waits_for_its_artifacts_sees_that_its_flow_run_is_cancelled(
    flat_api: FakeApi, task: Any, queue: threading.Event
) -> None:
    running = waits_for_its_artifacts(flat_api, one_task, task)
    flow_run_id = flat_api.tasks()[0]["metadata"]["idempotency_key"].partition(":")[0]
    ask(f"/flow_runs/{flow_run_id}/set_state", {"state": {"type": "CANCELLING"}})
    with pytest.raises(FlowRunEndedError):
        running.result(5)
    queue.set()
    assert artifacts(flow_run_id) == {}


def test_artifacts_can_be_left_out(flat_api: FakeApi) -> None:
    assert artifacts(sync_flow(flat_api, {"artifacts": False})) == {}


def test_a_failed_task_shows_what_it_did(flat_api: FakeApi) -> None:
    flat_api.script(is_success=False, output="The shop is closed")
    shown: list[str] = []

    @flow
    def fails() -> None:
        shown.append(str(flow_run.id))
        run_browser_task("Read the orders", credentials=credentials_for(flat_api))

    with pytest.raises(TaskFailedError):
        fails()
    assert "**failed**" in artifacts(shown[0])["browser-use-result"]["data"]


def test_secrets_are_masked_in_all_that_is_shown(flat_api: FakeApi) -> None:
    flat_api.script(output=f"The password is {PASSWORD}")
    found = artifacts(sync_flow(flat_api, {"secrets": {"password": SecretStr(PASSWORD)}}))
    assert "The password is ********" in found["browser-use-result"]["data"]
    assert PASSWORD not in str(found)


AWKWARD = ["2026", "11", "us", "true", ":", '"', "\\", "null", "e", "s: ", "ordré 7"]
"""Secrets that stand in JSON by chance, or are spelled otherwise there."""


@pytest.mark.parametrize("secret", AWKWARD)
@pytest.mark.parametrize("run", [sync_flow, async_flow])
def test_no_secret_changes_a_result_or_hides_what_is_not_secret(flat_api: FakeApi, run: Any, secret: str) -> None:
    output = {"year": 2026, "day": 11, "where": "usa", "open": True, "none": None, "said": secret, "more": [secret]}
    flat_api.script(output=json.dumps(output))
    results: list[Any] = []

    @flow
    def one() -> str:
        secrets = {"value": SecretStr(secret)}
        schema = dict[str, Any]
        task = run_browser_task if run is sync_flow else arun_browser_task
        results.append(
            task.submit("Read", credentials=credentials_for(flat_api), secrets=secrets, output_schema=schema).result()
        )
        return str(flow_run.id)

    shown = artifacts(one())["browser-use-result"]["data"]
    assert results[0].output == output
    assert '"said": "********"' in shown
    assert '"where": "usa"' in shown
    assert '"open": true' in shown


@pytest.mark.parametrize(
    ("secret", "output", "shown"),
    [
        (PASSWORD, f"The password {PASSWORD} is wrong", "The password ******** is wrong"),
        (PASSWORD, json.dumps({"wrong": PASSWORD}), '{"wrong": "********"}'),
        ("abc", "abc", "********"),
        ("abc", "The abc of orders", "The abc of orders"),
    ],
)
@pytest.mark.parametrize("status", [{"is_success": False}, {"status": "failed"}])
def test_what_is_masked_in_artifacts_is_masked_in_the_error_and_so_in_states(
    flat_api: FakeApi, run: Run, secret: str, output: str, shown: str, status: dict[str, Any]
) -> None:
    flat_api.script(output=output, **status)
    secrets = {"password": SecretStr(secret)}
    with pytest.raises(TaskFailedError) as caught:
        run("Sign in", credentials=credentials_for(flat_api), secrets=secrets)
    assert str(caught.value).endswith(f"It said: {shown}")
    assert PASSWORD not in "".join(traceback.format_exception(caught.value))
    with get_client(sync_client=True) as client:
        states = [state.message or "" for run in client.read_task_runs(limit=5) for state in [run.state] if state]
    assert PASSWORD not in " ".join(states)
    assert PASSWORD.encode() not in pickle.dumps(caught.value)


def test_a_secret_in_the_goal_of_a_step_is_masked_in_the_log(
    flat_api: FakeApi, caplog: pytest.LogCaptureFixture
) -> None:
    flat_api.script(goal="Type 'p&ss wörd' into")
    with caplog.at_level(logging.INFO):
        sync_flow(flat_api, {"secrets": {"password": SecretStr("p&ss wörd")}})
    assert "Step 1: Type '********' into" in caplog.text


@pytest.mark.parametrize("depth", [100, 400, 700, 980, 5000])
def test_a_secret_is_masked_however_deep_it_stands(depth: int) -> None:
    mask = Mask(CreateTaskRequest(task="x", secrets={"password": SecretStr(PASSWORD)}))
    shown = mask.output("[" * depth + json.dumps(PASSWORD) + "]" * depth)
    assert PASSWORD not in shown
    assert "********" in shown


@pytest.mark.parametrize(
    "spelled",
    [
        "p&ss wörd/7",
        "p%26ss+w%C3%B6rd%2F7",
        "p%26ss%20w%c3%b6rd/7",
        "p&ss%20wörd/7",
        r"p&ss w\u00f6rd/7",
        "p&amp;ss wörd/7",
    ],
)
def test_a_secret_is_masked_as_urls_json_and_html_spell_it(spelled: str) -> None:
    mask = Mask(CreateTaskRequest(task="x", secrets={"password": SecretStr("p&ss wörd/7")}))
    assert mask.text(f"https://shop.example/?q={spelled}&page=2") == "https://shop.example/?q=********&page=2"


@pytest.mark.parametrize(
    "output",
    ["![a picture](https://evil.example/p.png) of <img src='https://evil.example/q.png'>", "```\nand an open fence"],
)
def test_what_a_page_said_is_shown_as_text_and_not_as_markdown(flat_api: FakeApi, output: str) -> None:
    flat_api.script(output=output, goal=output)
    found = artifacts(sync_flow(flat_api, {"screenshots": True}))
    text, _, rest = found["browser-use-result"]["data"].partition("text\n" + output)[0:3]
    fence = text.rpartition("\n")[2]
    assert set(fence) == {"`"}
    assert fence not in output
    assert rest.startswith(f"\n{fence}\n")
    assert found["browser-use-screenshot"]["description"].startswith("`")
    assert {row["Goal"][0] for row in json.loads(found["browser-use-steps"]["data"])} == {"`"}


def test_automations_get_events_with_the_cost(flat_api: FakeApi) -> None:
    flow_run_id = sync_flow(flat_api, {})
    of_flow_run = {
        "filter": {"event": {"prefix": ["browser-use."]}, "any_resource": {"id": [f"prefect.flow-run.{flow_run_id}"]}}
    }

    def ours() -> list[dict[str, Any]]:
        events: list[dict[str, Any]] = ask("/events/filter", of_flow_run)["events"]
        return events if len(events) == 2 else []

    finished, created = until("the events are there", ours)
    assert [created["event"], finished["event"]] == ["browser-use.task.created", "browser-use.task.finished"]
    assert created["payload"]["reattached"] is False
    told = finished["payload"]
    assert (told["cost"], told["steps"], told["is_success"], told["retries"]) == (0.05, 2, True, 0)
    assert told["seconds"] >= 0
    assert told["requests"] >= 3


def test_a_limit_that_does_not_exist_is_an_error_and_nothing_is_started(flat_api: FakeApi) -> None:
    with pytest.raises(Exception, match="no-such-limit"):
        sync_flow(flat_api, {"concurrency_limit": "no-such-limit"})
    assert flat_api.tasks() == []


@pytest.mark.parametrize("run", [sync_flow, async_flow])
def test_a_task_takes_a_slot_of_its_limit(flat_api: FakeApi, run: Any) -> None:
    with get_client(sync_client=True) as client:
        name = f"browsers-{run.name}"
        client.create_global_concurrency_limit(GlobalConcurrencyLimitCreate(name=name, limit=1))
    run(flat_api, {"concurrency_limit": name})
    assert len(flat_api.tasks()) == 1
    with concurrency(name, timeout_seconds=5, strict=True):
        pass  # the slot is free again
