"""The question which contract a server speaks, where many ask it."""

from __future__ import annotations

from uuid import uuid4

import pytest

from browser_use_client.effects import Call, Sleep
from browser_use_client.errors import AuthenticationError
from browser_use_client.flows.contract import ANSWER_TIMEOUT_SECONDS, contract_of
from tests.client.flows.creating import finish
from tests.client.in_memory import SPOKEN, InMemory

QUESTION = "GET /billing/account"


@pytest.fixture(params=[one for one in SPOKEN if one.startswith("v2")])
def server(request: pytest.FixtureRequest) -> InMemory:
    return InMemory(request.param)


@pytest.fixture
def base_url() -> str:
    """An address that was never asked before."""
    return f"http://{uuid4()}.test/api/v2"


def test_of_many_that_ask_at_the_same_time_one_does_and_all_have_its_answer(server: InMemory, base_url: str) -> None:
    asking = [server.steps(contract_of(base_url, "auto")) for _ in range(3)]

    assert [type(next(flow)) for flow in asking] == [Call, Sleep, Sleep]
    assert finish(asking, order=[1, 2, 1, 0, 2, 1]) == [server.contract] * 3
    assert server.trace.count(QUESTION) == 1


def test_who_waited_for_one_that_gets_no_answer_asks_for_itself(server: InMemory, base_url: str) -> None:
    first, second = (server.steps(contract_of(base_url, "auto")) for _ in range(2))
    server.fault("GET", "/billing/account", status=401, times=1)
    next(first), next(second)

    with pytest.raises(AuthenticationError):
        finish([first])

    assert finish([second]) == [server.contract]


def test_who_waited_for_one_that_is_cancelled_asks_for_itself(server: InMemory, base_url: str) -> None:
    first, second = (server.steps(contract_of(base_url, "auto")) for _ in range(2))
    next(first), next(second)
    first.close()

    assert finish([second]) == [server.contract]


def test_who_waits_for_one_that_hangs_asks_for_itself_in_the_end(server: InMemory, base_url: str) -> None:
    hanging, waiting = (server.steps(contract_of(base_url, "auto")) for _ in range(2))
    next(hanging)

    assert finish([waiting]) == [server.contract]
    assert sum(server.sleeps) == pytest.approx(ANSWER_TIMEOUT_SECONDS)
    assert server.trace.count(QUESTION) == 1
