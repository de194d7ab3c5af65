"""What comes back: what the fake says fits the published contract, and readers take more than that."""

from __future__ import annotations

from datetime import datetime, timezone
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from browser_use_client.contracts import CONTRACTS, V2_FLAT, V2_NESTED
from browser_use_client.models import TaskState
from tests.client.contracts.published import check_response, first_call, forbidding, needs_published, nested
from tests.client.in_memory import ORIGIN
from tests.fake_api import schemas
from tests.fake_api import views_v2 as views
from tests.fake_api.scripts import Script
from tests.fake_api.world import Contract, World

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=timezone.utc)
A_TASK = "3c90c3cc-0d44-4b50-8888-8dd25736052a"


def world_with_a_task(contract: Contract, *, ended: bool) -> tuple[World, Any, Any]:
    world = World(contract, "bu_key", real_time=False)
    world.scripts.add(Script(steps=2, output_files={"a.csv": "a"}, cost="0.05"))
    session = world.create_session(keep_alive=False)
    task = world.create_task({"task": "x", "metadata": {"team": "y"}}, "o3", session)
    world.poll(task)
    if ended:
        world.end(task, "finished")
    return world, task, session


# --- the fake itself ------------------------------------------------------------------------------------------------


@needs_published
@pytest.mark.parametrize("ended", [False, True])
def test_the_fake_answers_as_the_flat_contract_says(ended: bool) -> None:
    world, task, session = world_with_a_task("v2-flat", ended=ended)
    session.share_token = "t"

    check_response("TaskView", views.whole_task(world, task, ORIGIN))
    check_response("TaskItemView", views.task_item(world, task))
    check_response("TaskStatusView", views.task_status(world, task))
    check_response("SessionView", views.whole_session(world, session, ORIGIN))
    check_response("SessionItemView", views.session_item(world, session, ORIGIN))
    check_response("ShareView", views.share(session, ORIGIN))
    check_response("AccountView", views.account(world))


@needs_published
@pytest.mark.parametrize(
    ("contract", "name", "published"),
    [
        ("v2-nested", "create task", "CreateTaskRequest"),
        ("v2-flat", "create task", "CreateTaskRequest"),
        ("v2-flat", "create session", "CreateSessionRequest"),
        ("v2-flat", "update task", "UpdateTaskRequest"),
        ("v2-flat", "update session", "UpdateSessionRequest"),
        ("v2-flat", "upload", "UploadFileRequest"),
        ("v2-flat", "profiles", "ProfileCreateRequest"),
    ],
)
def test_the_fake_takes_the_fields_that_are_published_and_no_others(contract: str, name: str, published: str) -> None:
    kinds = schemas.NESTED if contract == "v2-nested" else schemas.FLAT
    schema = forbidding(contract)["components"]["schemas"][published]

    assert kinds[name]["properties"].keys() == schema["properties"].keys()
    assert set(kinds[name]["required"]) == set(schema.get("required", ()))


@needs_published
def test_the_fake_takes_the_nested_settings_that_are_published() -> None:
    published = nested()["components"]["schemas"]
    properties = schemas.NESTED["create task"]["properties"]

    assert properties["agentSettings"]["properties"].keys() == published["AgentSettingsView"]["properties"].keys()
    assert properties["browserSettings"]["properties"].keys() == published["BrowserSettingsView"]["properties"].keys()


# --- readers --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("contract", ["v2-nested", "v2-flat"])
def test_a_task_reads_the_same_in_every_contract(contract: Contract) -> None:
    world, sent, session = world_with_a_task(contract, ended=True)

    task = CONTRACTS[contract].get_task(sent.id).parse(views.whole_task(world, sent, ORIGIN))

    assert (task.id, task.session_id, task.task, task.llm) == (sent.id, session.id, "x", "o3")
    assert (task.status, task.is_success, task.output) == ("finished", True, "Done.")
    assert task.metadata == {"team": "y"}
    assert task.started_at == task.finished_at == NOON
    assert [file.name for file in task.output_files] == ["a.csv"]
    first = task.steps[0]
    assert (first.number, first.goal, first.evaluation) == (1, "Do step 1", "Unknown")
    assert first.actions == ('{"click": {"index": 1}}',)
    assert task.cost == (Decimal("0.05") if contract == "v2-flat" else None)


def test_a_running_nested_task_names_its_live_view() -> None:
    world, sent, session = world_with_a_task("v2-nested", ended=False)

    assert V2_NESTED.get_task(sent.id).parse(views.whole_task(world, sent, ORIGIN)).live_url == (
        f"{ORIGIN}/live/{session.id}"
    )


@pytest.mark.parametrize("contract", ["v2-nested", "v2-flat"])
@given(extra=st.dictionaries(st.text().map("new_".__add__), st.integers() | st.text() | st.lists(st.integers())))
def test_fields_that_a_newer_server_adds_break_no_reader(contract: Contract, extra: dict[str, Any]) -> None:
    world, sent, session = world_with_a_task(contract, ended=True)
    speaks = CONTRACTS[contract]
    task = views.whole_task(world, sent, ORIGIN)

    assert speaks.get_task(sent.id).parse(task | extra) == speaks.get_task(sent.id).parse(task)
    body = views.whole_session(world, session, ORIGIN)
    read_session = first_call(speaks.get_session(session.id)).parse
    assert read_session(body | extra) == read_session(body)
    assert speaks.get_account().parse(views.account(world) | extra) == speaks.get_account().parse(views.account(world))


@pytest.mark.parametrize("contract", ["v2-nested", "v2-flat"])
def test_what_is_missing_because_it_may_be_does_not_break_a_reader(contract: Contract) -> None:
    body = {"id": A_TASK, "sessionId": A_TASK, "status": "started", "metadata": None, "steps": None}

    task = CONTRACTS[contract].get_task(A_TASK).parse(body)

    assert (task.metadata, task.steps, task.output, task.is_success) == ({}, (), None, None)


@pytest.mark.parametrize("time", ["2026-03-01T12:00:00", "2026-03-01T12:00:00Z", "2026-03-01T13:00:00+01:00"])
def test_times_are_utc_whether_or_not_they_say_so(time: str) -> None:
    body = {"id": A_TASK, "status": "finished", "finishedAt": time}

    assert V2_FLAT.get_task_state(A_TASK).parse(body).finished_at == NOON


@pytest.mark.parametrize(
    ("status", "finished_at", "has_ended"),
    [
        ("created", None, False),
        ("started", None, False),
        ("paused", None, False),
        ("finished", None, True),
        ("failed", None, True),
        ("stopped", None, True),
        ("hibernating", None, False),
        ("abandoned", NOON, True),
    ],
)
def test_a_task_has_ended_by_its_status_or_if_that_is_unknown_by_its_end(
    status: str, finished_at: datetime | None, has_ended: bool
) -> None:
    assert TaskState(id=A_TASK, status=status, finished_at=finished_at).has_ended is has_ended


@pytest.mark.parametrize("body", [None, [], "ok", {}, {"id": A_TASK}, {"id": A_TASK, "status": None}])
def test_what_is_no_task_is_not_taken_for_one(body: Any) -> None:
    with pytest.raises((ValidationError, KeyError, TypeError, AttributeError, ValueError)):
        V2_FLAT.get_task_state(A_TASK).parse(body)
