"""What the interface of contracts promises, whichever contract keeps it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from browser_use_client import AgentProfile, BrowserSettings, CreateTaskRequest, InvalidRequestError
from browser_use_client.contracts import CONTRACTS, V2_FLAT, Contract
from browser_use_client.errors import UnsupportedOptionError
from tests.client.in_memory import InMemory

AN_ID = "3c90c3cc-0d44-4b50-8888-8dd25736052a"
KEY = "orders"

CAPABILITIES: dict[str, Callable[[Contract], object]] = {
    "start_session": lambda contract: Contract.start_session(contract, BrowserSettings()),
    "pause_task": lambda contract: Contract.pause_task(contract, AN_ID),
    "resume_task": lambda contract: Contract.resume_task(contract, AN_ID),
    "get_log_url": lambda contract: Contract.get_log_url(contract, AN_ID),
    "get_share": lambda contract: Contract.get_share(contract, AN_ID),
    "share_session": lambda contract: Contract.share_session(contract, AN_ID),
    "unshare_session": lambda contract: Contract.unshare_session(contract, AN_ID),
    "profiles": lambda contract: Contract.profiles(contract, AgentProfile),
    "get_account": lambda contract: Contract.get_account(contract),
}


@pytest.fixture(params=["v2-nested", "v2-flat"])
def server(request: pytest.FixtureRequest) -> InMemory:
    return InMemory(request.param)


@pytest.mark.parametrize("ask", CAPABILITIES.values(), ids=list(CAPABILITIES))
def test_what_a_contract_lacks_is_refused_by_its_name(ask: Callable[[Contract], object]) -> None:
    with pytest.raises(UnsupportedOptionError, match="the contract v2-flat, which has no such thing"):
        ask(V2_FLAT)


def test_what_is_refused_says_what_to_do_instead() -> None:
    with pytest.raises(UnsupportedOptionError, match=r"v2-nested.*Run the first task with `keep_session=True`"):
        CONTRACTS["v2-nested"].start_session(BrowserSettings())
    with pytest.raises(UnsupportedOptionError, match=r"AgentProfile.*v2-flat.*`agent_settings`"):
        V2_FLAT.profiles(AgentProfile)


def test_a_task_has_the_key_that_its_request_was_given_and_no_other(server: InMemory) -> None:
    request = server.contract.with_key(CreateTaskRequest(task="x", metadata={"team": "y"}), KEY)
    created = server.run(sent(server, request))

    [task] = server.run(listed(server)).items

    assert task.id == created.id
    assert task.has_key(KEY)
    assert not task.has_key(KEY[:3])
    assert not task.has_key(KEY + "2")


def test_a_request_that_holds_something_where_the_key_goes_is_refused(server: InMemory) -> None:
    with pytest.raises(InvalidRequestError, match="pass it as the idempotency key"):
        server.contract.with_key(CreateTaskRequest(task="x", metadata={"idempotency_key": "mine"}), KEY)


@pytest.mark.parametrize("page_size", [20, 100])
def test_a_list_is_read_to_its_end_and_no_further_whatever_the_size_of_its_pages(page_size: int) -> None:
    bodies = [
        {"items": [{"id": str(number)} for number in range(start, min(start + page_size, 230))]}
        for start in range(0, 230, page_size)
    ]
    cursor, numbers = None, []
    for body in bodies:
        call = V2_FLAT.list_sessions(cursor=cursor)
        numbers.append(call.params["pageNumber"])
        cursor = call.parse(body | {"totalItems": 230, "pageSize": page_size}).next

    assert numbers == list(range(1, len(bodies) + 1))
    assert cursor is None


def test_a_poll_that_follows_a_task_tells_only_the_steps_since_the_one_before(server: InMemory) -> None:
    server.script(status=None, steps=3)
    created = server.run(sent(server, CreateTaskRequest(task="x")))
    told: list[int] = []
    cursor = None
    for _ in range(8):
        progress = server.run(server.contract.follow(created.id, cursor))
        told += [step.number for step in progress.steps]
        cursor = progress.cursor

    assert told == sorted(set(told))
    assert told


def sent(server: InMemory, request: CreateTaskRequest) -> Any:
    return (yield server.contract.create_task(request))


def listed(server: InMemory) -> Any:
    return (yield server.contract.list_tasks())
