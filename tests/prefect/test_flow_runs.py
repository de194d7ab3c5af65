"""How waits pause."""

from __future__ import annotations

import asyncio
import time

from prefect_browser_use.flow_runs import FlowRunWatch


def test_the_more_tasks_wait_in_a_process_the_longer_each_pauses() -> None:
    async def pause_together(number: int) -> float:
        start = time.monotonic()
        await asyncio.gather(*(FlowRunWatch().asleep(0.1) for _ in range(number)))
        return time.monotonic() - start

    assert asyncio.run(pause_together(300)) > 0.4
