"""Finding tasks by their key, in lists that are long and move."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from browser_use_client.effects import Flow
from browser_use_client.flows.lookup import LOOK_BACK, Keys, ago, find_task, read_lists, tasks_with_keys
from browser_use_client.models import Task
from tests.client.in_memory import SPOKEN, InMemory
from tests.fake_api.world import Contract

KEY = "orders"


@pytest.fixture(params=SPOKEN)
def server(request: pytest.FixtureRequest) -> InMemory:
    return InMemory(request.param)


def find(server: InMemory, **options: object) -> str | None:
    session_id = options.get("session_id")
    found = server.run(
        find_task(
            server.contract,
            KEY,
            after=ago(server.clock, LOOK_BACK),
            session_id=str(session_id) if session_id else None,
            server_clock=server.server_clock,
        )
    )
    return found.id if found else None


def just_started(server: InMemory) -> Flow[list[Task]]:
    return tasks_with_keys(
        server.contract, [KEY], after=ago(server.clock, timedelta()), server_clock=server.server_clock
    )


def test_nothing_is_found_under_a_key_that_nobody_used(server: InMemory) -> None:
    server.start_task("another")

    assert find(server) is None


def test_the_live_task_counts_before_the_newest_that_ended(server: InMemory) -> None:
    ended, live, newer = server.start_task(KEY), server.start_task(KEY), server.start_task(KEY)
    server.world.end(ended, "finished")
    server.world.end(newer, "failed")
    assert find(server) == live.id

    server.world.end(live, "failed")
    assert find(server) == newer.id


def test_only_the_session_that_was_named_is_looked_at(server: InMemory) -> None:
    server.start_task(KEY)
    wanted = server.start_task(KEY)

    assert find(server, session_id=wanted.session_id) == wanted.id


def test_a_task_of_last_month_is_not_looked_for(server: InMemory) -> None:
    server.start_task(KEY)
    server.world.advance(31 * 86_400)

    assert find(server) is None


@pytest.mark.parametrize("ahead", [timedelta(minutes=5), timedelta(minutes=15), timedelta(days=2)])
def test_a_server_whose_clock_is_behind_hides_no_task(server: InMemory, ahead: timedelta) -> None:
    server.skew = ahead.total_seconds()
    task = server.start_task(KEY)

    found = server.run(just_started(server))

    assert [one.id for one in found] == [task.id]


def test_lists_that_serve_many_keys_hide_no_task_of_a_server_whose_clock_is_behind(server: InMemory) -> None:
    server.skew = 900
    task = server.start_task(KEY)

    lists = server.run(
        read_lists(server.contract, after=ago(server.clock, timedelta()), server_clock=server.server_clock)
    )

    assert [one.id for one in lists.tasks] == [task.id]
    assert [one.id for one in server.run(lists.with_keys(server.contract, Keys([KEY])))] == [task.id]


def test_a_server_that_does_not_say_the_time_may_be_minutes_behind(server: InMemory) -> None:
    server.tells_time, server.skew = False, 300
    task = server.start_task(KEY)

    assert [one.id for one in server.run(just_started(server))] == [task.id]


def test_a_server_whose_clock_is_ahead_is_not_asked_for_tasks_of_hours_ago(server: InMemory) -> None:
    server.skew = -7200
    server.start_task(KEY)
    server.world.advance(3600)

    server.run(just_started(server))  # the first answer says what time it is

    assert server.run(just_started(server)) == []
    assert server.asked("list") == ["list"] * 2


@given(
    name=st.sampled_from(SPOKEN),
    before=st.integers(0, 320),
    arriving=st.lists(st.integers(0, 120), max_size=4),
)
def test_no_task_is_passed_over_while_newer_ones_push_it_to_later_pages(
    name: Contract, before: int, arriving: list[int]
) -> None:
    server = InMemory(name)
    task = server.start_task(KEY)
    server.world.add_others(before)
    flow = server.steps(just_started(server))
    arrivals = iter(arriving)
    try:
        while True:
            next(flow)
            server.world.add_others(next(arrivals, 0))
    except StopIteration as end:
        found = end.value

    assert [one.id for one in found] == [task.id]


def latest(server: InMemory) -> list[str]:
    flow = tasks_with_keys(
        server.contract,
        [KEY],
        after=ago(server.clock, LOOK_BACK),
        server_clock=server.server_clock,
        latest_only=True,
    )
    return [task.id for task in server.run(flow)]


def test_who_wants_the_latest_only_does_not_read_an_account_to_its_beginning(server: InMemory) -> None:
    server.start_task(KEY)
    server.world.add_others(900)
    task = server.start_task(KEY)

    assert latest(server) == [task.id]
    assert server.asked("list") == ["list"] * 2


@pytest.mark.parametrize("newer", range(97, 101))
def test_tasks_that_were_created_together_are_found_together_on_whichever_pages_they_are(
    server: InMemory, newer: int
) -> None:
    twins = [server.start_task(KEY), server.start_task(KEY)]
    server.world.add_others(newer)

    assert latest(server) == [task.id for task in twins]
