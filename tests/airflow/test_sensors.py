from __future__ import annotations

from uuid import uuid4

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException, AirflowSensorTimeout, TaskDeferred
from airflow.providers.common.compat.version_compat import AIRFLOW_V_3_0_PLUS

from airflow_browser_use.sensors import BrowserUseTaskSensor
from browser_use_client import BrowserUseClient, TaskUnreachableError
from tests.fake_api import API_KEY

from .fake_server import FakeServer
from .stand_in import context_of, execute, resume


def started_elsewhere(server: FakeServer, prompt: str) -> str:
    with BrowserUseClient(API_KEY, server.url) as client:
        return client.create_task(prompt).id


def test_it_returns_what_came_of_the_task(server: FakeServer) -> None:
    task_id = started_elsewhere(server, "for 0.5 s, report 7")
    value = execute(BrowserUseTaskSensor(task_id="wait", browser_task_id=task_id, poke_interval=0.2, output_schema=int))
    assert value["task_id"] == task_id
    assert value["output"] == 7


@pytest.mark.parametrize("prompt", ["fail", "unsuccessful"])
def test_a_task_that_failed_fails_it_for_good(server: FakeServer, prompt: str) -> None:
    sensor = BrowserUseTaskSensor(task_id="wait", browser_task_id=started_elsewhere(server, prompt))
    with pytest.raises(AirflowFailException):
        execute(sensor)


@pytest.mark.usefixtures("server")
def test_a_task_that_does_not_exist_fails_it_for_good() -> None:
    with pytest.raises(AirflowFailException, match="404"):
        execute(BrowserUseTaskSensor(task_id="wait", browser_task_id=str(uuid4())))


@pytest.mark.parametrize("status", [401, 404])
def test_one_odd_answer_after_a_good_one_does_not_fail_it(server: FakeServer, status: int) -> None:
    task_id = started_elsewhere(server, "for 3 s")
    sensor = BrowserUseTaskSensor(task_id="wait", browser_task_id=task_id)
    assert not sensor.poke(context_of(sensor)).is_done
    server.api.fault(at="poll", status=status)
    sensor.poke(context_of(sensor))
    assert server.faults_met == 1


def test_a_time_out_leaves_the_task_running(server: FakeServer) -> None:
    task_id = started_elsewhere(server, "forever")
    with pytest.raises(AirflowSensorTimeout):
        execute(BrowserUseTaskSensor(task_id="wait", browser_task_id=task_id, poke_interval=0.1, timeout=0.3))
    assert server.tasks[task_id].status == "started"


def test_deferred_it_neither_stops_the_task_nor_closes_its_session(server: FakeServer) -> None:
    sensor = BrowserUseTaskSensor(
        task_id="wait", browser_task_id=started_elsewhere(server, "for 1 s"), deferrable=True, poke_interval=5
    )
    with pytest.raises(TaskDeferred) as deferred:
        execute(sensor)
    settings = deferred.value.trigger.serialize()[1]
    assert not settings["stop_on_kill"]
    assert not settings["stop_on_timeout"]
    assert not settings["session_policy"]["owned"]
    assert settings["poll_interval"] == 5


def test_it_does_not_wait_for_ever_where_no_triggerer_lives(server: FakeServer) -> None:
    sensor = BrowserUseTaskSensor(
        task_id="wait", browser_task_id=started_elsewhere(server, "for 1 s"), deferrable=True, timeout=600
    )
    with pytest.raises(TaskDeferred) as deferred:
        execute(sensor)
    assert deferred.value.timeout is not None
    assert deferred.value.timeout.total_seconds() > 600


@pytest.mark.skipif(not AIRFLOW_V_3_0_PLUS, reason="what 3.0 does, on newer ones as well")
def test_a_retry_that_is_resumed_with_the_event_of_the_try_before_waits_anew(server: FakeServer) -> None:
    sensor = BrowserUseTaskSensor(task_id="wait", browser_task_id=started_elsewhere(server, "forever"), deferrable=True)
    context = context_of(sensor)
    with pytest.raises(TaskDeferred) as deferred:
        execute(sensor, context)
    unreachable = {"kind": "TaskUnreachableError", "message": "..."}
    event = {"browser_task_id": sensor.browser_task_id, "steps_logged": 0, "error": unreachable}
    with pytest.raises(TaskUnreachableError):
        resume(sensor, context, deferred.value, event)
    context["ti"].try_number = 2
    with pytest.raises(TaskDeferred):
        resume(sensor, context, deferred.value, event)


@pytest.mark.parametrize(
    ("kind", "raised"), [("TaskTimeoutError", AirflowSensorTimeout), ("TaskUnreachableError", TaskUnreachableError)]
)
def test_what_the_trigger_reports_is_raised_on_the_worker(kind: str, raised: type[Exception]) -> None:
    sensor = BrowserUseTaskSensor(task_id="wait", browser_task_id="t")
    event = {"browser_task_id": "t", "steps_logged": 0, "error": {"kind": kind, "message": "...", "stopped": False}}
    with pytest.raises(raised):
        sensor.execute_complete(context_of(sensor), event)
