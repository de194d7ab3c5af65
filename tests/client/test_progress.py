"""Steps as they happen, for who looks from time to time."""

from __future__ import annotations

import pytest

from browser_use_client import BrowserUseClient
from tests.fake_api import FakeApi
from tests.fake_api.world import Contract


@pytest.mark.parametrize("contract", ["v2-nested", "v2-flat", "v4"])
def test_progress_tells_each_step_once(contract: Contract) -> None:
    with FakeApi(contract) as fake, BrowserUseClient(fake.api_key, fake.base_url, clock=fake.time) as client:
        fake.script(seconds=40.0, steps=4)
        task = client.create_task("x")
        told, cursor = [], None
        for _ in range(6):
            progress = client.get_progress(task, cursor)
            cursor = progress.cursor
            told += [step.number for step in progress.steps]
            fake.advance(10.0)
        assert told == [1, 2, 3, 4]
        assert progress.state.status == "finished"
