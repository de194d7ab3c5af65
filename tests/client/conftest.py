"""Every case of the client runs with both drivers and in every contract, over real sockets, in the fake's time."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from browser_use_client import AsyncBrowserUseClient, BrowserUseClient
from tests.client.in_memory import SPOKEN
from tests.fake_api import FakeApi

settings.register_profile(
    "tests", deadline=None, max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
settings.load_profile("tests")

Client = Any
"""A `BrowserUseClient`, or an async one behind `Awaited`."""


class Awaited:
    """An async client that can be called like the blocking one: the same cases run on both."""

    def __init__(self, client: AsyncBrowserUseClient, loop: asyncio.AbstractEventLoop) -> None:
        self._client = client
        self._loop = loop

    def __getattr__(self, name: str) -> Any:
        attribute = getattr(self._client, name)
        if not callable(attribute):
            return attribute

        def call(*args: Any, **kwargs: Any) -> Any:
            result = attribute(*args, **kwargs)
            if inspect.isasyncgen(result):
                return self._loop.run_until_complete(_all(result))
            return self._loop.run_until_complete(result)

        return call


async def _all(items: Any) -> list[Any]:
    return [item async for item in items]


def _of(fake: FakeApi) -> dict[str, Any]:
    return {"api_key": fake.api_key, "base_url": fake.base_url, "clock": fake.time}


class Blocking:
    """Makes blocking clients."""

    def __init__(self) -> None:
        self._clients: list[BrowserUseClient] = []

    def __call__(self, fake: FakeApi, **more: Any) -> Client:
        options: dict[str, Any] = {"sleep": fake.advance, **_of(fake), **more}
        self._clients.append(BrowserUseClient(**options))
        return self._clients[-1]

    def close(self) -> None:
        for client in self._clients:
            client.close()


class Asynchronous:
    """Makes clients for asyncio that can be called like the blocking one."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._clients: list[Awaited] = []

    def __call__(self, fake: FakeApi, *, sleep: Callable[[float], object] | None = None, **more: Any) -> Client:
        pause = sleep or fake.advance

        async def awaited_sleep(seconds: float) -> None:
            pause(seconds)
            await asyncio.sleep(0)

        options: dict[str, Any] = {"sleep": awaited_sleep, **_of(fake), **more}
        self._clients.append(Awaited(AsyncBrowserUseClient(**options), self._loop))
        return self._clients[-1]

    def close(self) -> None:
        for client in self._clients:
            client.aclose()
        self._loop.close()


@pytest.fixture(scope="session")
def _fakes() -> Iterator[dict[str, FakeApi]]:
    with ExitStack() as running:
        yield {contract: running.enter_context(FakeApi(contract)) for contract in SPOKEN}


@pytest.fixture(params=SPOKEN)
def contract(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def fake(_fakes: dict[str, FakeApi], contract: str) -> FakeApi:
    """A server that knows nothing yet."""
    fake = _fakes[contract]
    fake.clear()
    fake.advance(1)  # what was asked in the test before is another second's
    return fake


@pytest.fixture(scope="session", params=[Blocking, Asynchronous])
def connect(request: pytest.FixtureRequest) -> Iterator[Callable[..., Client]]:
    """Makes clients of a fake, of either driver, with what they are told beside its address."""
    made = request.param()
    yield made
    made.close()


@pytest.fixture(scope="session")
def _clients(connect: Callable[..., Client], _fakes: dict[str, FakeApi]) -> dict[str, Client]:
    return {contract: connect(fake, api_version=contract) for contract, fake in _fakes.items()}


@pytest.fixture
def client(_clients: dict[str, Client], fake: FakeApi, contract: str) -> Client:  # noqa: ARG001 - the fake is emptied
    """A client of the fake, told what that speaks."""
    return _clients[contract]
