"""Running: a task from its request to its end, the session with it, and what its caller's end means."""

from __future__ import annotations

import logging
from datetime import datetime, timezone
from typing import Any

import pytest

from browser_use_client import errors
from browser_use_client.asked import succeeded
from browser_use_client.effects import Flow
from browser_use_client.flows.create import Creation
from browser_use_client.flows.run import run
from browser_use_client.models import CreateTaskRequest, Task
from tests.client.in_memory import SPOKEN, InMemory


class CtrlCError(BaseException):
    """Comes from outside, like KeyboardInterrupt and a cancellation."""


@pytest.fixture(params=SPOKEN)
def server(request: pytest.FixtureRequest) -> InMemory:
    return InMemory(request.param)


def run_flow(server: InMemory, *, keep_session: bool = False, **options: Any) -> Flow[Task]:
    creation = Creation(
        contract=server.contract,
        request=CreateTaskRequest(task="x"),
        key="k",
        returning=False,
        after=datetime.fromtimestamp(server.clock(), timezone.utc),
        keep_session=keep_session,
        wait_when_busy=0.0,
        accept=succeeded,
        files=(),
        clock=server.clock,
        server_clock=server.server_clock,
    )
    defaults: dict[str, Any] = {
        "timeout": None,
        "poll_interval": None,
        "on_created": None,
        "on_step": None,
        "on_live_url": None,
        "stop_on_timeout": True,
        "stop_on_interrupt": True,
        "max_failures": 3,
    }
    return run(creation, **defaults | options)


def fail_to_close(server: InMemory) -> None:
    server.fault(at="stop", status=500, times=None)


def test_a_session_that_cannot_be_closed_does_not_lose_the_result_but_is_warned_of(
    caplog: pytest.LogCaptureFixture,
) -> None:
    server = InMemory("v2-nested")
    fail_to_close(server)

    with caplog.at_level(logging.WARNING, "browser_use_client"):
        task = server.run(run_flow(server))

    assert task.status == "finished"
    assert f"Session {task.session_id} may be open still" in caplog.text


@pytest.mark.parametrize("keep_session", [True, False])
def test_a_caller_that_is_ended_while_it_waits_stops_its_task_with_one_call(
    server: InMemory, keep_session: bool
) -> None:
    def interrupt(_: object) -> None:
        raise CtrlCError

    server.script(status=None)

    with pytest.raises(CtrlCError):
        server.run(run_flow(server, on_created=interrupt, keep_session=keep_session))

    assert server.live_tasks("k") == []
    assert server.asked("stop")[-1] == "stop"
    assert (server.world.active_sessions() == 1) is keep_session


def test_a_stop_in_the_grace_period_that_fails_is_warned_of_and_does_not_hide_why_the_caller_ended(
    server: InMemory, caplog: pytest.LogCaptureFixture
) -> None:
    def interrupt(_: object) -> None:
        raise CtrlCError

    fail_to_close(server)
    with caplog.at_level(logging.WARNING, "browser_use_client"), pytest.raises(CtrlCError):
        server.run(run_flow(server, on_created=interrupt))

    assert "may still run and cost" in caplog.text


def test_an_error_of_the_api_leaves_the_task_running_and_says_so(server: InMemory) -> None:
    server.script(status=None)
    server.fault("GET", "*", status=500, times=None)

    with pytest.raises(errors.TaskUnreachableError, match="may still run and cost"):
        server.run(run_flow(server))

    assert len(server.live_tasks("k")) == 1


def test_a_time_out_counts_from_the_call_not_from_the_creation(server: InMemory) -> None:
    server.script(status=None)
    server.fault(at="create", status=429, retry_after="50")
    started = server.clock()

    with pytest.raises(errors.TaskTimeoutError):
        server.run(run_flow(server, timeout=60.0))

    assert server.clock() - started == pytest.approx(60)


def test_a_second_task_from_a_lost_answer_is_stopped_when_the_first_has_ended(server: InMemory) -> None:
    server.script(seconds=90.0)
    server.fault(at="create", work="late", late=60.0, hang=True)

    task = server.run(run_flow(server))

    assert task.status == "finished"
    assert server.live_tasks("k") == []
