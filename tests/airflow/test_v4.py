"""The operators on a server that speaks v4: no metadata, no POST /sessions, keys that are not sent back."""

from __future__ import annotations

import asyncio
import json
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import DAG, AirflowFailException, TaskDeferred
from airflow.providers.common.compat.version_compat import AIRFLOW_V_3_0_PLUS

from airflow_browser_use.failures import ResultNotKeptError
from airflow_browser_use.identity import TaskKey, possible_keys
from airflow_browser_use.operators import (
    BrowserUseStartSessionOperator,
    BrowserUseStopSessionOperator,
    BrowserUseTaskOperator,
)
from airflow_browser_use.sensors import BrowserUseTaskSensor
from airflow_browser_use.settlement import Traces, settle
from browser_use_client import BrowserUseClient, InvalidRequestError, OutputSchemaError, TaskTimeoutError

from .fake_server import FakeServer
from .stand_in import Store, TaskInstance, context_of, execute, resume, retry

RESUMES = pytest.mark.skipif(not AIRFLOW_V_3_0_PLUS, reason="resumes as Airflow 3 does")


def browse(prompt: str = "read", **kwargs: Any) -> BrowserUseTaskOperator:
    with DAG("shop"):
        task: BrowserUseTaskOperator = BrowserUseTaskOperator(task_id="browse", task=prompt, **kwargs)
    return task


def test_a_task_runs_and_its_browser_ends_with_it(v4: FakeServer) -> None:
    result = execute(browse())
    [run] = v4.tasks.values()
    assert result["task_id"] == run.id
    assert result["output"] == "done: read"
    assert v4.open_sessions == []


def test_the_cost_of_a_task_with_a_session_of_its_own_is_that_of_its_browser_too(v4: FakeServer) -> None:
    v4.api.script("costly", seconds=1.0, cost="0.05")
    assert execute(browse("costly"))["cost"] > 0.05


def test_the_options_of_v4_are_sent(v4: FakeServer) -> None:
    task = browse(
        max_cost_usd="{{ params.limit }}",
        model_params={"reasoning_effort": "low"},
        secrets={"password": "{{ conn.shop.password }}"},
        secret_domains=["shop.test"],
    )
    context = {
        **context_of(task),
        "params": {"limit": 2.5},
        "conn": SimpleNamespace(shop=SimpleNamespace(password="geheim")),
    }
    task.render_template_fields(context)
    execute(task, context)
    [run] = v4.tasks.values()
    assert Decimal(run.body["maxCostUsd"]) == Decimal("2.5")
    assert run.body["modelParams"] == {"reasoning_effort": "low"}
    [binding] = run.body["secretBindings"]
    assert binding["allowedDomains"] == ["shop.test"]


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"max_cost_usd": 0}, "`max_cost_usd` has to be"),
        ({"max_cost_usd": "much"}, "`max_cost_usd` has to be"),
        ({"secret_domains": [7]}, "`secret_domains` has to be"),
        ({"model_params": "low"}, "`model_params` has to be"),
    ],
)
def test_an_option_that_cannot_be_right_is_refused_when_the_dag_is_parsed(wrong: dict[str, Any], named: str) -> None:
    with pytest.raises(InvalidRequestError, match=named):
        browse(**wrong)


def test_metadata_is_refused_with_the_remedy(v4: FakeServer) -> None:
    with pytest.raises(AirflowFailException, match=r"`metadata` .* v4"):
        execute(browse(metadata={"order": "7"}))
    assert v4.tasks == {}


@pytest.mark.parametrize("remembers", [False, True])
def test_a_retry_reattaches_and_a_clear_begins_anew(v4: FakeServer, remembers: bool) -> None:
    task = browse("forever", retries=2, deferrable=True)
    context = context_of(task, TaskInstance(max_tries=2))
    if remembers:
        context["task_state_store"] = Store()
    for _ in range(2):
        with pytest.raises(TaskDeferred):
            execute(task, context)
        retry(context)
    [run] = v4.tasks.values()
    context["ti"].max_tries = 4
    with pytest.raises(TaskDeferred):
        execute(task, context)
    assert [each.status for each in v4.tasks.values()] == ["stopped", "started"]
    assert len(v4.open_sessions) == 1
    assert run.stopped


@pytest.mark.parametrize("remembers", [False, True])
def test_however_much_an_account_has_a_retry_asks_for_little_of_it(v4: FakeServer, remembers: bool) -> None:
    v4.api.add_others(900)
    task = browse("forever", retries=2, deferrable=True)
    context = context_of(task, TaskInstance(max_tries=2))
    if remembers:
        context["task_state_store"] = Store()
    with pytest.raises(TaskDeferred):
        execute(task, context)
    before = v4.counted("GET", "/runs")
    with pytest.raises(TaskDeferred):
        execute(task, retry(context))
    assert len(v4.tasks) == 1
    assert v4.counted("GET", "/runs") - before <= (0 if remembers else 2)


def test_a_lost_answer_makes_no_second_run(v4: FakeServer) -> None:
    v4.api.fault(at="create", work="done")
    result = execute(browse("for 1 s"))
    assert list(v4.tasks) == [result["task_id"]]


def test_a_key_of_the_users_is_done_once_and_another_run_leaves_the_session_alone(v4: FakeServer) -> None:
    first = browse("forever", key="invoice-7", deferrable=True, keep_session=True)
    with pytest.raises(TaskDeferred):
        execute(first, context_of(first))
    second = browse("forever", key="invoice-7", deferrable=True)
    context = context_of(second, TaskInstance(run_id="tuesday"))
    with pytest.raises(TaskDeferred) as deferred:
        execute(second, context)
    assert not deferred.value.trigger.stop_on_kill
    [run] = v4.tasks.values()
    run.finish()
    second.execute_complete(context, {"browser_task_id": run.id, "steps_logged": 0, "error": None})
    assert len(v4.open_sessions) == 1


def test_a_follow_up_in_a_session_whose_browser_is_gone_does_not_begin_anew(v4: FakeServer) -> None:
    execute(browse())
    [session_id] = v4.sessions
    with pytest.raises(AirflowFailException, match=f"Session {session_id} is closed, so no task was created in it"):
        execute(browse("read on", session_id=session_id))
    assert len(v4.tasks) == 1


def test_what_was_done_under_a_key_is_taken_also_when_its_session_is_closed(v4: FakeServer) -> None:
    first = execute(browse(keep_session=True))
    done = execute(browse("read on", session_id=first["session_id"], key="report-7", keep_session=False))
    assert v4.open_sessions == []
    assert execute(browse("read on", session_id=first["session_id"], key="report-7"))["task_id"] == done["task_id"]


def test_a_session_is_not_started_by_itself_and_the_error_says_what_to_do(v4: FakeServer) -> None:
    with pytest.raises(AirflowFailException, match="keep_session=True"):
        execute(BrowserUseStartSessionOperator(task_id="start"))
    assert v4.tasks == {}


def test_the_teardown_of_a_group_in_which_no_task_ran_has_nothing_to_stop(v4: FakeServer) -> None:
    with DAG("shop") as dag:
        start = BrowserUseStartSessionOperator(task_id="start").as_setup()
        stop = BrowserUseStopSessionOperator(task_id="stop", session_id="?").as_teardown(setups=start)
    context = context_of(dag.get_task("start"))
    stop.session_id = execute(dag.get_task("start"), context)
    assert context["ti"].xcoms["session_id"] == stop.session_id
    execute(stop)
    assert v4.sessions == {}


def test_what_an_ended_run_left_open_is_closed_and_what_others_have_open_is_not(v4: FakeServer) -> None:
    since = datetime.now(timezone.utc) - timedelta(hours=1)
    run, instance = "airflow/shop/run/1.000", "airflow/shop/run/1.000/log_in/-1"
    keys = list(possible_keys(instance, max_tries=[2, 5], clears=1, try_numbers=range(1, 4)))
    with BrowserUseClient(v4.key, v4.url) as client:
        key = str(TaskKey(instance, 5, 1, 3, ends_with_run=True))
        mine = client.create_task("log in", key=key, keep_session=True).session_id
        other = client.create_task("log in", key="of others", keep_session=True).session_id
        settle(client, [Traces(run, keys, (), has_ended=lambda: True)], since=since)
    assert v4.sessions[mine].stopped
    assert not v4.sessions[other].stopped


def test_a_task_that_another_one_made_is_not_stopped_when_the_trigger_times_out(v4: FakeServer) -> None:
    first = browse("forever", key="invoice-7", deferrable=True, keep_session=True)
    with pytest.raises(TaskDeferred):
        execute(first, context_of(first))
    second = browse("forever", key="invoice-7", deferrable=True, timeout=60)
    context = context_of(second, TaskInstance(run_id="tuesday"))
    with pytest.raises(TaskDeferred):
        execute(second, context)
    with pytest.raises(TaskTimeoutError):
        second.resume_execution("__fail__", {"error": "Trigger timeout"}, context)
    [run] = v4.tasks.values()
    assert run.status == "started"


def follow_up_whose_browser_goes_unseen(v4: FakeServer, prompt: str, **kwargs: Any) -> BrowserUseTaskOperator:
    """With a `key`, nobody looks whether the session is open: so the server begins a new browser."""
    with BrowserUseClient(v4.key, v4.url) as client:
        session_id = client.create_task("log in", keep_session=True).session_id
        client.stop_session(session_id)
    return browse(prompt, session_id=session_id, key="once", **kwargs)


def test_a_follow_up_in_a_new_browser_is_stopped_and_fails_for_good(v4: FakeServer) -> None:
    task = follow_up_whose_browser_goes_unseen(v4, "forever", retries=2)
    with pytest.raises(AirflowFailException, match=r"the browser of its session, which was gone.* It was stopped"):
        execute(task, context_of(task, TaskInstance(max_tries=2)))
    assert [run.status for run in v4.tasks.values()] == ["finished", "stopped"]


@RESUMES
@pytest.mark.parametrize(("prompt", "status"), [("forever", "stopped"), ("read", "finished")])
def test_deferred_a_follow_up_in_a_new_browser_fails_for_good_too(v4: FakeServer, prompt: str, status: str) -> None:
    task = follow_up_whose_browser_goes_unseen(v4, prompt, retries=2, deferrable=True)
    context = context_of(task, TaskInstance(max_tries=2))
    with pytest.raises(TaskDeferred) as deferred:
        execute(task, context)
    event = asyncio.run(anext(deferred.value.trigger.run())).payload
    with pytest.raises(AirflowFailException, match="the browser of its session, which was gone"):
        resume(task, context, deferred.value, event)
    assert [run.status for run in v4.tasks.values()] == ["finished", status]


@RESUMES
def test_deferred_a_follow_up_in_the_same_browser_goes_on(v4: FakeServer) -> None:
    with BrowserUseClient(v4.key, v4.url) as client:
        session_id = client.create_task("log in", keep_session=True).session_id
    task = browse("for 5 s", session_id=session_id, deferrable=True)
    context = context_of(task)
    with pytest.raises(TaskDeferred) as deferred:
        execute(task, context)
    assert deferred.value.trigger.require_same_browser
    event = asyncio.run(anext(deferred.value.trigger.run())).payload
    assert resume(task, context, deferred.value, event)["status"] == "finished"


def test_files_go_in_and_come_out(v4: FakeServer, tmp_path: Path) -> None:
    (tmp_path / "orders.csv").write_text("7;9.5")
    v4.api.script("enter", seconds=0.0, output_files={"receipt.txt": "thank you"})
    task = browse("enter", files=tmp_path / "orders.csv", download_output_to=tmp_path / "out")
    value = execute(task)
    [run] = v4.tasks.values()
    assert len(run.body["attachedFileIds"]) == 1
    [file] = value["output_files"]
    assert file["path"] == str(tmp_path / "out" / "receipt.txt")
    assert Path(file["path"]).read_text() == "thank you"


def test_an_output_that_is_too_large_for_xcom_is_written_down(v4: FakeServer, tmp_path: Path) -> None:
    v4.api.script("much", seconds=0.0, output="x" * 5000)
    value = execute(browse("much", max_xcom_bytes=1000, large_output_to=tmp_path))
    assert value["output"] is None
    assert json.loads(Path(value["output_path"]).read_text()) == "x" * 5000


def test_a_result_that_could_not_be_kept_is_that_of_the_retry_too(v4: FakeServer, tmp_path: Path) -> None:
    task = browse(output_schema={"type": "string"}, max_xcom_bytes=1, retries=2)
    v4.api.script(seconds=0.0, output='"seven"')
    context = context_of(task, TaskInstance(max_tries=2))
    with pytest.raises(ResultNotKeptError, match="has finished"):
        execute(task, context)
    task.large_output_to = tmp_path
    assert execute(task, retry(context))["output_path"]
    assert len(v4.tasks) == 1


def test_an_output_that_does_not_fit_its_schema_is_asked_for_anew_by_a_retry(v4: FakeServer) -> None:
    task = browse(output_schema={"type": "integer"}, retries=2)
    v4.api.script(seconds=0.0, output="seven", times=1)
    context = context_of(task, TaskInstance(max_tries=2))
    with pytest.raises(OutputSchemaError):
        execute(task, context)
    v4.api.script(seconds=0.0, output="7")
    assert execute(task, retry(context))["output"] == 7
    assert len(v4.tasks) == 2
    assert v4.open_sessions == []


@pytest.mark.parametrize("deferrable", [pytest.param(True, marks=RESUMES), False])
@pytest.mark.parametrize("stop_on_timeout", [True, False])
def test_a_late_task_is_stopped_or_left_by_option(v4: FakeServer, deferrable: bool, stop_on_timeout: bool) -> None:
    task = browse("forever", timeout=0.5, stop_on_timeout=stop_on_timeout, deferrable=deferrable)
    context = context_of(task)
    if deferrable:
        with pytest.raises(TaskDeferred) as deferred:
            execute(task, context)
        event = asyncio.run(anext(deferred.value.trigger.run())).payload
    with pytest.raises(TaskTimeoutError, match="It was stopped" if stop_on_timeout else "still runs and costs"):
        resume(task, context, deferred.value, event) if deferrable else execute(task, context)
    assert [run.status for run in v4.tasks.values()] == ["stopped" if stop_on_timeout else "started"]
    assert len(v4.open_sessions) == (0 if stop_on_timeout else 1)


def test_the_sensor_returns_what_a_task_that_was_started_elsewhere_has_found(v4: FakeServer) -> None:
    with BrowserUseClient(v4.key, v4.url) as client:
        run = client.create_task("read")
    with DAG("shop"):
        sensor = BrowserUseTaskSensor(task_id="wait", browser_task_id=run.id)
    poked = sensor.poke(context_of(sensor))
    assert poked.is_done
    assert poked.xcom_value["output"] == "done: read"
