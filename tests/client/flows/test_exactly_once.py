"""Exactly once: through every fault, after a crash at any point, and in whatever order callers go."""

from __future__ import annotations

import contextlib
from datetime import timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from browser_use_client.effects import Flow
from browser_use_client.errors import BrowserUseError
from browser_use_client.flows.lookup import ago
from browser_use_client.models import CreatedTask
from tests.client.flows.creating import KEY, create, creation, finish
from tests.client.in_memory import SPOKEN, InMemory
from tests.fake_api.faults import Fault
from tests.fake_api.world import Contract

post_faults = st.builds(
    Fault,
    at=st.just("create"),
    work=st.sampled_from(["never", "done", "late"]),
    late=st.floats(0, 5),
    status=st.sampled_from([None, None, 500, 502, 503, 504]),
    garbage=st.sampled_from([None, None, "<html>"]),
    retry_after=st.sampled_from([None, "0", "7"]),
    hang=st.booleans(),
) | st.builds(
    Fault,
    at=st.just("create"),
    status=st.just(429),
    retry_after=st.sampled_from([None, "0", "7"]),
)
get_faults = st.builds(
    Fault,
    at=st.just("list"),
    times=st.integers(1, 7),
    skip=st.integers(0, 3),
    status=st.sampled_from([None, 500, 503, 429]),
    retry_after=st.sampled_from([None, "0", "7"]),
)


def beset(server: InMemory, faults: list[Fault], hidden: float, crowd: int) -> None:
    server.script(status=None, hidden=hidden, crowd=crowd)
    for fault in faults:
        server.faults.add(fault)


def persist(server: InMemory, **options: Any) -> CreatedTask:
    """Comes back with the key until the task is there, as a retry of an orchestrator does."""
    for _ in range(20):
        try:
            return create(server, **options)
        except BrowserUseError as error:
            if not error.retryable:
                raise
            server.world.advance(60)
    raise AssertionError("The task was never created")


@settings(max_examples=300)
@given(
    name=st.sampled_from(SPOKEN),
    faults=st.lists(post_faults | get_faults, max_size=5),
    hidden=st.floats(0, 4),
    crowd=st.sampled_from([0, 0, 150]),
    keep_session=st.booleans(),
    skew=st.sampled_from([0, 0, 900, -900, 86_400]),
    fresh=st.booleans(),
)
def test_whatever_goes_wrong_one_task_runs_under_the_key(
    name: Contract, faults: list[Fault], hidden: float, crowd: int, keep_session: bool, skew: float, fresh: bool
) -> None:
    server = InMemory(name)
    server.skew = skew
    just_now = {"after": ago(server.clock, timedelta())} if fresh else {}
    beset(server, faults, hidden, crowd)

    created = persist(server, keep_session=keep_session, **just_now)

    server.world.advance(60)
    assert server.live_tasks(KEY) == [created.id]
    open_sessions = [session.id for session in server.world.sessions.values() if session.status == "active"]
    assert open_sessions == [created.session_id]


@settings(max_examples=200)
@given(
    name=st.sampled_from(SPOKEN),
    steps=st.integers(0, 12),
    performed=st.booleans(),
    faults=st.lists(post_faults | get_faults, max_size=2),
    hidden=st.floats(0, 4),
)
def test_who_comes_back_after_a_crash_at_any_point_ends_up_with_one_task(
    name: Contract, steps: int, performed: bool, faults: list[Fault], hidden: float
) -> None:
    server = InMemory(name)
    beset(server, faults, hidden, 0)
    with contextlib.suppress(StopIteration, BrowserUseError):
        server.crash(creation(server).create(), after=steps, performed=performed)
    server.world.advance(60)

    created = persist(server)

    server.world.advance(60)
    assert server.live_tasks(KEY) == [created.id]


@settings(max_examples=150)
@given(
    name=st.sampled_from(SPOKEN),
    faults=st.lists(post_faults | get_faults, max_size=3),
    hidden=st.floats(0, 4),
)
def test_whatever_goes_wrong_one_follow_up_runs_under_the_key(
    name: Contract, faults: list[Fault], hidden: float
) -> None:
    server = InMemory(name)
    session = server.world.create_session(keep_alive=True)
    beset(server, faults, hidden, 0)

    created = persist(server, session_id=session.id)

    server.world.advance(60)
    assert server.live_tasks(KEY) == [created.id]


@settings(max_examples=300)
@given(
    name=st.sampled_from(SPOKEN),
    order=st.lists(st.integers(0, 2), max_size=60),
    hidden=st.sampled_from([0.0, 0.0, 2.5]),
    keep_session=st.booleans(),
    callers=st.integers(2, 3),
)
def test_callers_with_one_key_end_up_with_one_task_in_whatever_order_they_go(
    name: Contract, order: list[int], hidden: float, keep_session: bool, callers: int
) -> None:
    server = InMemory(name)
    server.script(status=None, hidden=hidden)

    def one() -> Flow[CreatedTask]:
        return creation(server, keep_session=keep_session).create()

    created = finish([server.steps(one()) for _ in range(callers)], order)

    assert len({one.id for one in created}) == 1
    assert server.live_tasks(KEY) == [created[0].id]
    open_sessions = [session.id for session in server.world.sessions.values() if session.status == "active"]
    assert open_sessions == [created[0].session_id]


@settings(max_examples=100)
@given(name=st.sampled_from(SPOKEN), order=st.lists(st.integers(0, 1), max_size=30))
def test_two_callers_with_one_key_share_one_follow_up(name: Contract, order: list[int]) -> None:
    server = InMemory(name)
    session = server.world.create_session(keep_alive=True)
    server.script(status=None)

    def one() -> Flow[CreatedTask]:
        return creation(server, session_id=session.id).create()

    created = finish([server.steps(one()), server.steps(one())], order)

    assert {one.id for one in created} == set(server.live_tasks(KEY))
    assert len(server.world.tasks) == 1
