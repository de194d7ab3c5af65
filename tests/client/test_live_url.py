"""The live URL, which may come some time after the task: both clients, over real sockets."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from browser_use_client import AsyncBrowserUseClient, TaskTimeoutError
from tests.client.conftest import Client
from tests.fake_api import FakeApi


def session_requests(fake: FakeApi) -> int:
    return len(fake.requests(at="live view"))


@pytest.mark.parametrize("with_steps", [False, True])
@pytest.mark.parametrize("unseen", [0.0, 1.0, 45.0])
def test_it_is_told_once_as_soon_as_the_server_shows_it(
    client: Client, fake: FakeApi, unseen: float, with_steps: bool
) -> None:
    fake.script(seconds=120.0, unseen=unseen)
    told: list[tuple[str, float]] = []
    began = fake.time()

    def tell(url: str) -> None:
        told.append((url, fake.time() - began))

    task = client.run_task("x", on_live_url=tell, on_step=(lambda _: None) if with_steps else None)

    [(url, seconds)] = told
    assert url.endswith(f"/live/{task.session_id}")
    assert seconds <= 2 * unseen + 5


def test_it_is_asked_for_once_more_after_the_first_step(client: Client, fake: FakeApi) -> None:
    fake.script(seconds=100.0, steps=4, unseen=24.9)  # the first step is there after 25 seconds
    told: list[float] = []
    began = fake.time()

    client.run_task("x", on_step=lambda _: None, on_live_url=lambda _: told.append(fake.time() - began))

    assert len(told) == 1
    assert told[0] <= 28


def test_a_server_that_never_shows_it_is_asked_less_and_less_often(client: Client, fake: FakeApi) -> None:
    fake.script(seconds=3600.0, unseen=1e6)
    told: list[str] = []

    client.run_task("x", on_live_url=told.append)

    assert told == []
    assert session_requests(fake) <= 13


def test_it_costs_no_request_where_nobody_wants_to_know(client: Client, fake: FakeApi) -> None:
    fake.script(seconds=60.0)

    client.run_task("x", keep_session=True)

    assert session_requests(fake) == 0


@pytest.mark.parametrize("answer", [{"status": 500}, {"status": 404}, {"garbage": "<html>"}, {}])
def test_a_session_that_cannot_be_read_is_no_reason_to_give_its_task_up(
    client: Client, fake: FakeApi, answer: dict[str, Any]
) -> None:
    fake.script(seconds=60.0, unseen=1e6)
    fake.fault(at="live view", times=None, **answer)

    assert client.run_task("x", on_live_url=print).status == "finished"


def test_a_wait_for_a_task_by_its_id_tells_it_too(client: Client, fake: FakeApi) -> None:
    fake.script(seconds=60.0, unseen=10.0)
    created = client.create_task("x")
    told: list[str] = []

    client.wait_for_task(created.id, on_live_url=told.append)

    assert [url.rpartition("/")[2] for url in told] == [created.session_id]


def test_asking_for_it_does_not_overrun_the_deadline(client: Client, fake: FakeApi) -> None:
    fake.script(status=None, unseen=1e6)
    began = fake.time()

    with pytest.raises(TaskTimeoutError):
        client.run_task("x", timeout=30, on_live_url=print)

    assert fake.time() - began == pytest.approx(30)


def test_an_async_client_awaits_who_is_told(fake: FakeApi, contract: Any) -> None:
    fake.script(seconds=60.0, unseen=1.0)
    told: list[str] = []

    async def sleep(seconds: float) -> None:
        fake.advance(seconds)
        await asyncio.sleep(0)

    async def tell(url: str) -> None:
        await asyncio.sleep(0)
        told.append(url)

    async def scenario() -> None:
        async with AsyncBrowserUseClient(
            fake.api_key, fake.base_url, api_version=contract, sleep=sleep, clock=fake.time
        ) as client:
            await client.run_task("x", on_live_url=tell)

    asyncio.run(scenario())

    assert len(told) == 1
