"""One contender does one job in a process of its own, and prints what it took as a line of JSON.

Run by `benchmarks.client` with the interpreter that has the contender: ours, or the official SDK.
"""

from __future__ import annotations

import asyncio
import json
import resource
import sys
import time
from collections.abc import Awaitable
from math import inf
from typing import Any

Result = dict[str, Any]

WARM_UP = 20
"""Tasks before those that count."""


def at_once(contender: str, contract: Any, base_url: str, key: str, number: int, batches: int, rest: float) -> Result:
    """Tasks that have ended when they are first looked at: what the client itself takes for one, in the best batch.

    Before each batch it rests so many seconds, for a client that keeps to a number of requests a second.
    """
    if contender == "ours":
        from browser_use_client import BrowserUseClient

        run: Any = BrowserUseClient(key, base_url, api_version=contract).run_task
    elif contract == "v4":
        run = _run_by_hand(base_url, key)
    else:
        from browser_use_sdk.v2 import BrowserUse

        run = BrowserUse(api_key=key, base_url=base_url).run
    for _ in range(WARM_UP if rest == 0 else 1):
        run("warm up")
    best = {"wall": inf, "cpu": inf}
    for _ in range(batches):
        time.sleep(rest)
        wall, cpu = time.perf_counter(), time.process_time()
        for _ in range(number):
            run("x")
        took = {"wall": (time.perf_counter() - wall) / number, "cpu": (time.process_time() - cpu) / number}
        best = {figure: min(best[figure], took[figure]) for figure in best}
    return best


def _run_by_hand(base_url: str, key: str) -> Any:
    """What the SDK's v4 has to be asked for to get as much: the result, what happened, the files, no browser left."""
    from browser_use_sdk.v4 import BrowserUse

    sdk = BrowserUse(api_key=key, base_url=base_url)

    def run(prompt: str) -> Any:
        run = sdk.runs.wait_for_completion(sdk.runs.create(prompt).id)
        events, files = sdk.runs.events(run.id), sdk.workspaces.files(run.workspace_id)
        for browser in sdk.browsers.list(agent_session_id=run.session_id, filter_by="active").items:
            sdk.browsers.stop(browser.id)
        return run, events, files

    return run


def latency(contender: str, contract: Any, base_url: str, key: str, prompts: list[str]) -> Result:
    """Tasks of several lengths at the same time: seconds from their end on the server to their return."""
    if contender == "sdk":
        from browser_use_sdk.v2 import AsyncBrowserUse

        client = AsyncBrowserUse(api_key=key, base_url=base_url)

        async def run(prompt: str) -> Any:
            return await client.run(prompt)
    else:
        from browser_use_client import AsyncBrowserUseClient

        ours = AsyncBrowserUseClient(key, base_url, api_version=contract)

        async def run(prompt: str) -> Any:
            return await ours.run_task(prompt)

    async def late(prompt: str) -> float:
        task = await run(prompt)
        return time.time() - float(task.finished_at.timestamp())

    return {"late": asyncio.run(_gathered([late(prompt) for prompt in prompts]))}


def watch(contender: str, contract: Any, base_url: str, key: str, ids: list[str], ending: list[str]) -> Result:
    """Waits for many tasks until those have ended that are going to."""
    assert contender == "ours"
    from browser_use_client import AsyncBrowserUseClient

    async def watching() -> Result:
        async with AsyncBrowserUseClient(key, base_url, api_version=contract) as client:
            watcher = client.watcher()

            async def late(task_id: str) -> float:
                state = await watcher.wait(task_id)
                now = time.time()
                assert state.finished_at is not None
                return now - state.finished_at.timestamp()

            wall, cpu = time.perf_counter(), time.process_time()
            waits = [asyncio.create_task(watcher.wait(task_id)) for task_id in set(ids) - set(ending)]
            lates = await _gathered([late(task_id) for task_id in ending])
            result = {"late": lates, "wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu}
            for wait in waits:
                wait.cancel()
            await asyncio.gather(*waits, return_exceptions=True)
            return result | {"memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}

    return asyncio.run(watching())


def one_by_one(contender: str, contract: Any, base_url: str, key: str, ids: list[str]) -> Result:
    """One status call for each of many tasks, ten at a time: what a look at all of them takes without a watcher."""
    if contender == "sdk":
        from importlib import import_module

        sdk = import_module(f"browser_use_sdk.{contract[:2]}").AsyncBrowserUse(api_key=key, base_url=base_url)
        resource_of = sdk.runs if contract == "v4" else sdk.tasks

        def status(task_id: str) -> Awaitable[Any]:
            return resource_of.status(task_id)
    else:
        from browser_use_client import AsyncBrowserUseClient

        ours = AsyncBrowserUseClient(key, base_url, api_version=contract)

        def status(task_id: str) -> Awaitable[Any]:
            return ours._driver.run(ours._server.read(lambda contract: contract.get_task_state(task_id)))

    async def look() -> Result:
        left = iter(ids)

        async def work() -> None:
            for task_id in left:
                await status(task_id)

        wall, cpu = time.perf_counter(), time.process_time()
        await asyncio.gather(*(work() for _ in range(10)))
        return {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu}

    return asyncio.run(look())


async def _gathered(awaitables: list[Awaitable[float]]) -> list[float]:
    return list(await asyncio.gather(*awaitables))


JOBS = {job.__name__: job for job in (at_once, latency, watch, one_by_one)}

if __name__ == "__main__":
    order = json.load(sys.stdin)
    print(json.dumps(JOBS[order.pop("job")](**order)))
