"""What Prefect's UI, automations and limits see of a task."""

from __future__ import annotations

import base64
import json
import logging
import pickle
import re
import threading
import time
import traceback
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from prefect import flow, get_client, task, unmapped
from prefect.client.schemas.actions import GlobalConcurrencyLimitCreate
from prefect.concurrency.sync import concurrency
from prefect.runtime import flow_run
from prefect.settings import PREFECT_API_URL
from pydantic import SecretStr

from browser_use_client import CreateTaskRequest, TaskFailedError
from demo.waiting import until
from prefect_browser_use import FlowRunEndedError, artifact_queue, arun_browser_task, run_browser_task, start_session
from prefect_browser_use.artifacts import LINE_CHARACTERS
from prefect_browser_use.masking import Mask
from tests.fake_api import FakeApi
from tests.fake_api.files import PICTURE

from .conftest import Run, credentials_for

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


def artifacts(flow_run_id: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = ask("/artifacts/filter", {"artifacts": {"flow_run_id": {"any_": [flow_run_id]}}})
    return [artifact for artifact in found if artifact["key"]]


def origin(api: FakeApi) -> str:
    return api.base_url.partition("/api")[0]


def artifact(flow_run_id: str) -> dict[str, Any]:
    """The only one."""
    (found,) = artifacts(flow_run_id)
    return found


@pytest.mark.parametrize("run", [sync_flow, async_flow])
def test_the_ui_shows_the_result_the_cost_and_each_step_with_its_picture(flat_api: FakeApi, run: Any) -> None:
    flat_api.script(output='{"orders": 4}', steps=2, polls=2, goal="Read a|b in")
    found = artifact(run(flat_api, {}))
    (task,) = flat_api.tasks()
    assert re.fullmatch(r"finished · 2 steps · \d+ s · 0.05 USD", found["description"])
    assert f"Task `{task['id']}` in session `{task['session_id']}`" in found["data"]
    assert found["task_run_id"]
    assert '```json\n{\n  "orders": 4\n}\n```' in found["data"]
    rows = [line for line in found["data"].splitlines() if line.startswith("| 2 |")]
    assert [
        "` Read a\\|b in 2 `<br>` https://shop.example/2 `<br>the step before: ` Success `" in row for row in rows
    ] == [True]
    assert f'<img src="{origin(flat_api)}/_files/{task["id"]}-2.png"' in rows[0]


def test_while_a_task_runs_its_artifact_says_how_to_watch_it_and_then_becomes_the_result(flat_api: FakeApi) -> None:
    flat_api.script(status=None)
    running = ThreadPoolExecutor(1).submit(sync_flow, flat_api, {})
    (task,) = until("the task runs", lambda: flat_api.tasks(live=True))
    flow_run_id = task["metadata"]["idempotency_key"].partition(":")[0]
    (first,) = until("it has an artifact", lambda: artifacts(flow_run_id))
    assert first["description"] == "running"
    flat_api.end_task(task["id"])
    running.result(60)
    last = artifact(flow_run_id)
    assert last["id"] == first["id"]
    assert last["description"].startswith("finished")


def test_a_task_that_is_stopped_with_its_flow_run_says_so_in_its_artifact(flat_api: FakeApi) -> None:
    flat_api.script(status=None)
    running = ThreadPoolExecutor(1).submit(sync_flow, flat_api, {})
    (task,) = until("the task runs", lambda: flat_api.tasks(live=True))
    flow_run_id = task["metadata"]["idempotency_key"].partition(":")[0]
    until("it has an artifact", lambda: artifacts(flow_run_id))
    ask(f"/flow_runs/{flow_run_id}/set_state", {"state": {"type": "CANCELLING"}})
    assert isinstance(running.exception(60), FlowRunEndedError)
    until("its artifact says so", lambda: artifact(flow_run_id)["description"] == "stopped")


@flow(name="Orders: of the day")
def orders_of_the_day(api: Any) -> str:
    for name in ("Sign in", "Read"):
        run_browser_task.with_options(name=name)(name, credentials=credentials_for(api))
    return str(flow_run.id)


def test_the_artifacts_page_has_a_history_for_each_task_of_each_flow(flat_api: FakeApi) -> None:
    runs = [orders_of_the_day(flat_api), orders_of_the_day(flat_api), sync_flow(flat_api, {})]
    keys = [{found["key"] for found in artifacts(flow_run_id)} for flow_run_id in runs]
    ours = {"browser-use-orders-of-the-day-sign-in", "browser-use-orders-of-the-day-read"}
    assert keys == [ours, ours, {"browser-use-sync-flow-run-browser-task"}]
    latest = ask("/artifacts/latest/filter", {"artifacts": {"flow_run_id": {"any_": runs}}})
    assert {found["key"] for found in latest if found["flow_run_id"] == runs[1]} == ours
    history = ask("/artifacts/filter", {"artifacts": {"key": {"any_": sorted(ours)}}})
    assert {found["flow_run_id"] for found in history} >= set(runs[:2])


def test_the_sessions_that_a_flow_started_are_one_history_on_the_artifacts_page(flat_api: FakeApi) -> None:
    @flow(name="Starts")
    def starts() -> str:
        for _ in range(2):
            start_session(credentials=credentials_for(flat_api))
        return str(flow_run.id)

    runs = [starts(), starts()]
    keys = [found["key"] for flow_run_id in runs for found in artifacts(flow_run_id)]
    assert keys == ["browser-use-starts-start-session"] * 4


@task
def plain(seconds: float) -> None:
    time.sleep(seconds)


def is_answered(record: logging.LogRecord) -> bool:
    """Whether the server took a request; what it answers with 503, since its SQLite is locked, is sent again."""
    return " 503 " not in record.getMessage()


class Requests(logging.Handler):
    """The requests of this process to Prefect, by what they are: Prefect's client is httpx's, which logs them."""

    def __init__(self) -> None:
        super().__init__()
        self.number: Counter[str] = Counter()

    def emit(self, record: logging.LogRecord) -> None:
        method, url = record.args[:2]  # type: ignore[index] # httpx's: the method, the URL ...
        path = httpx.URL(str(url)).path
        if str(url).startswith(PREFECT_API_URL.value()) and is_answered(record):
            self.number[f"{method} " + re.sub(r"[0-9a-f-]{36}", "ID", path.removeprefix("/api"))] += 1


@pytest.fixture
def requests(caplog: pytest.LogCaptureFixture) -> Iterator[Requests]:
    log, requests = logging.getLogger("httpx"), Requests()
    log.addHandler(requests)
    with caplog.at_level(logging.INFO, logger="httpx"):
        yield requests
    log.removeHandler(requests)


TASKS = 20


@pytest.mark.parametrize("task", [run_browser_task, arun_browser_task], ids=["sync", "async"])
def test_a_task_sends_prefect_at_most_two_requests_more_than_a_plain_one(
    flat_api: FakeApi, task: Any, requests: Requests
) -> None:
    flat_api.script(steps=5, seconds=2.0)

    @flow
    def ours() -> None:
        task.map(["Read the orders"] * TASKS, credentials=unmapped(credentials_for(flat_api))).wait()

    @flow
    def others() -> None:
        plain.map([2.0] * TASKS).wait()

    others()
    of_others, requests.number = requests.number, Counter()
    began_at = time.monotonic()
    ours()
    seconds = time.monotonic() - began_at
    more = requests.number - of_others
    sent = {what: number for what, number in more.items() if number > 3}
    # Besides, for all of the tasks together: the state of the flow run is read once a second, Prefect sends logs, and
    # the first artifacts of a process, which are sent at once, each ask whether they need a token.
    assert sent.pop("GET /flow_runs/ID", 0) <= seconds + 1
    assert sent.pop("POST /logs/", 0) < TASKS
    assert sent.pop("GET /csrf-token", 0) <= artifact_queue.ARTIFACTS_AT_ONCE
    assert sent.pop("POST /artifacts/") == TASKS
    assert sent.pop("PATCH /artifacts/ID", 0) <= TASKS  # where they queue, only the end is sent
    assert sent == {}


LIVE = "https://live.example/?wss=a-credential"


@pytest.mark.parametrize("run", [sync_flow, async_flow])
def test_a_live_url_is_shown_nowhere(flat_api: FakeApi, run: Any, caplog: pytest.LogCaptureFixture) -> None:
    flat_api.show_live_at(LIVE)
    flat_api.script(polls=2)
    with caplog.at_level(logging.INFO):
        flow_run_id = run(flat_api, {})
    (session,) = flat_api.sessions()
    assert f"To watch its browser: prefect-browser-use live {session['id']}" in caplog.text
    assert "live.example" not in caplog.text
    assert "live.example" not in str(artifacts(flow_run_id))
    shown = until("the task run and its events are written", lambda: task_runs_and_events(flow_run_id))
    assert "live.example" not in str(shown)


def task_runs_and_events(flow_run_id: str) -> list[Any]:
    """What Prefect's server keeps of a flow run with one task, once all of it is there."""
    task_runs = ask("/task_runs/filter", {"flow_runs": {"id": {"any_": [flow_run_id]}}})
    related = {"any_resource": {"id": [f"prefect.flow-run.{flow_run_id}"]}, "event": {"prefix": ["browser-use."]}}
    events = ask("/events/filter", {"filter": related})["events"]
    is_whole = [run["state_type"] for run in task_runs] == ["COMPLETED"] and len(events) == 2
    return [task_runs, events] if is_whole else []


def test_a_live_url_stands_in_no_error_and_so_in_no_state(flat_api: FakeApi, run: Run) -> None:
    flat_api.show_live_at(LIVE)
    flat_api.script(is_success=False, polls=2)
    with pytest.raises(TaskFailedError) as caught:
        run("Read the orders", credentials=credentials_for(flat_api))
    assert "live.example" not in "".join(traceback.format_exception(caught.value))
    assert b"live.example" not in pickle.dumps(caught.value)


@pytest.mark.parametrize("asked", [True, False])
@pytest.mark.parametrize("of_block", [True, False])
def test_a_live_url_is_shown_where_the_task_or_else_its_credentials_ask_for_it(
    flat_api: FakeApi, caplog: pytest.LogCaptureFixture, asked: bool, of_block: bool
) -> None:
    flat_api.show_live_at(LIVE)
    flat_api.script(status=None)
    block = credentials_for(flat_api).model_copy(update={"show_live_url": asked if of_block else not asked})
    options = {} if of_block else {"show_live_url": asked}
    seen: list[Any] = []

    @flow
    def one() -> None:
        seen.append(flow_run.id)
        seen.append(run_browser_task("Read", credentials=block, **options).live_url)

    with caplog.at_level(logging.INFO):
        running = ThreadPoolExecutor(1).submit(one)
        (task,) = until("the task runs", lambda: flat_api.tasks(live=True))
        (shown,) = until("it has an artifact", lambda: artifacts(str(seen[0])))
        flat_api.end_task(task["id"])
        running.result(60)
    assert seen[1] == (LIVE if asked else None)
    assert (LIVE in shown["data"]) is asked
    assert (f"Watch the browser at {LIVE}" in caplog.text) is asked


def test_a_live_view_of_this_machine_is_shown(flat_api: FakeApi, caplog: pytest.LogCaptureFixture) -> None:
    flat_api.script(polls=1)
    with caplog.at_level(logging.INFO):
        sync_flow(flat_api, {})
    (session,) = flat_api.sessions()
    assert f"Watch the browser at {origin(flat_api)}/live/{session['id']}" in caplog.text


@pytest.mark.parametrize("show", [True, False])
def test_a_session_that_was_started_says_where_it_can_be_watched_only_if_asked(flat_api: FakeApi, show: bool) -> None:
    flat_api.show_live_at(LIVE)
    session = start_session(credentials=credentials_for(flat_api), show_live_url=show)
    assert session.live_url == (LIVE if show else None)


@pytest.fixture
def queue() -> Iterator[threading.Event]:
    """Artifacts of others are before those of the test, until this is set."""
    others_are_sent = threading.Event()
    for _ in range(artifact_queue.ARTIFACTS_AT_ONCE):
        artifact_queue._threads.submit(others_are_sent.wait)
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
def test_a_task_waits_for_its_artifact_when_it_has_ended_and_sends_the_newest_only(
    flat_api: FakeApi, task: Any, queue: threading.Event, caplog: pytest.LogCaptureFixture
) -> None:
    flat_api.script(steps=5, polls=5)
    with caplog.at_level(logging.INFO, logger="httpx"):
        running = waits_for_its_artifacts(flat_api, one_task, task)
        until("its start and its end wait", lambda: artifact_queue._threads._work_queue.qsize() == 2)
        assert not running.done()
        queue.set()
        assert running.result(60).status == "finished"
    requests = [record for record in caplog.records if "/artifacts/" in record.getMessage() and is_answered(record)]
    assert len(requests) == 1


@pytest.mark.parametrize("task", [run_browser_task, arun_browser_task], ids=["sync", "async"])
def test_a_task_that_waits_for_its_artifact_sees_that_its_flow_run_is_cancelled(
    flat_api: FakeApi, task: Any, queue: threading.Event
) -> None:
    running = waits_for_its_artifacts(flat_api, one_task, task)
    flow_run_id = flat_api.tasks()[0]["metadata"]["idempotency_key"].partition(":")[0]
    ask(f"/flow_runs/{flow_run_id}/set_state", {"state": {"type": "CANCELLING"}})
    with pytest.raises(FlowRunEndedError):
        running.result(60)
    queue.set()
    assert artifacts(flow_run_id) == []


def test_artifacts_can_be_left_out(flat_api: FakeApi) -> None:
    assert artifacts(sync_flow(flat_api, {"artifacts": False})) == []


def failed_artifact(api: FakeApi) -> str:
    """The text of the artifact of a task that failed."""
    api.script(is_success=False, output="The shop is closed")
    shown: list[str] = []

    @flow
    def fails() -> None:
        shown.append(str(flow_run.id))
        run_browser_task("Read the orders", credentials=credentials_for(api))

    with pytest.raises(TaskFailedError):
        fails()
    found = artifact(shown[0])
    assert found["description"].startswith("failed")
    return str(found["data"])


def test_a_failed_task_shows_what_it_said_and_the_last_page_in_a_picture_that_lasts(flat_api: FakeApi) -> None:
    text = failed_artifact(flat_api)
    assert "The shop is closed" in text
    picture = base64.b64encode(PICTURE).decode()
    assert f'**The last page**, ` https://shop.example/2 `\n\n<img src="data:image/png;base64,{picture}"' in text


def test_a_picture_that_cannot_be_had_is_no_reason_to_lose_the_artifact(flat_api: FakeApi) -> None:
    flat_api.fault(at="download", status=404, times=None)
    text = failed_artifact(flat_api)
    assert f'**The last page**, ` https://shop.example/2 `\n\n<img src="{origin(flat_api)}/_files/' in text


def test_with_screenshots_each_step_is_shown_in_full(flat_api: FakeApi) -> None:
    text = artifact(sync_flow(flat_api, {"screenshots": True}))["data"]
    (task,) = flat_api.tasks()
    pictures = [f"{origin(flat_api)}/_files/{task['id']}-{number}.png" for number in (1, 2)]
    assert all(f'<img src="{picture}" alt="Step {number}">' in text for number, picture in enumerate(pictures, 1))


def test_secrets_are_masked_in_all_that_is_shown(flat_api: FakeApi) -> None:
    flat_api.script(output=f"The password is {PASSWORD}")
    found = artifacts(sync_flow(flat_api, {"secrets": {"password": SecretStr(PASSWORD)}}))
    assert "The password is ********" in found[0]["data"]
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

    shown = artifact(one())["data"]
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
    assert PASSWORD.encode() not in pickle.dumps(caught.value)
    (state,) = until("the state is written", lambda: messages_of_states(caught.value.task_id))
    assert state.endswith(f"It said: {shown}")
    assert PASSWORD not in state


def messages_of_states(task_id: str | None) -> list[str]:
    """What the states of task runs say of a Browser Use task."""
    latest = ask("/task_runs/filter", {"sort": "EXPECTED_START_TIME_DESC", "limit": 5})
    messages = [run["state"]["message"] or "" for run in latest if run["state"]]
    return [message for message in messages if str(task_id) in message]


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
    shown = artifact(sync_flow(flat_api, {"screenshots": True}))["data"]
    as_block, as_line = rf"(`{{3,}})text\n{re.escape(output)}\n\1\n\n", rf"(`+) {re.escape(output)} \1\n\n"
    found = re.match(as_line if len(output) > LINE_CHARACTERS else as_block, shown)
    assert found
    assert found[1] not in output
    goals = [line.split(" | ")[2].split("<br>` ")[0] for line in shown.splitlines() if re.match(r"\| \d", line)]
    assert len(goals) == 2
    assert all(re.fullmatch(r"(`+) (?:(?!\1).)* \1", goal) for goal in goals)


def test_automations_get_events_with_the_cost(flat_api: FakeApi) -> None:
    flat_api.script(polls=1)
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
