from __future__ import annotations

from collections.abc import Callable

from tests.client.conftest import Client
from tests.fake_api import FakeApi


def test_every_request_is_counted_and_every_wait_to_ask_again(
    connect: Callable[..., Client], fake: FakeApi, contract: str
) -> None:
    client = connect(fake, api_version=contract)
    fake.fault(at="poll", status=503, times=2)

    client.run_task("Read the orders", key="k")

    assert client.traffic.requests == len(fake.requests())
    assert client.traffic.retries == 2
