"""A scheduler that dies before it has settled a run settles it after its restart."""

from __future__ import annotations

import os
import signal
import threading

from demo.waiting import until
from tests.fake_api import Recorded

from .conftest import SharedAirflow
from .running_airflow import TIMEOUT_SECONDS, process_of


def test_the_session_of_a_run_is_closed_though_the_scheduler_was_killed_as_it_settled_the_run(
    shared_airflow: SharedAirflow,
) -> None:
    airflow = shared_airflow.airflow
    scheduler, is_dead = airflow.pid_of("scheduler"), threading.Event()

    def watch(request: Recorded) -> None:
        if process_of(request.peer).pid == scheduler:  # and not a worker that it has started
            os.kill(scheduler, signal.SIGKILL)
            is_dead.set()

    served = shared_airflow.run_dag(
        "unrendered_chain_deferred", v4=True, prepare=lambda server: server.api.observe(before=watch)
    )
    until("the scheduler is killed", is_dead.is_set, TIMEOUT_SECONDS)
    served.server.api.observe()
    airflow.kill("scheduler", signal.SIGKILL)
    assert len(served.server.open_sessions) == 1
    airflow.start_component("scheduler")
    airflow.until("the session is closed", lambda: not served.server.open_sessions)
    assert served.run.wait() == "failed"
    assert len(served.tasks) == 1
