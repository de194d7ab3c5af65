"""Creating a task: what is sent, reattached to, looked for and refused; with no network and no waiting."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest

from browser_use_client import errors
from browser_use_client.flows.lookup import ago
from browser_use_client.models import CreateTaskRequest
from tests.client.flows.creating import KEY, create, creation, finish
from tests.client.in_memory import SPOKEN, InMemory


@pytest.fixture(params=SPOKEN)
def server(request: pytest.FixtureRequest) -> InMemory:
    return InMemory(request.param)


# --- the least ------------------------------------------------------------------------------------------------------


def test_a_key_that_nobody_else_has_costs_one_request(server: InMemory) -> None:
    created = create(server, returning=False)

    assert server.asked("list", "create") == ["create"]
    assert not created.reattached
    assert server.live_tasks(KEY) == [created.id]


def test_a_caller_s_key_is_looked_for_before_and_after(server: InMemory) -> None:
    created = create(server)

    assert server.asked("list", "create") == ["list", "create", "list"]
    assert server.live_tasks(KEY) == [created.id]


def test_the_key_travels_in_the_metadata_beside_the_caller_s_own_or_as_a_tag_after_the_prompt(
    server: InMemory,
) -> None:
    if server.world.contract == "v4":
        sent = server.world.tasks[create(server).id].prompt
        prompt, _, tag = sent.rpartition("\n")
        assert prompt == "Read the orders\n"
        assert re.fullmatch(r"\[bu-[0-9a-f]{20}: .* ignore this line\.\]", tag)
        return
    request = CreateTaskRequest(task="x", metadata={"team": "y"})
    flow = replace(creation(server), request=request)

    created = server.run(flow.create())

    assert server.world.tasks[created.id].metadata == {"team": "y", "idempotency_key": KEY}


# --- coming back ----------------------------------------------------------------------------------------------------


def test_who_comes_back_after_a_crash_gets_the_task_that_runs(server: InMemory) -> None:
    first = create(server)
    posts = len(server.asked("create"))

    second = create(server)

    assert (second.id, second.session_id, second.reattached) == (first.id, first.session_id, True)
    assert len(server.asked("create")) == posts


@pytest.mark.parametrize(
    ("status", "is_success", "reattached"),
    [
        ("finished", True, True),
        ("finished", None, True),
        ("finished", False, False),
        ("failed", None, False),
        ("stopped", None, False),
    ],
)
def test_who_comes_back_gets_a_finished_task_if_it_will_do_and_else_a_new_one(
    server: InMemory, status: str, is_success: bool | None, reattached: bool
) -> None:
    server.script(is_success=is_success)
    first = create(server)
    server.world.end(server.world.tasks[first.id], status)
    server.world.advance(60)

    second = create(server)

    if server.world.contract == "v4" and status == "finished":
        reattached = True  # an agent cannot report there that it did not succeed
    assert second.reattached is reattached
    assert (second.id == first.id) is reattached
    assert server.live_tasks(KEY) == ([] if reattached else [second.id])


def test_the_caller_says_which_finished_task_will_do(server: InMemory) -> None:
    server.script(output="half of it")
    first = create(server)
    server.world.end(server.world.tasks[first.id], "finished")

    assert create(server, accept=lambda task: task.output == "half of it").id == first.id
    assert create(server, accept=lambda task: task.output == "all of it").id != first.id


def test_a_task_of_the_key_is_found_behind_hundreds_of_newer_ones(server: InMemory) -> None:
    first = create(server)
    server.world.add_others(450)

    assert create(server).id == first.id


def test_a_task_before_the_key_was_first_used_is_not_looked_at(server: InMemory) -> None:
    first = create(server)
    server.world.advance(86_400)
    today = datetime.fromtimestamp(server.clock(), timezone.utc)

    assert create(server, after=today).id != first.id


def test_a_follow_up_does_not_reattach_to_a_task_in_another_session_but_stops_it_where_it_is_listed(
    server: InMemory,
) -> None:
    elsewhere = create(server)
    session = server.world.create_session(keep_alive=True)

    created = create(server, session_id=session.id)

    assert created.session_id == session.id
    assert created.id in server.live_tasks(KEY)
    is_listed = server.world.contract != "v4"  # there a follow-up reads the list of its session only
    assert server.world.tasks[elsewhere.id].is_live is not is_listed


# --- faults ---------------------------------------------------------------------------------------------------------


def test_no_connection_means_no_task_so_it_is_sent_again_without_a_look(server: InMemory) -> None:
    server.refusing = True
    flow = server.steps(creation(server, returning=False).create())
    for _ in range(3):
        next(flow)
    server.refusing = False

    [created] = finish([flow])

    assert not server.asked("list")
    assert server.live_tasks(KEY) == [created.id]


def test_a_server_that_stays_away_ends_in_its_own_error_and_is_not_ambiguous(server: InMemory) -> None:
    server.refusing = True

    with pytest.raises(errors.ConnectError):
        create(server, returning=False)


def test_a_lost_answer_is_looked_for_not_sent_again(server: InMemory) -> None:
    server.fault(at="create", work="done")

    created = create(server, returning=False)

    assert created.reattached
    assert len(server.asked("create")) == 1


def test_where_the_server_cannot_be_asked_either_the_doubt_is_an_error_that_names_the_key(server: InMemory) -> None:
    server.fault(at="create", work="done")
    server.fault(at="list", status=503, times=None)

    with pytest.raises(errors.CreationUnknownError, match=KEY) as caught:
        create(server, returning=False)

    assert caught.value.key == KEY
    assert caught.value.retryable
    assert isinstance(caught.value.__cause__, errors.ServerError)
    server.faults.clear()
    assert create(server).id == server.live_tasks(KEY)[0]


def test_a_refusal_after_a_lost_answer_leaves_the_doubt(server: InMemory) -> None:
    server.fault(at="create")
    server.fault(at="create", status=402)

    with pytest.raises(errors.CreationUnknownError):
        create(server, returning=False)


def test_retry_after_is_honoured_before_a_post_is_sent_again(server: InMemory) -> None:
    server.fault(at="create", status=429, retry_after="50")

    create(server, returning=False)

    assert server.sleeps[0] >= 50


def test_a_task_that_lists_hide_for_seconds_is_waited_for(server: InMemory) -> None:
    server.script(status=None, hidden=9.0)
    server.fault(at="create", work="done")

    created = create(server, returning=False)

    assert created.reattached
    assert len(server.asked("create")) == 1


def test_a_lost_answer_of_a_follow_up_that_lists_hide_does_not_end_in_busy(server: InMemory) -> None:
    session = server.world.create_session(keep_alive=True)
    server.script(status=None, hidden=15.2)
    server.fault(at="create", work="done")

    created = create(server, returning=False, session_id=session.id)

    assert server.live_tasks(KEY) == [created.id]


def test_of_a_predecessor_s_task_and_an_own_lost_one_that_turn_up_together_one_stays(server: InMemory) -> None:
    server.script(status=None, hidden=1.0)
    first = server.start_task(KEY)
    server.fault(at="create", work="done")

    created = create(server)

    assert created.id == first.id
    assert len(server.world.tasks) == 2
    assert server.live_tasks(KEY) == [first.id]


def test_a_duplicate_that_turns_up_late_is_stopped_at_the_end(server: InMemory) -> None:
    server.fault(at="create", work="late", late=60.0, hang=True)
    maker = creation(server, returning=False)
    created = server.run(maker.create())
    server.world.advance(60)
    assert len(server.live_tasks(KEY)) == 2

    server.run(maker.stop_duplicates(created))

    assert server.live_tasks(KEY) == [created.id]


# --- sessions -------------------------------------------------------------------------------------------------------


def test_a_session_that_is_kept_is_started_first_where_it_would_close_with_its_task() -> None:
    server = InMemory("v2-flat")

    created = create(server, returning=False, keep_session=True)

    assert server.asked("place", "create") == ["place", "create"]
    assert server.world.sessions[created.session_id].keep_alive
    assert not created.session_ends_with_task


def test_a_session_that_was_started_for_a_task_that_is_refused_is_closed() -> None:
    server = InMemory("v2-flat")
    server.fault(at="create", status=402)

    with pytest.raises(errors.InsufficientCreditsError):
        create(server, returning=False, keep_session=True)

    assert server.world.active_sessions() == 0


def test_a_busy_account_is_asked_politely_and_no_longer_than_the_caller_allows(server: InMemory) -> None:
    server.world.max_sessions = 0
    started = server.clock()

    with pytest.raises(errors.RateLimitedError):
        create(server, returning=False, wait_when_busy=300.0)

    assert server.clock() - started <= 300
    assert len(server.trace) < 100
    assert all(pause >= 0.5 for pause in server.sleeps)


# --- clocks ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("minutes", [15, 24 * 60])
def test_a_lost_answer_of_a_server_whose_clock_is_behind_makes_one_task(server: InMemory, minutes: int) -> None:
    server.skew = minutes * 60
    server.script(status=None)
    server.fault(at="create", work="done")

    created = create(server, returning=False, after=ago(server.clock, timedelta()))

    assert len(server.asked("create")) == 1
    assert server.live_tasks(KEY) == [created.id]


def test_an_election_reads_the_task_itself_where_no_list_shows_it_and_so_finds_the_duplicate(server: InMemory) -> None:
    server.tells_time, server.skew = False, 900
    server.script(status=None)
    server.fault(at="create", work="done")

    created = create(server, returning=False, after=ago(server.clock, timedelta()))

    assert len(server.asked("create")) == 2
    assert server.live_tasks(KEY) == [created.id]


def test_a_task_that_no_list_ever_shows_takes_part_in_its_election(server: InMemory) -> None:
    server.script(status=None, hidden=1e6)
    server.script(status=None, hidden=20.0, times=1)
    server.fault(at="create", work="done")

    created = create(server, returning=False)

    assert len(server.asked("create")) == 2
    assert server.live_tasks(KEY) == [created.id]
    assert created.reattached  # the older one
