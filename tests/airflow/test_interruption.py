"""Signals that end what a worker does, in this process."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from datetime import timedelta

import pytest
from airflow.providers.common.compat.sdk import AirflowTaskTimeout

from tests.fake_api import Recorded

from .fake_server import FakeServer
from .stand_in import execute
from .test_task_operator import browse


@pytest.fixture
def times_logged() -> Iterator[list[int]]:
    """When Airflow's handler of a time-out writes to the log, as it does before it raises."""
    times: list[int] = []

    def handle_timeout(signum: int, _: object) -> None:
        times.append(signum)
        raise AirflowTaskTimeout

    before = signal.signal(signal.SIGALRM, handle_timeout)
    yield times
    assert signal.signal(signal.SIGALRM, before) is handle_timeout


@pytest.fixture
def struck_at_poll(server: FakeServer) -> FakeServer:
    """A server at whose first answer to a poll the time is over."""

    def strike(request: Recorded) -> None:
        if request.method == "GET" and request.path.startswith("/api/v2/tasks/"):
            server.api.observe()
            os.kill(os.getpid(), signal.SIGALRM)

    server.api.observe(after=strike)
    return server


def test_a_time_out_stops_the_remote_task_before_a_line_is_logged_which_may_have_to_wait_for_ever(
    struck_at_poll: FakeServer, times_logged: list[int]
) -> None:
    with pytest.raises(AirflowTaskTimeout, match="longer than its `execution_timeout` of 0:00:05"):
        execute(browse("forever", execution_timeout=timedelta(seconds=5)))
    assert times_logged == []
    [task] = struck_at_poll.tasks.values()
    assert task.status == "stopped"


@pytest.mark.usefixtures("struck_at_poll")
def test_an_alarm_of_somebody_else_is_left_alone(times_logged: list[int]) -> None:
    with pytest.raises(AirflowTaskTimeout):
        execute(browse("forever"))
    assert times_logged == [signal.SIGALRM]
