"""The operators on a server that speaks v4: no metadata, no POST /sessions, keys that are not sent back."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import DAG, AirflowFailException, TaskDeferred
from airflow.providers.common.compat.version_compat import AIRFLOW_V_3_0_PLUS

from airflow_browser_use.identity import TaskKey, possible_keys
from airflow_browser_use.operators import (
    BrowserUseStartSessionOperator,
    BrowserUseStopSessionOperator,
    BrowserUseTaskOperator,
)
from airflow_browser_use.settlement import settle
from browser_use_client import BrowserUseClient, InvalidRequestError, TaskTimeoutError

from .fake_v4 import FakeV4
from .stand_in import Store, TaskInstance, context_of, execute, resume, retry


def browse(prompt: str = "read", **kwargs: Any) -> BrowserUseTaskOperator:
    with DAG("shop"):
        task: BrowserUseTaskOperator = BrowserUseTaskOperator(task_id="browse", task=prompt, **kwargs)
    return task


def test_a_task_runs_and_its_browser_ends_with_it(v4: FakeV4) -> None:
    result = execute(browse())
    [run] = v4.tasks.values()
    assert result["task_id"] == run.id
    assert result["output"] == "Done."
    assert v4.open_sessions == []


def test_the_cost_of_a_task_with_a_session_of_its_own_is_that_of_its_browser_too(v4: FakeV4) -> None:
    v4.api.script("costly", seconds=1.0, cost="0.05")
    assert execute(browse("costly"))["cost"] > 0.05


def test_the_options_of_v4_are_sent(v4: FakeV4) -> None:
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


def test_metadata_is_refused_with_the_remedy(v4: FakeV4) -> None:
    with pytest.raises(AirflowFailException, match=r"`metadata` .* v4"):
        execute(browse(metadata={"order": "7"}))
    assert v4.tasks == {}


@pytest.mark.parametrize("remembers", [False, True])
def test_a_retry_reattaches_and_a_clear_begins_anew(v4: FakeV4, remembers: bool) -> None:
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
def test_however_much_an_account_has_a_retry_asks_for_little_of_it(v4: FakeV4, remembers: bool) -> None:
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


def test_a_lost_answer_makes_no_second_run(v4: FakeV4) -> None:
    v4.api.fault(at="create", work="done")
    result = execute(browse("for 1 s"))
    assert list(v4.tasks) == [result["task_id"]]


def test_a_key_of_the_users_is_done_once_and_another_run_leaves_the_session_alone(v4: FakeV4) -> None:
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


def test_a_follow_up_in_a_session_whose_browser_is_gone_does_not_begin_anew(v4: FakeV4) -> None:
    execute(browse())
    [session_id] = v4.sessions
    with pytest.raises(AirflowFailException, match=f"Session {session_id} is closed, so no task was created in it"):
        execute(browse("read on", session_id=session_id))
    assert len(v4.tasks) == 1


def test_what_was_done_under_a_key_is_taken_also_when_its_session_is_closed(v4: FakeV4) -> None:
    first = execute(browse(keep_session=True))
    done = execute(browse("read on", session_id=first["session_id"], key="report-7", keep_session=False))
    assert v4.open_sessions == []
    assert execute(browse("read on", session_id=first["session_id"], key="report-7"))["task_id"] == done["task_id"]


def test_a_session_is_not_started_by_itself_and_the_error_says_what_to_do(v4: FakeV4) -> None:
    with pytest.raises(AirflowFailException, match="keep_session=True"):
        execute(BrowserUseStartSessionOperator(task_id="start"))
    assert v4.tasks == {}


def test_the_teardown_of_a_group_in_which_no_task_ran_has_nothing_to_stop(v4: FakeV4) -> None:
    with DAG("shop") as dag:
        start = BrowserUseStartSessionOperator(task_id="start").as_setup()
        stop = BrowserUseStopSessionOperator(task_id="stop", session_id="?").as_teardown(setups=start)
    context = context_of(dag.get_task("start"))
    stop.session_id = execute(dag.get_task("start"), context)
    assert context["ti"].xcoms["session_id"] == stop.session_id
    execute(stop)
    assert v4.sessions == {}


def test_what_an_ended_run_left_open_is_closed_and_what_others_have_open_is_not(v4: FakeV4) -> None:
    since = datetime.now(timezone.utc) - timedelta(hours=1)
    run, instance = "airflow/shop/run/1.000", "airflow/shop/run/1.000/log_in/-1"
    keys = list(possible_keys(instance, max_tries=[2, 5], clears=1, try_numbers=range(1, 4)))
    with BrowserUseClient(v4.key, v4.url) as client:
        key = str(TaskKey(instance, 5, 1, 3, ends_with_run=True))
        mine = client.create_task("log in", key=key, keep_session=True).session_id
        other = client.create_task("log in", key="of others", keep_session=True).session_id
        settle(client, run, keys, since=since, started=(), has_ended=lambda: True)
    assert v4.sessions[mine].stopped
    assert not v4.sessions[other].stopped


def test_a_task_that_another_one_made_is_not_stopped_when_the_trigger_times_out(v4: FakeV4) -> None:
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


def follow_up_whose_browser_goes_unseen(v4: FakeV4, prompt: str, **kwargs: Any) -> BrowserUseTaskOperator:
    """With a `key`, nobody looks whether the session is open: so the server begins a new browser."""
    with BrowserUseClient(v4.key, v4.url) as client:
        session_id = client.create_task("log in", keep_session=True).session_id
        client.stop_session(session_id)
    return browse(prompt, session_id=session_id, key="once", **kwargs)


def test_a_follow_up_in_a_new_browser_is_stopped_and_fails_for_good(v4: FakeV4) -> None:
    task = follow_up_whose_browser_goes_unseen(v4, "forever", retries=2)
    with pytest.raises(AirflowFailException, match=r"the browser of its session, which was gone.* It was stopped"):
        execute(task, context_of(task, TaskInstance(max_tries=2)))
    assert [run.status for run in v4.tasks.values()] == ["finished", "stopped"]


@pytest.mark.skipif(not AIRFLOW_V_3_0_PLUS, reason="resumes as Airflow 3 does")
@pytest.mark.parametrize(("prompt", "status"), [("forever", "stopped"), ("read", "finished")])
def test_deferred_a_follow_up_in_a_new_browser_fails_for_good_too(v4: FakeV4, prompt: str, status: str) -> None:
    task = follow_up_whose_browser_goes_unseen(v4, prompt, retries=2, deferrable=True)
    context = context_of(task, TaskInstance(max_tries=2))
    with pytest.raises(TaskDeferred) as deferred:
        execute(task, context)
    event = asyncio.run(anext(deferred.value.trigger.run())).payload
    with pytest.raises(AirflowFailException, match="the browser of its session, which was gone"):
        resume(task, context, deferred.value, event)
    assert [run.status for run in v4.tasks.values()] == ["finished", status]


@pytest.mark.skipif(not AIRFLOW_V_3_0_PLUS, reason="resumes as Airflow 3 does")
def test_deferred_a_follow_up_in_the_same_browser_goes_on(v4: FakeV4) -> None:
    with BrowserUseClient(v4.key, v4.url) as client:
        session_id = client.create_task("log in", keep_session=True).session_id
    task = browse("for 5 s", session_id=session_id, deferrable=True)
    context = context_of(task)
    with pytest.raises(TaskDeferred) as deferred:
        execute(task, context)
    assert deferred.value.trigger.require_same_browser
    event = asyncio.run(anext(deferred.value.trigger.run())).payload
    assert resume(task, context, deferred.value, event)["status"] == "finished"
