"""Signals that end what a worker does, in this process."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

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


def test_a_time_out_stops_the_remote_task_before_a_line_is_logged_which_may_have_to_wait_for_ever(
    server: FakeServer, times_logged: list[int]
) -> None:
    def strike(request: Recorded) -> None:
        if request.method == "GET" and request.path.startswith("/api/v2/tasks/"):
            server.api.observe()
            os.kill(os.getpid(), signal.SIGALRM)

    server.api.observe(after=strike)
    with pytest.raises(AirflowTaskTimeout):
        execute(browse("forever"))
    assert times_logged == []
    [task] = server.tasks.values()
    assert task.status == "stopped"
