"""What the flows make of v4: a key in the prompt, sessions that refuse nothing, and browsers that come and go."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from browser_use_client.errors import (
    BrowserNotReusedError,
    BrowserUseError,
    CreationUnknownError,
    InvalidRequestError,
    SessionBusyError,
)
from browser_use_client.flows.create import Creation
from browser_use_client.flows.lookup import LOOK_BACK, Keys, ago, read_lists, tasks_with_keys
from browser_use_client.flows.run import run
from browser_use_client.models import Task
from browser_use_client.models.keys import with_tag
from tests.client.flows.creating import KEY, create, creation
from tests.client.in_memory import InMemory


@pytest.fixture
def server() -> InMemory:
    return InMemory("v4")


def run_it(server: InMemory, creating: Creation, **options: Any) -> Task:
    defaults: dict[str, Any] = {"timeout": None, "poll_interval": None, "on_created": None, "on_step": None}
    defaults |= {"on_live_url": None, "stop_on_timeout": True, "stop_on_interrupt": True, "max_failures": 3}
    return server.run(run(creating, **defaults | options))


def first_in_closed_browser(server: InMemory) -> str:
    return run_it(server, creation(server, returning=False)).session_id


def follow_up(server: InMemory, session_id: str, **options: Any) -> Task:
    asked = creation(server, returning=False, session_id=session_id, keep_session=True, key="follow-up")
    return run_it(server, asked, **options)


def test_a_follow_up_in_a_new_browser_goes_on_and_is_warned_of(
    server: InMemory, caplog: pytest.LogCaptureFixture
) -> None:
    session_id = first_in_closed_browser(server)

    with caplog.at_level(logging.WARNING, "browser_use_client"):
        task = follow_up(server, session_id)

    assert (task.status, task.session_id, task.browser_reused) == ("finished", session_id, False)
    assert f"Task {task.id} in session {session_id} went on in a new browser" in caplog.text


def test_a_follow_up_in_the_same_browser_says_so(server: InMemory, caplog: pytest.LogCaptureFixture) -> None:
    session_id = run_it(server, creation(server, returning=False, keep_session=True)).session_id

    with caplog.at_level(logging.WARNING, "browser_use_client"):
        task = follow_up(server, session_id, require_same_browser=True)

    assert task.browser_reused is True
    assert caplog.text == ""


def test_a_follow_up_that_needs_its_browser_is_stopped_as_soon_as_it_shows_a_new_one(server: InMemory) -> None:
    session_id = first_in_closed_browser(server)
    server.script(status=None)

    with pytest.raises(BrowserNotReusedError, match=r"new one\. It was stopped\.") as caught:
        follow_up(server, session_id, require_same_browser=True)

    assert caught.value.session_id == session_id
    assert server.live_tasks("follow-up") == []


def test_the_events_are_read_for_that_only_until_the_browser_shows(server: InMemory) -> None:
    session_id = run_it(server, creation(server, returning=False, keep_session=True)).session_id
    server.script(seconds=60.0)
    server.trace.clear()

    follow_up(server, session_id, require_same_browser=True)

    assert sum(line.endswith("/status") for line in server.trace) > 10
    assert sum(line.endswith("/events") for line in server.trace) <= 3


def test_a_first_task_may_well_ask_for_the_same_browser(server: InMemory) -> None:
    assert run_it(server, creation(server), require_same_browser=True).status == "finished"


def test_a_run_listed_without_its_tag_is_told_loudly(server: InMemory, caplog: pytest.LogCaptureFixture) -> None:
    server.script(status=None, shortened=10)

    created = create(server)

    assert f"Task {created.id} was created under the key {KEY!r}, but the server shows it without" in caplog.text
    assert [record.levelname for record in caplog.records] == ["ERROR"]


def test_a_lost_answer_is_found_even_where_lists_shorten_prompts(server: InMemory) -> None:
    server.script(status=None, shortened=20)
    server.fault(at="create", work="done")

    created = create(server)

    assert server.live_tasks(KEY) == [created.id]
    assert created.reattached


def test_a_shortened_prompt_is_read_once_for_all_keys_that_are_looked_up(server: InMemory) -> None:
    server.script(status=None, shortened=5)
    prompt = with_tag("x", KEY)
    task = server.start_task(KEY)
    lists = server.run(
        read_lists(server.contract, after=ago(server.clock, LOOK_BACK), server_clock=server.server_clock)
    )
    server.trace.clear()

    found = [server.run(lists.with_keys(server.contract, Keys([key], prompt=prompt))) for key in (KEY, "b", KEY)]

    assert [[one.id for one in tasks] for tasks in found] == [[task.id], [], [task.id]]
    assert len(server.trace) == 1


def test_a_shortened_prompt_that_is_another_s_is_not_read(server: InMemory) -> None:
    server.world.add_others(30, odd={"task": "Read the weather"})
    server.script(status=None, shortened=20)
    server.fault(at="create", work="done")

    create(server)

    assert sum(line.startswith("GET /runs/") for line in server.trace) <= 3


def test_a_busy_session_is_looked_into_for_the_own_run_until_lists_show_it(server: InMemory) -> None:
    session_id = run_it(server, creation(server, keep_session=True, key="first")).session_id
    server.script(status=None, hidden=20.0)
    server.fault(at="create", work="done")  # the answer is lost, and the next try finds the session busy with its run

    created = server.run(creation(server, session_id=session_id, returning=False).create())

    assert server.live_tasks(KEY) == [created.id]
    assert created.reattached


def test_a_session_that_is_busy_with_another_s_run_is_busy(server: InMemory) -> None:
    server.script(status=None)
    other = server.run(creation(server, returning=False).create())

    with pytest.raises(SessionBusyError, match="Wait until its task has ended"):
        create(server, session_id=other.session_id, key="another")


def test_of_many_keys_each_task_says_which_is_its_own_in_one_reading(server: InMemory) -> None:
    server.script(status=None)
    created = {key: create(server, key=key).id for key in ("a", "b", "c")}
    server.trace.clear()
    after = ago(server.clock, LOOK_BACK)

    found = server.run(tasks_with_keys(server.contract, ["a", "c", "d"], after=after, server_clock=server.server_clock))

    assert {task.key: task.id for task in found} == {"a": created["a"], "c": created["c"]}
    assert server.trace == ["GET /runs"]


@pytest.mark.parametrize("names", [["a.csv"] * 2, [f"{number}.csv" for number in range(21)]])
def test_files_that_one_task_cannot_have_together_are_refused_before_any_is_uploaded(
    server: InMemory, tmp_path: Any, names: list[str]
) -> None:
    paths = [tmp_path / str(number) / name for number, name in enumerate(names)]
    for path in paths:
        path.parent.mkdir()
        path.write_text("x")

    with pytest.raises(InvalidRequestError, match=r"called 'a\.csv'|at most 20"):
        create(server, files=paths)

    assert [line for line in server.trace if line.startswith("POST")] == []


@pytest.mark.parametrize(
    ("field", "option"),
    [("keepAlive", "keep_session"), ("outputSchema", "output_schema"), ("browserSettings.record", "enable_recording")],
)
def test_a_server_of_september_says_which_option_it_does_not_know(server: InMemory, field: str, option: str) -> None:
    loc = ["body", *field.split(".")]
    server.fault(at="create", status=422, detail=[{"loc": loc, "msg": "Extra inputs are not permitted", "type": "x"}])

    with pytest.raises(
        BrowserUseError, match=rf"body\.{field}: Extra inputs.*`\w+` comes from the option `.*{option}`"
    ):
        create(server, keep_session=True)


def test_an_answer_that_is_lost_for_good_names_the_key(server: InMemory) -> None:
    server.fault(at="create", times=None)

    with pytest.raises(CreationUnknownError, match=f"{KEY!r}"):
        create(server)
