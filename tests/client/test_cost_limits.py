"""What a task may cost: the wait stops it where the server reports the cost and sees to nothing itself."""

from __future__ import annotations

from dataclasses import replace

import pytest

from browser_use_client import CostLimitReachedError, CreatedTask, CreateTaskRequest, Task, UnsupportedOptionError
from browser_use_client.effects import Call, Flow
from browser_use_client.flows.wait import wait
from tests.client.conftest import Client
from tests.client.flows.creating import creation, finish
from tests.client.in_memory import InMemory
from tests.fake_api import FakeApi

DEAR = CreateTaskRequest(task="Read all orders", max_cost_usd="0.50")


@pytest.fixture
def contract() -> str:
    return "v2-flat"


def test_a_task_that_costs_more_than_it_may_is_stopped_and_the_error_says_so(client: Client, fake: FakeApi) -> None:
    fake.script(status=None, spending=0.01)

    with pytest.raises(
        CostLimitReachedError, match=r"has cost 0\.\d+ US dollars so far, and 0\.50 is its limit"
    ) as end:
        client.run_task(DEAR)

    [task] = fake.tasks()
    assert (end.value.task_id, end.value.stopped, task["status"]) == (task["id"], True, "stopped")
    assert str(end.value).endswith("It was stopped.")
    assert [session["status"] for session in fake.sessions()] == ["stopped"]


@pytest.mark.parametrize("keep_session", [False, True])
def test_a_task_that_stays_below_its_limit_ends_by_itself(client: Client, fake: FakeApi, *, keep_session: bool) -> None:
    fake.script(seconds=40.0, spending=0.01)

    assert client.run_task(DEAR, keep_session=keep_session).status == "finished"


def test_the_limit_is_kept_where_steps_are_told_and_where_the_wait_is_another_call(
    client: Client, fake: FakeApi
) -> None:
    fake.script(status=None, spending=0.01)

    with pytest.raises(CostLimitReachedError):
        client.run_task(DEAR, on_step=lambda _: None)
    with pytest.raises(CostLimitReachedError):
        client.wait_for_task(client.create_task(DEAR))


def test_who_reattaches_keeps_the_limit(client: Client, fake: FakeApi) -> None:
    fake.script(status=None, spending=0.01)
    client.create_task(DEAR, key="k")

    with pytest.raises(CostLimitReachedError):
        client.run_task(DEAR, key="k")

    assert len(fake.tasks()) == 1


def test_one_that_ends_while_it_is_being_stopped_is_a_result() -> None:
    server = InMemory("v2-flat")
    server.script(status=None, spending=0.01)
    created = server.run(replace(creation(server), request=DEAR).create())
    waiting = server.steps(waited_for(server, created))
    while not (isinstance(effect := next(waiting), Call) and effect.method == "PATCH"):
        pass
    server.world.end(server.world.tasks[created.id], "finished")

    [task] = finish([waiting])

    assert task.status == "finished"


def waited_for(server: InMemory, created: CreatedTask) -> Flow[Task]:
    return wait(
        server.contract,
        created,
        deadline=None,
        poll_interval=None,
        on_step=None,
        on_live_url=None,
        stop_on_timeout=True,
        max_failures=10,
        clock=server.clock,
    )


def test_one_that_cannot_be_stopped_may_still_cost(client: Client, fake: FakeApi) -> None:
    fake.script(status=None, spending=0.01)
    fake.fault("PATCH", "/tasks/*", status=503, times=None)

    with pytest.raises(CostLimitReachedError, match="It may still run and cost, since it could not be stopped") as end:
        client.run_task(DEAR)

    assert not end.value.stopped
    fake.clear()


@pytest.mark.parametrize("contract", ["v2-nested"])
def test_a_contract_that_does_not_say_what_a_task_costs_refuses_the_limit(client: Client, fake: FakeApi) -> None:
    with pytest.raises(UnsupportedOptionError, match=r"`max_cost_usd`.* v2-nested.*Limit the agent's steps"):
        client.run_task(DEAR)

    assert fake.requests() == []
