"""A caller that is ended at any moment of `run_task` leaves nothing behind on the server that is not named."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from browser_use_client.effects import Flow
from browser_use_client.errors import BrowserUseError
from browser_use_client.flows.run import run
from browser_use_client.models import Task
from tests.client.flows.creating import KEY, creation
from tests.client.flows.test_exactly_once import post_faults
from tests.client.in_memory import SPOKEN, InMemory
from tests.client.test_exits import unnamed_of
from tests.fake_api.faults import Fault
from tests.fake_api.world import Contract

stop_faults = st.builds(Fault, at=st.just("stop"), times=st.integers(1, 9), status=st.just(503))
start_faults = st.builds(
    Fault,
    method=st.just("POST"),
    path=st.just("/sessions"),
    work=st.sampled_from(["never", "done"]),
    status=st.sampled_from([None, 502]),
)


class CtrlCError(BaseException):
    """Comes from outside, like KeyboardInterrupt and a cancellation."""


@contextmanager
def warnings() -> Iterator[list[str]]:
    """What is logged inside."""
    said: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: said.append(record.getMessage())  # type: ignore[method-assign]
    log = logging.getLogger("browser_use_client")
    log.addHandler(handler)
    try:
        yield said
    finally:
        log.removeHandler(handler)


def run_flow(server: InMemory, **options: Any) -> Flow[Task]:
    return run(
        creation(server, **options),
        timeout=30.0,
        poll_interval=None,
        on_created=None,
        on_step=None,
        on_live_url=None,
        stop_on_timeout=True,
        stop_on_interrupt=True,
        max_failures=3,
    )


@settings(max_examples=400)
@given(
    name=st.sampled_from(SPOKEN),
    after=st.integers(0, 20),
    performed=st.booleans(),
    faults=st.lists(post_faults | start_faults | stop_faults, max_size=3),
    keep_session=st.booleans(),
    follow_up=st.booleans(),
    returning=st.booleans(),
    seconds=st.sampled_from([None, 3.0]),
    hidden=st.sampled_from([0.0, 0.0, 3.0]),
)
def test_whatever_was_under_way_what_is_left_is_named(
    name: Contract,
    after: int,
    performed: bool,
    faults: list[Fault],
    keep_session: bool,
    follow_up: bool,
    returning: bool,
    seconds: float | None,
    hidden: float,
) -> None:
    server = InMemory(name)
    callers_own = server.world.create_session(keep_alive=True).id if follow_up else None
    server.script(seconds=seconds, status="finished" if seconds else None, hidden=hidden)
    for fault in faults:
        server.faults.add(fault)
    flow = run_flow(server, keep_session=keep_session, session_id=callers_own, returning=returning)

    with warnings() as said:
        try:
            said.append(str(server.interrupt(flow, CtrlCError(), after=after, performed=performed)))
        except BrowserUseError as error:
            said.append(str(error))
        except CtrlCError:
            pass
    server.world.advance(60)

    tasks = [task.summary() for task in server.world.tasks.values()]
    active = [session.summary() for session in server.world.sessions.values() if session.status == "active"]
    assert unnamed_of(tasks, active, " ".join(said)) - {callers_own} == set()


@pytest.mark.parametrize("name", SPOKEN)
def test_an_election_that_is_interrupted_stops_the_task_that_it_was_held_for(name: Contract) -> None:
    server = InMemory(name)
    server.script(status=None, hidden=1e6)

    with pytest.raises(CtrlCError), warnings() as said:
        server.interrupt(run_flow(server), CtrlCError(), after=4, performed=True)

    assert server.asked("list", "create")[:2] == ["list", "create"]
    assert server.live_tasks(KEY) == []
    assert said == []
