"""What a contract lacks can be asked, before it is asked for."""

from __future__ import annotations

import asyncio

import pytest

from browser_use_client import AsyncBrowserUseClient, BrowserUseClient
from browser_use_client.contracts import Capability
from tests.fake_api import FakeApi
from tests.fake_api.world import Contract


@pytest.mark.parametrize(
    ("contract", "capability", "lacks"),
    [
        ("v4", "metadata", True),
        ("v2-flat", "metadata", False),
        ("v2-nested", "starting sessions", True),
        ("v2-flat", "starting sessions", False),
    ],
)
def test_both_clients_say_what_the_contract_of_the_server_lacks(
    contract: Contract, capability: Capability, *, lacks: bool
) -> None:
    with FakeApi(contract) as fake:
        with BrowserUseClient(fake.api_key, fake.base_url) as client:
            assert client.lacks(capability) is lacks

        async def ask() -> bool:
            async with AsyncBrowserUseClient(fake.api_key, fake.base_url) as client:
                return await client.lacks(capability)

        assert asyncio.run(ask()) is lacks
