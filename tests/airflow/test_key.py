"""The user's own idempotency key: what is done under it is done once, whichever run asks."""

from __future__ import annotations

from typing import Any

import pytest
from airflow.providers.common.compat.sdk import DAG, AirflowFailException, TaskDeferred

from airflow_browser_use.operators import BrowserUseTaskOperator
from browser_use_client import InvalidRequestError, TaskFailedError, TaskTimeoutError

from .fake_server import FakeServer
from .stand_in import TaskInstance, context_of, execute


def browse(prompt: str = "pay invoice 7", **kwargs: Any) -> BrowserUseTaskOperator:
    with DAG("shop"):
        task: BrowserUseTaskOperator = BrowserUseTaskOperator(
            task_id="browse", task=prompt, **{"key": "invoice-7", **kwargs}
        )
    return task


def run(task: BrowserUseTaskOperator, run_id: str = "monday", **kwargs: Any) -> Any:
    """The value, without the URL of the page that each task instance has of its own."""
    value = execute(task, context_of(task, TaskInstance(run_id=run_id, **kwargs)))
    return {name: value[name] for name in value.keys() - {"live_url"}} if value else value


def test_a_second_run_takes_the_result_of_the_first_and_so_does_a_clear(server: FakeServer) -> None:
    first = run(browse())
    assert run(browse(), "tuesday") == first
    assert run(browse(), max_tries=1, try_number=2) == first
    assert run(browse(key="invoice-8"), "tuesday") != first
    assert [remote.metadata["idempotency_key"] for remote in server.tasks.values()] == ["invoice-7", "invoice-8"]


def test_what_did_not_do_its_work_is_run_anew(server: FakeServer) -> None:
    for run_id in ("monday", "tuesday"):
        with pytest.raises(TaskFailedError):
            run(browse("fail", retries=1), run_id, max_tries=1)
    assert len(server.tasks) == 2


def test_a_retry_goes_on_with_the_task_that_it_made_and_may_stop_it(server: FakeServer) -> None:
    task = browse("forever", retries=1, deferrable=True)
    context = context_of(task, TaskInstance(max_tries=1))
    with pytest.raises(TaskDeferred):
        execute(task, context)
    context["ti"] = TaskInstance(max_tries=1, try_number=2)
    with pytest.raises(TaskDeferred) as deferred:
        execute(task, context)
    assert deferred.value.trigger.stop_on_kill
    assert len(server.tasks) == 1


def test_another_run_only_waits_for_the_task_and_leaves_it_and_its_session_as_they_are(server: FakeServer) -> None:
    with pytest.raises(TaskDeferred):
        run(browse("forever", keep_session=True, deferrable=True))
    [remote] = server.tasks.values()
    with pytest.raises(TaskTimeoutError):
        run(browse("forever", timeout=0.2), "tuesday")
    other = browse("forever", deferrable=True)
    context = context_of(other, TaskInstance(run_id="tuesday"))
    with pytest.raises(TaskDeferred) as deferred:
        execute(other, context)
    trigger = deferred.value.trigger
    assert [trigger.stop_on_kill, trigger.stop_on_timeout] == [False, False]
    assert remote.status == "started"
    remote.finish()
    other.execute_complete(context, {"browser_task_id": remote.id, "steps_logged": 0, "error": None})
    assert len(server.tasks) == 1
    assert not server.sessions[remote.session_id].stopped


@pytest.mark.usefixtures("server")
def test_a_key_that_is_given_is_not_empty() -> None:
    with pytest.raises(InvalidRequestError, match="`key` is empty"):
        browse(key=" ")
    task = browse(key="{{ params.invoice }}")
    task.render_template_fields({"params": {"invoice": None}, **context_of(task)})
    with pytest.raises(AirflowFailException, match="`key` is empty"):
        run(task)
