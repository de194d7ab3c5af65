"""One look at many tasks: few requests, and never a wrong answer."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from browser_use_client.errors import NotFoundError, ServerError
from browser_use_client.flows.watch import Memory, Sweep, sweep
from tests.client.in_memory import SPOKEN, InMemory
from tests.fake_api.world import Contract

MISSING = "3c90c3cc-0d44-4b50-8888-8dd25736052a"


@pytest.fixture(params=SPOKEN)
def server(request: pytest.FixtureRequest) -> InMemory:
    return InMemory(request.param)


def start(server: InMemory, number: int, **script: Any) -> list[str]:
    server.script(**{"status": None} | script)
    return [server.start_task(keep_alive=True).id for _ in range(number)]


def look(server: InMemory, task_ids: list[str], memory: Memory | None = None) -> Sweep:
    return server.run(sweep(server.contract, task_ids, memory=memory or Memory()))


def test_few_tasks_are_asked_for_one_by_one(server: InMemory) -> None:
    [task_id] = start(server, 1)

    found = look(server, [task_id])

    assert len(server.trace) == found.requests == 1
    assert found.ended == {}


def test_many_tasks_are_read_from_lists_of_a_hundred(server: InMemory) -> None:
    task_ids = start(server, 950)

    found = look(server, task_ids)

    assert len(server.trace) == found.requests <= 10 + 2
    assert found.ended == {}
    assert look(server, task_ids, found.memory).requests == 10


def test_only_what_has_left_the_lists_is_asked_for(server: InMemory) -> None:
    task_ids = start(server, 300)
    ended = task_ids[7:19]
    for task_id in ended:
        server.world.end(server.world.tasks[task_id], "finished")

    found = look(server, task_ids)

    assert found.ended.keys() == set(ended)
    assert all(state.status == "finished" for state in found.ended.values())
    each = 2 if server.world.contract == "v4" else 1  # its status says nothing else, so the run is read once
    assert found.requests <= 5 + each * len(ended)


def test_a_few_tasks_in_an_account_with_many_are_not_looked_for_in_its_lists(server: InMemory) -> None:
    task_ids = start(server, 20)
    server.world.add_others(5_000, status="started")

    first = look(server, task_ids)

    assert first.requests <= 20 + 3
    assert look(server, task_ids, first.memory).requests == 20


def test_tasks_that_are_paused_or_queued_are_not_taken_for_ended(server: InMemory) -> None:
    task_ids = start(server, 150)
    waiting = "paused" if server.world.contract == "v2-nested" else "created"
    for task_id in task_ids[:50]:
        server.world.tasks[task_id].status = waiting

    assert look(server, task_ids).ended == {}


def test_a_task_that_is_gone_is_unanswered_and_the_others_are_not(server: InMemory) -> None:
    [ended, live] = start(server, 2)
    server.world.end(server.world.tasks[ended], "stopped")

    found = look(server, [MISSING, ended, live])

    assert found.unanswered.keys() == {MISSING}
    assert isinstance(found.unanswered[MISSING], NotFoundError)
    assert found.ended[ended].status == "stopped"


def test_a_passing_fault_leaves_one_unanswered_and_loses_nothing(server: InMemory) -> None:
    [first, second] = start(server, 2)
    server.fault("GET", f"*/{first}*", status=503)
    server.world.end(server.world.tasks[second], "finished")

    found = look(server, [first, second])

    assert found.unanswered.keys() == {first}
    assert isinstance(found.unanswered[first], ServerError)
    assert found.ended.keys() == {second}


def test_a_list_that_cannot_be_read_is_an_error_not_an_answer(server: InMemory) -> None:
    task_ids = start(server, 300)
    server.fault("GET", status=503, skip=1)

    with pytest.raises(ServerError):
        look(server, task_ids)


@given(
    name=st.sampled_from(SPOKEN),
    number=st.integers(100, 330),
    ending=st.lists(st.integers(0, 99), max_size=8),
    arriving=st.lists(st.integers(0, 130), max_size=4),
)
def test_whatever_moves_between_the_pages_what_is_told_is_true(
    name: Contract, number: int, ending: list[int], arriving: list[int]
) -> None:
    server = InMemory(name)
    task_ids = start(server, number)
    flow = server.steps(sweep(server.contract, task_ids))
    ends, arrivals = iter(ending), iter(arriving)
    try:
        while True:
            next(flow)
            server.world.add_others(next(arrivals, 0), status="started")
            for position in ends:
                server.world.end(server.world.tasks[task_ids[position]], "finished")
                break
    except StopIteration as end:
        found: Sweep = end.value

    assert all(not server.world.tasks[task_id].is_live for task_id in found.ended)
    assert found.unanswered == {}
    again = look(server, task_ids, found.memory)
    assert again.ended.keys() == {task_ids[position] for position in ending[: len(ending) - len(list(ends))]}


def start_in_v4(server: InMemory, number: int) -> list[str]:
    server.script(status=None)
    world = server.world
    return [world.create_task({"task": "x"}, "m", world.create_session()).id for _ in range(number)]


@pytest.mark.parametrize("newer", [True, False])
def test_in_v4_a_thousand_are_swept_with_a_request_for_each_page_of_theirs(newer: bool) -> None:
    server = InMemory("v4")
    others = [] if newer else start_in_v4(server, 1_000)
    task_ids = start_in_v4(server, 1_000)
    others = start_in_v4(server, 1_000) if newer else others

    first = look(server, task_ids)
    second = look(server, task_ids, first.memory)

    assert first.requests <= 21
    assert second.requests <= 12
    assert first.ended == second.ended == first.unanswered == second.unanswered == {}


def test_in_v4_what_new_sessions_push_down_is_found_again() -> None:
    server = InMemory("v4")
    task_ids = start_in_v4(server, 250)
    memory = look(server, task_ids).memory
    start_in_v4(server, 150)

    first = look(server, task_ids, memory)
    second = look(server, task_ids, first.memory)

    assert second.requests <= 5
    assert first.unanswered == second.unanswered == {}


def test_in_v4_a_task_of_which_a_list_says_that_it_has_ended_is_read_whole() -> None:
    server = InMemory("v4")
    task_ids = start_in_v4(server, 120)
    server.world.end(server.world.tasks[task_ids[5]], "finished")

    found = look(server, task_ids)

    assert found.ended.keys() == {task_ids[5]}
    assert found.ended[task_ids[5]].output == "Done."
    assert found.ended[task_ids[5]].cost is not None
    assert found.requests == 3


def test_in_v4_a_cursor_that_the_server_forgot_costs_requests_and_no_wait() -> None:
    server = InMemory("v4")
    task_ids = start_in_v4(server, 120)
    memory = Memory(parts=(None, "forgotten"))

    found = look(server, task_ids, memory)

    assert found.unanswered == {}
    assert "forgotten" not in found.memory.parts


def test_in_v4_a_run_whose_status_is_new_is_asked_for_until_it_shows_an_end() -> None:
    server = InMemory("v4")
    task_ids = start_in_v4(server, 120)
    live, over = (server.world.tasks[task_id] for task_id in task_ids[:2])
    live.status = "hibernating"
    server.world.end(over, "evaporated")

    found = look(server, task_ids)

    assert {task_id: state.status for task_id, state in found.ended.items()} == {over.id: "evaporated"}
    assert found.unanswered == {}
