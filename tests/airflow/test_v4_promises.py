"""What `docs/airflow.md` promises of tries, keys, sessions, files and live URLs holds on v4; see `test_v4` too."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import DAG, AirflowFailException, TaskDeferred

from airflow_browser_use.failures import NoLongerRunsError, ResultNotKeptError
from airflow_browser_use.operators import BrowserUseTaskOperator
from browser_use_client import BrowserUseClient, SessionBusyError, TaskFailedError, TaskUnreachableError

from .fake_server import FakeServer
from .stand_in import Store, TaskInstance, context_of, execute, retry

LIVE = "https://live.test/whoever-has-it-drives"


def browse(prompt: str = "read", **kwargs: Any) -> BrowserUseTaskOperator:
    with DAG("shop"):
        task: BrowserUseTaskOperator = BrowserUseTaskOperator(task_id="browse", task=prompt, **kwargs)
    return task


def deferred(v4: FakeServer, prompt: str = "forever", **kwargs: Any) -> tuple[BrowserUseTaskOperator, Any, str]:
    """A try that waits in the triggerer: the operator, its context, and its run."""
    task = browse(prompt, deferrable=True, **kwargs)
    context = context_of(task, TaskInstance(max_tries=kwargs.get("retries", 0)))
    with pytest.raises(TaskDeferred):
        execute(task, context)
    return task, context, list(v4.tasks)[-1]


def unanswered(context: Any) -> dict[str, Any]:
    """What the trigger says of a server that does not answer."""
    error = {"kind": "TaskUnreachableError", "message": "no answer", "session_id": None}
    return {"browser_task_id": context["ti"].xcoms["task_id"], "steps_logged": 0, "error": error}


@pytest.mark.parametrize("ended", ["failed", "stopped"])
def test_a_retry_after_a_task_that_failed_or_was_stopped_starts_a_new_one(v4: FakeServer, ended: str) -> None:
    task, context, first = deferred(v4, retries=2)
    v4.api.end_task(first, ended)
    with pytest.raises(TaskDeferred):
        execute(task, retry(context))
    assert [run.status for run in v4.tasks.values()] == [ended, "started"]


def test_a_server_that_is_away_leaves_the_task_to_a_retry_and_the_last_try_stops_it(v4: FakeServer) -> None:
    task, context, first = deferred(v4, retries=1)
    with pytest.raises(TaskUnreachableError):
        task.execute_complete(context, unanswered(context))
    with pytest.raises(TaskDeferred):
        execute(task, retry(context))
    assert [run.status for run in v4.tasks.values()] == ["started"]
    with pytest.raises(NoLongerRunsError):
        task.execute_complete(context, unanswered(context))
    assert v4.tasks[first].stopped
    assert v4.open_sessions == []


def test_map_indexes_have_a_task_each_even_with_the_same_prompt_and_each_retry_finds_its_own(v4: FakeServer) -> None:
    task = browse("forever", retries=1, deferrable=True)
    contexts = [context_of(task, TaskInstance(max_tries=1, map_index=index)) for index in range(2)]
    for tries in range(2):
        for context in contexts:
            with pytest.raises(TaskDeferred):
                execute(task, retry(context) if tries else context)
    assert [context["ti"].xcoms["task_id"] for context in contexts] == list(v4.tasks)


def test_a_download_that_failed_is_made_up_for_by_the_retry(v4: FakeServer, tmp_path: Path) -> None:
    v4.api.script("leave", seconds=0.0, output_files={"a.csv": "7;9.5"})
    v4.api.fault(at="download", status=403, times=3)
    task = browse("leave", download_output_to=tmp_path)
    context = context_of(task, TaskInstance(max_tries=2))
    with pytest.raises(ResultNotKeptError, match="has finished"):
        execute(task, context)
    [file] = execute(task, retry(context))["output_files"]
    assert Path(file["path"]).read_text() == "7;9.5"
    assert len(v4.tasks) == 1


def test_a_retry_takes_the_task_up_though_its_files_are_gone_and_uploads_nothing(
    v4: FakeServer, tmp_path: Path
) -> None:
    (tmp_path / "orders.csv").write_text("7;9.5")
    task, context, first = deferred(v4, retries=2, files=str(tmp_path / "orders.csv"))
    (tmp_path / "orders.csv").unlink()
    v4.api.forget_requests()
    v4.api.end_task(first)
    assert execute(task, retry(context))["task_id"] == first
    assert v4.api.requests(at="upload") == []
    assert len(v4.tasks) == 1


def test_a_session_in_which_another_task_is_at_work_is_waited_for_and_left_open(v4: FakeServer) -> None:
    _, context, first = deferred(v4, "for 1 s", keep_session=True)
    session_id = context["ti"].xcoms["session_id"]
    hasty = browse("go on", session_id=session_id, keep_session=False)
    with pytest.raises(SessionBusyError):
        execute(hasty, context_of(hasty, TaskInstance(task_id="hasty")))
    assert v4.tasks[first].status == "started"
    assert not v4.sessions[session_id].stopped
    patient = browse("go on", session_id=session_id, wait_when_busy=30, keep_session=False)
    assert execute(patient, context_of(patient, TaskInstance(task_id="patient")))["session_id"] == session_id
    assert v4.open_sessions == []


def test_a_session_that_no_task_of_the_dag_started_is_left_as_it_is(v4: FakeServer) -> None:
    with BrowserUseClient(v4.key, v4.url) as client:
        session_id = client.create_task("log in", keep_session=True).session_id
    execute(browse("read on", session_id=session_id))
    assert [session.id for session in v4.open_sessions] == [session_id]


def test_a_task_that_failed_closes_its_browser_and_says_so_by_its_status(v4: FakeServer) -> None:
    task = browse("fail", retries=2)
    with pytest.raises(TaskFailedError):
        execute(task, context_of(task, TaskInstance(max_tries=2)))
    assert v4.open_sessions == []


def test_secrets_without_the_hosts_on_which_they_may_be_typed_are_refused_before_anything_is_created(
    v4: FakeServer,
) -> None:
    task = browse(secrets={"password": "{{ conn.shop.password }}"}, retries=2)
    context = {**context_of(task), "conn": SimpleNamespace(shop=SimpleNamespace(password="geheim"))}
    task.render_template_fields(context)
    with pytest.raises(AirflowFailException, match="secret_domains") as refused:
        execute(task, context)
    assert "geheim" not in str(refused.value)
    assert v4.tasks == {}


def test_a_task_goes_on_with_the_files_of_an_earlier_workspace(v4: FakeServer) -> None:
    execute(browse())
    [workspace_id] = {session["workspace_id"] for session in v4.api.sessions()}
    task = browse(workspace_id="{{ params.workspace }}")
    context = {**context_of(task, TaskInstance(run_id="tuesday")), "params": {"workspace": workspace_id}}
    task.render_template_fields(context)
    execute(task, context)
    assert list(v4.tasks.values())[-1].body["workspaceId"] == workspace_id


def test_what_did_not_do_its_work_under_a_key_of_the_users_is_run_anew(v4: FakeServer) -> None:
    for run_id in ("monday", "tuesday"):
        task = browse("fail", key="invoice-7")
        with pytest.raises(TaskFailedError):
            execute(task, context_of(task, TaskInstance(run_id=run_id)))
    assert len(v4.tasks) == 2


@pytest.mark.parametrize("remembers", [True, False])
def test_whether_a_retry_made_the_task_under_a_key_of_the_users_only_the_state_store_says(
    v4: FakeServer, remembers: bool
) -> None:
    task = browse("forever", key="invoice-7", retries=1, deferrable=True)
    context = context_of(task, TaskInstance(max_tries=1))
    if remembers:
        context["task_state_store"] = Store()
    for _ in range(2):
        with pytest.raises(TaskDeferred) as pause:
            execute(task, context)
        retry(context)
    assert pause.value.trigger.stop_on_kill is remembers
    assert len(v4.tasks) == 1


@pytest.fixture
def told(caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]) -> Iterator[list[Any]]:
    """What a task tells; at the end also what was logged, by 3.x to the console and by 2.11 to `logging`."""
    caplog.set_level(logging.DEBUG)
    things: list[Any] = []
    yield things
    assert LIVE not in json.dumps(things) + caplog.text + "".join(capsys.readouterr())


@pytest.mark.parametrize("deferrable", [False, True])
def test_the_live_url_is_in_nothing_that_a_task_tells(v4: FakeServer, told: list[Any], deferrable: bool) -> None:
    v4.api.show_live_at(LIVE)
    task = browse("for 1 s", deferrable=deferrable)
    context = context_of(task)
    try:
        told.append(execute(task, context))
    except TaskDeferred as pause:
        told.append([pause.trigger.serialize(), pause.kwargs])
        [run] = v4.tasks
        v4.api.end_task(run)
        event = {"browser_task_id": run, "steps_logged": 0, "error": None}
        told.append(task.execute_complete(context, event, **pause.kwargs))
    told.append(context["ti"].xcoms)
    assert v4.sessions


def test_who_asks_for_the_live_url_has_it_in_xcom(v4: FakeServer) -> None:
    v4.api.show_live_at(LIVE)
    task = browse("for 1 s", show_live_url=True)
    context = context_of(task)
    execute(task, context)
    assert context["ti"].xcoms["live_url"] == LIVE
