"""The operator against a server, in this process and without a scheduler; the task instance is a stand-in."""

from __future__ import annotations

import re
import time
from datetime import timedelta
from typing import Annotated, Any

import pytest
from airflow.providers.common.compat.sdk import DAG, AirflowFailException, TaskDeferred
from airflow.providers.common.compat.sdk import task as decorator
from airflow.providers.common.compat.version_compat import AIRFLOW_V_3_0_PLUS
from pydantic import BaseModel, Field, SecretStr

from airflow_browser_use.failures import AgentReportsFailureError, NoLongerRunsError
from airflow_browser_use.operators import BrowserUseTaskOperator
from airflow_browser_use.triggers import BrowserUseTaskTrigger
from browser_use_client import (
    AgentSettings,
    BrowserProfile,
    BrowserUseClient,
    InvalidRequestError,
    OutputSchemaError,
    RejectedRequestError,
    SessionBusyError,
    TaskFailedError,
    TaskTimeoutError,
    TaskUnreachableError,
)
from tests.fake_api import API_KEY

from .fake_server import FakeServer
from .stand_in import Store, TaskInstance, context_of, execute, resume, retry

PAGE_KEYS = {"browser_use", "browser_use_page", "live_url"}
"""Of XComs that lead to the page of a task; see `test_live_urls`."""


class Order(BaseModel):
    number: int
    total: float


def browse(prompt: str = "read", **kwargs: Any) -> BrowserUseTaskOperator:
    with DAG("shop"):
        task: BrowserUseTaskOperator = BrowserUseTaskOperator(task_id="browse", task=prompt, **kwargs)
    return task


def test_the_result_is_plain_json(server: FakeServer) -> None:
    server.api.show_recordings_at("http://recording.test/{session_id}")
    task = browse('report {"number": 7, "total": 9.5}', output_schema=Order)
    context = context_of(task)
    value = execute(task, context)
    [remote] = server.tasks.values()
    assert value["output"] == {"number": 7, "total": 9.5}
    told = context["ti"].xcoms
    assert {key: told[key] for key in told if key not in PAGE_KEYS} == {
        "task_id": remote.id,
        "session_id": remote.session_id,
        "output": {"number": 7, "total": 9.5},
        "recording_url": f"http://recording.test/{remote.session_id}",
    }


@pytest.mark.parametrize(
    "schema",
    [
        Order,
        f"{__name__}.Order",
        Order.model_json_schema(),
        '{"type": "object", "properties": {"number": {"type": "integer"}}}',
    ],
    ids=["model", "dotted path", "mapping", "text"],
)
def test_a_schema_may_be_a_model_its_path_or_a_json_schema(server: FakeServer, schema: Any) -> None:
    value = execute(browse('report {"number": 7, "total": 9.5}', output_schema=schema))
    assert value["output"]["number"] == 7
    [remote] = server.tasks.values()
    assert '"number"' in remote.body["structuredOutput"]


class Invoice(BaseModel):
    number: Annotated[str, Field(alias="invoice_number", exclude=True)]
    code: SecretStr


def test_output_goes_into_xcom_as_the_json_that_came(server: FakeServer) -> None:
    value = execute(browse('report {"invoice_number": "A-1", "code": "4711", "more": [1.50]}', output_schema=Invoice))
    assert value["output"] == {"invoice_number": "A-1", "code": "4711", "more": [1.5]}
    with pytest.raises(OutputSchemaError, match="NaN"):
        execute(browse('report {"number": 7, "total": NaN}', output_schema=Order))
    assert len(server.tasks) == 2


def test_every_option_reaches_the_server(server: FakeServer) -> None:
    with BrowserUseClient(server.key, server.url) as client:
        profile_id = client.create_profile(BrowserProfile(name="shop")).id
    execute(
        browse(
            agent_settings={"llm": "o3", "start_url": "http://shop.test/", "max_steps": 5},
            browser_settings={"profile_id": profile_id},
            metadata={"team": "sales"},
            keep_session=False,
        )
    )
    [remote] = server.tasks.values()
    assert remote.body["llm"] == "o3"
    assert remote.body["startUrl"] == "http://shop.test/"
    assert remote.body["maxSteps"] == 5
    assert remote.body["sessionSettings"]["profileId"] == profile_id
    assert remote.metadata["team"] == "sales"


def test_a_setting_that_does_not_exist_is_refused_when_the_dag_is_parsed() -> None:
    with pytest.raises(InvalidRequestError, match="`agent_settings` has no 'start_ulr'") as error:
        browse(agent_settings={"start_ulr": "http://shop.test/"})
    assert all(name in str(error.value) for name in AgentSettings.model_fields)


@pytest.mark.parametrize("name", ["timeout", "poll_interval", "wait_when_busy"])
@pytest.mark.parametrize("value", ["20m", -1, float("nan"), timedelta(seconds=-1)])
def test_a_duration_that_cannot_be_right_is_refused_when_the_dag_is_parsed(name: str, value: Any) -> None:
    with pytest.raises(InvalidRequestError, match=f"`{name}` must be a number of seconds"):
        BrowserUseTaskOperator(task_id="a", task="x", **{name: value})


def test_durations_may_be_timedeltas(server: FakeServer) -> None:
    limits = {"timeout": timedelta(minutes=1), "poll_interval": timedelta(seconds=0.2)}
    assert execute(browse("for 0.5 s", **limits, wait_when_busy=timedelta(seconds=5)))["status"] == "finished"
    assert len(server.requests) > 3
    with pytest.raises(TaskDeferred) as deferred:
        execute(browse("for 0.5 s", **limits, deferrable=True))
    assert deferred.value.trigger.serialize()[1]["poll_interval"] == 0.2


def test_a_retry_takes_up_a_result_that_will_do(server: FakeServer) -> None:
    task = browse()
    context = context_of(task)
    first = execute(task, context)["task_id"]
    assert execute(task, retry(context))["task_id"] == first
    assert len(server.tasks) == 1


def test_a_retry_does_not_take_up_output_that_does_not_fit(server: FakeServer) -> None:
    task = browse("report nonsense", output_schema=Order)
    context = context_of(task)
    with pytest.raises(OutputSchemaError):
        execute(task, context)
    with pytest.raises(OutputSchemaError):
        execute(task, retry(context))
    assert len(server.tasks) == 2


def test_a_clear_stops_the_task_of_the_generation_before(server: FakeServer) -> None:
    task = browse("forever", retries=2, deferrable=True)
    context = context_of(task, TaskInstance(max_tries=2))
    with pytest.raises(TaskDeferred):
        execute(task, context)
    [old] = server.tasks.values()
    context["ti"] = TaskInstance(max_tries=3, try_number=2)
    with pytest.raises(TaskDeferred):
        execute(task, context)
    assert [remote.status for remote in server.tasks.values()] == ["stopped", "started"]
    assert server.counted("PATCH", f"/tasks/{old.id}") == 1
    assert server.sessions[old.session_id].stopped


def test_a_deferred_task_leaves_ids_and_a_deadline_to_the_triggerer(server: FakeServer) -> None:
    task = browse("forever", deferrable=True, timeout=timedelta(minutes=5), execution_timeout=timedelta(minutes=2))
    with pytest.raises(TaskDeferred) as deferred:
        execute(task)
    trigger = deferred.value.trigger
    assert isinstance(trigger, BrowserUseTaskTrigger)
    assert [trigger.browser_task_id] == list(server.tasks)
    assert trigger.deadline == pytest.approx(time.time() + 120, abs=20)
    assert deferred.value.timeout is not None
    assert deferred.value.timeout > timedelta(seconds=trigger.deadline - time.time())


def test_an_event_about_the_task_that_a_clear_has_stopped_leaves_the_try_waiting_for_its_own(
    server: FakeServer,
) -> None:
    task = browse("forever", deferrable=True)
    context = context_of(task)
    with pytest.raises(TaskDeferred):
        execute(task, context)
    late = {"browser_task_id": "of the generation before", "steps_logged": 0, "error": None}
    with pytest.raises(TaskDeferred) as deferred:
        task.execute_complete(context, late)
    assert [deferred.value.trigger.browser_task_id] == list(server.tasks)
    assert [remote.status for remote in server.tasks.values()] == ["started"]


@pytest.mark.skipif(not AIRFLOW_V_3_0_PLUS, reason="what 3.0 does, on newer ones as well")
def test_a_retry_that_is_resumed_with_the_event_of_the_try_before_runs_a_new_task(server: FakeServer) -> None:
    task = browse("fail", retries=1, deferrable=True)
    context = context_of(task, TaskInstance(max_tries=1))
    with pytest.raises(TaskDeferred) as deferred:
        execute(task, context)
    event = {"browser_task_id": context["ti"].xcoms["task_id"], "steps_logged": 0, "error": None}
    with pytest.raises(TaskFailedError):
        resume(task, context, deferred.value, event)
    context["ti"].try_number = 2
    with pytest.raises(TaskDeferred):
        resume(task, context, deferred.value, event)
    assert len(server.tasks) == 2


def test_a_deferred_task_without_a_limit_has_none(server: FakeServer) -> None:
    with pytest.raises(TaskDeferred) as deferred:
        execute(browse("forever", deferrable=True))
    assert deferred.value.timeout is None
    assert deferred.value.trigger.deadline is None
    assert len(server.tasks) == 1


def test_a_late_task_is_stopped_and_its_session_closed(server: FakeServer) -> None:
    with pytest.raises(TaskTimeoutError) as error:
        execute(browse("forever", timeout=0.2))
    [remote] = server.tasks.values()
    assert error.value.stopped
    assert remote.stopped
    assert server.sessions[remote.session_id].stopped


def test_a_late_task_is_left_running_where_the_user_wants_that(server: FakeServer) -> None:
    with pytest.raises(TaskTimeoutError) as error:
        execute(browse("forever", timeout=0.2, stop_on_timeout=False))
    [remote] = server.tasks.values()
    assert not error.value.stopped
    assert remote.status == "started"
    assert not server.sessions[remote.session_id].stopped


def test_an_agent_that_reports_no_success_fails_the_task_for_good_and_by_option_not_at_all(
    server: FakeServer,
) -> None:
    with pytest.raises(AirflowFailException, match="agent reports no success") as error:
        execute(browse("unsuccessful", retries=3))
    assert isinstance(error.value.__cause__, AgentReportsFailureError)
    assert execute(browse("unsuccessful", fail_on_unsuccessful=False))["is_success"] is False
    assert server.open_sessions == []


def test_a_task_that_failed_closes_its_session_and_is_left_to_retries(server: FakeServer) -> None:
    task = browse("fail", retries=2)
    with pytest.raises(TaskFailedError):
        execute(task, context_of(task, TaskInstance(max_tries=2)))
    assert [session.stopped for session in server.sessions.values()] == [True]


@pytest.mark.parametrize("status", [401, 402, 404, 422])
def test_what_the_server_refuses_is_not_retried(server: FakeServer, status: int) -> None:
    server.api.fault("POST", status=status)
    with pytest.raises(AirflowFailException, match=f"answered with {status}") as error:
        execute(browse())
    assert "Airflow does not retry it." in str(error.value)
    assert server.tasks == {}


def test_a_connection_without_a_key_fails_the_task_for_good(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_BROWSER_USE_DEFAULT", '{"conn_type": "browser_use"}')
    with pytest.raises(AirflowFailException, match="no API key in connection 'browser_use_default'"):
        execute(browse(retries=3))


@pytest.mark.parametrize("schema", ["no.such.Model", "[", '{"type": "nonsense"}'])
def test_a_schema_that_is_none_fails_the_task_for_good(server: FakeServer, schema: str) -> None:
    with pytest.raises(AirflowFailException, match="schema"):
        execute(browse(output_schema=schema, retries=3))
    assert server.tasks == {}


@pytest.mark.parametrize(
    "wrong",
    [
        {"task": " "},
        {"task": None},
        {"timeout": 0},
        {"max_xcom_bytes": "1 MB"},
        {"metadata": {"idempotency_key": "mine"}},
        {"metadata": {"team": None}},
        {"metadata": "sales"},
        {"agent_settings": {"max_steps": "many"}},
        {"browser_settings": "[]"},
    ],
)
def test_what_is_written_wrong_is_refused_when_the_dag_is_parsed(wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidRequestError, match="(?i)" + next(iter(wrong)).replace("_", "_?")):
        BrowserUseTaskOperator(**{"task_id": "browse", "task": "read", **wrong})


def test_a_refused_request_says_what_was_wrong_and_nothing_else(server: FakeServer) -> None:
    server.api.fault("POST", status=422)
    with pytest.raises(AirflowFailException) as error:
        execute(browse("a prompt that may hold a secret"))
    assert isinstance(error.value.__cause__, RejectedRequestError)
    assert "may hold a secret" not in str(error.value)


def test_a_busy_session_can_be_waited_out(server: FakeServer) -> None:
    with pytest.raises(TaskDeferred):
        execute(browse("for 2 s", keep_session=True, deferrable=True))
    [remote] = server.tasks.values()
    for_once = browse("go on", session_id=remote.session_id, keep_session=False)
    with pytest.raises(SessionBusyError):
        execute(for_once, context_of(for_once, TaskInstance(task_id="for_once")))
    assert not server.sessions[remote.session_id].stopped, "another task is at work there"
    patient = browse("go on", session_id=remote.session_id, wait_when_busy=30)
    assert execute(patient, context_of(patient, TaskInstance(task_id="patient")))["session_id"] == remote.session_id


def test_a_try_does_not_wait_for_a_busy_session_past_its_time_out(server: FakeServer) -> None:
    with pytest.raises(TaskDeferred):
        execute(browse("forever", keep_session=True, deferrable=True))
    [remote] = server.tasks.values()
    late = browse("go on", session_id=remote.session_id, wait_when_busy=3600, timeout=1)
    with pytest.raises(SessionBusyError):
        execute(late, context_of(late, TaskInstance(task_id="late")))
    assert len(server.tasks) == 1


def unanswered(context: Any) -> dict[str, Any]:
    """What the trigger says of a server that does not answer: it knows no session."""
    error = {"kind": "TaskUnreachableError", "message": "no answer", "session_id": None}
    return {"browser_task_id": context["ti"].xcoms["task_id"], "steps_logged": 0, "error": error}


def deferred(prompt: str, **kwargs: Any) -> tuple[BrowserUseTaskOperator, Any]:
    task = browse(prompt, deferrable=True, **kwargs)
    context = context_of(task, TaskInstance(max_tries=kwargs.get("retries", 0)))
    with pytest.raises(TaskDeferred):
        execute(task, context)
    return task, context


def kinds_of_requests(server: FakeServer) -> list[str]:
    """Each request but the polls, with its query, and ids left out."""
    seen = [re.sub("[0-9a-f-]{36}", "*", request) for request in server.requests]
    return [request for request in seen if request != "GET /tasks/*"]


@pytest.mark.parametrize("others", [0, 500])
def test_a_task_takes_few_requests_however_many_tasks_the_account_has(server: FakeServer, others: int) -> None:
    server.api.add_others(others)
    execute(browse())
    requests = [request for request in kinds_of_requests(server) if request != "GET /billing/account"]
    assert requests == ["POST /tasks", "GET /sessions/*", "GET /sessions/*"]


@pytest.mark.parametrize("try_number", [2, 3])
@pytest.mark.parametrize("others", [0, 500])
def test_a_retry_or_a_clear_takes_few_requests_where_the_task_instance_remembers(
    server: FakeServer, others: int, try_number: int
) -> None:
    server.api.add_others(others)
    task = browse("fail", retries=9)
    context = {**context_of(task, TaskInstance(max_tries=9)), "task_state_store": Store()}
    with pytest.raises(TaskFailedError):
        execute(task, context)
    server.api.forget_requests()
    context["ti"].try_number = try_number
    context["ti"].max_tries += try_number - 2  # a clear, where it is the third
    task.task = "read"
    execute(task, context)
    looks = [request for request in kinds_of_requests(server) if request.startswith("GET") and "/*" not in request]
    assert len(looks) <= 2, looks


def test_a_first_try_that_airflow_runs_in_two_processes_creates_one_remote_task(server: FakeServer) -> None:
    task = browse("read", deferrable=True)
    context = {**context_of(task), "task_state_store": Store()}
    with pytest.raises(TaskDeferred):
        execute(task, context)
    assert execute(task, context)["output"] == "done: read"
    assert len(server.tasks) == 1


@pytest.mark.parametrize("status", [401, 404])
def test_one_odd_answer_about_the_task_before_neither_fails_a_retry_nor_starts_another(
    server: FakeServer, status: int
) -> None:
    task = browse("forever", retries=2, deferrable=True)
    context = {**context_of(task, TaskInstance(max_tries=2)), "task_state_store": Store()}
    with pytest.raises(TaskDeferred):
        execute(task, context)
    server.api.fault(at="poll", status=status)
    with pytest.raises(TaskDeferred):
        execute(task, retry(context))
    assert server.faults_met == 1
    assert [remote.status for remote in server.tasks.values()] == ["started"]


@pytest.mark.parametrize(("pairs", "names"), [(8, {"airflow_made_by"}), (9, set())])
def test_under_a_key_of_the_users_the_metadata_says_who_made_a_task_if_there_is_room(
    server: FakeServer, pairs: int, names: set[str]
) -> None:
    given = {f"pair {number}": "of the user" for number in range(pairs)}
    execute(browse(metadata=given, key="a key"))
    [remote] = server.tasks.values()
    assert remote.metadata.keys() - given.keys() - {"idempotency_key"} == names
    assert given.items() <= remote.metadata.items()


@pytest.mark.usefixtures("server")
def test_who_takes_over_from_the_triggerer_does_not_ask_again_what_the_server_speaks() -> None:
    task = browse("read", deferrable=True)
    context = context_of(task)
    with pytest.raises(TaskDeferred) as deferred:
        execute(task, context)
    assert deferred.value.kwargs == {"try_number": 1, "api_version": "v2-flat", "is_follow_up": False}
    event = {"browser_task_id": context["ti"].xcoms["task_id"], "steps_logged": 0, "error": None}
    execute_complete = getattr(task, deferred.value.method_name)
    assert execute_complete(context, event, **deferred.value.kwargs)["status"] == "finished"


def test_an_event_without_a_session_leaves_none_open(server: FakeServer) -> None:
    with BrowserUseClient(API_KEY, server.url) as client:
        session_id = client.start_session().id
    task, context = deferred("forever", session_id=session_id, keep_session=False)
    with pytest.raises(NoLongerRunsError):
        task.execute_complete(context, unanswered(context))
    [remote] = server.tasks.values()
    assert remote.stopped
    assert server.sessions[remote.session_id].stopped


def test_an_event_about_a_server_that_is_away_leaves_the_remote_task_to_a_retry(server: FakeServer) -> None:
    task, context = deferred("forever", retries=1)
    with pytest.raises(TaskUnreachableError):
        task.execute_complete(context, unanswered(context))
    [remote] = server.tasks.values()
    assert remote.status == "started"
    with pytest.raises(TaskDeferred):
        execute(task, retry(context))
    assert list(server.tasks) == [remote.id]


def test_a_task_that_has_finished_when_the_last_try_stops_it_is_a_result(server: FakeServer) -> None:
    task, context = deferred("report all is well")
    assert task.execute_complete(context, unanswered(context))["output"] == "all is well"
    assert len(server.tasks) == 1


def test_a_retry_that_finds_its_task_finished_takes_the_result_without_the_triggerer(server: FakeServer) -> None:
    task, context = deferred("forever", retries=1)
    [remote] = server.tasks.values()
    remote.finish()
    assert execute(task, retry(context))["task_id"] == remote.id
    assert len(server.tasks) == 1


def test_an_error_that_names_no_session_closes_the_one_that_the_task_had(server: FakeServer) -> None:
    task, context = deferred("forever")
    event = unanswered(context)
    event["error"]["session_id"] = None
    with pytest.raises(NoLongerRunsError):
        task.execute_complete(context, event)
    [session_id] = server.sessions
    assert server.counted("PATCH", f"/sessions/{session_id}") == 1


def test_a_task_that_has_failed_when_the_last_try_stops_it_is_none(server: FakeServer) -> None:
    task, context = deferred("fail")
    with pytest.raises(NoLongerRunsError, match="had ended as `failed`"):
        task.execute_complete(context, unanswered(context))
    assert server.open_sessions == []


@pytest.mark.parametrize("rendered", ["", "None", None])
def test_an_empty_session_id_is_an_error_and_not_a_new_session(server: FakeServer, rendered: str | None) -> None:
    task = browse(session_id="{{ params.session_id }}").prepare_for_execution()
    task.session_id = rendered
    with pytest.raises(AirflowFailException, match="`session_id` is empty"):
        execute(task)
    assert server.tasks == {}


@pytest.mark.usefixtures("server")
@pytest.mark.parametrize(
    ("event", "kind"),
    [
        ({"kind": "TaskTimeoutError", "message": "late", "stopped": True, "session_id": "s"}, TaskTimeoutError),
        ({"kind": "TaskUnreachableError", "message": "gone", "session_id": None}, TaskUnreachableError),
    ],
)
def test_what_the_trigger_reports_is_raised_on_the_worker(event: dict[str, Any], kind: type[Exception]) -> None:
    task = browse(retries=1)
    with pytest.raises(kind):
        task.execute_complete(
            context_of(task, TaskInstance(max_tries=1)), {"browser_task_id": "t", "steps_logged": 0, "error": event}
        )


def test_nothing_says_that_a_task_may_still_run_which_was_stopped(server: FakeServer) -> None:
    task, context = deferred("forever")
    with pytest.raises(NoLongerRunsError, match="was stopped: the server did not say") as raised:
        task.execute_complete(context, unanswered(context))
    assert "may still run" not in str(raised.value)
    assert raised.value.__suppress_context__
    assert [remote.status for remote in server.tasks.values()] == ["stopped"]


def test_output_that_does_not_fit_is_in_the_message_shortened(
    server: FakeServer, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(OutputSchemaError):
        execute(browse(f"report {'x' * 5000}", output_schema=Order))
    assert len(server.tasks) == 1
    if AIRFLOW_V_3_0_PLUS:  # 2.11 logs elsewhere
        assert f"It returned: {'x' * 1000}... (4,000 more characters)" in capfd.readouterr().out


def test_a_decorated_task_that_resumes_shows_the_prompt_that_its_function_returned(server: FakeServer) -> None:
    with DAG("shop") as dag:

        @decorator.browser_use(deferrable=True)
        def browse() -> str:
            return "for 0.1 s"

        browse()
    first, again = (dag.get_task("browse").prepare_for_execution() for _ in range(2))
    context = context_of(first)
    with pytest.raises(TaskDeferred):
        execute(first, context)
    [remote] = server.tasks.values()
    remote.finish()
    again.execute_complete(context, {"browser_task_id": remote.id, "steps_logged": 0, "error": None})
    assert again.task == "for 0.1 s"
