"""One contender runs one flow with many tasks in a process of its own, and prints what it took as a line of JSON.

Run by `benchmarks.prefect`: ours, or the official SDK in plain tasks.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import resource
import sys
import time
from functools import partial
from typing import Any

from browser_use_sdk.v2 import AsyncBrowserUse, BrowserUse
from prefect import flow, task

from prefect_browser_use import arun_browser_task, run_browser_task


class Requests(logging.Handler):
    """Counts the requests of this process: the contenders and Prefect's own client are all httpx's, which logs them."""

    def __init__(self) -> None:
        super().__init__()
        self.number = 0
        log = logging.getLogger("httpx")
        log.setLevel(logging.INFO)
        log.propagate = False
        log.addHandler(self)

    def emit(self, record: logging.LogRecord) -> None:  # noqa: ARG002 - a handler's signature
        self.number += 1


def calls_of(contender: str) -> tuple[Any, Any]:
    """How a task is submitted, and how it is awaited."""
    if contender != "sdk":
        options = {} if contender == "ours" else {"artifacts": False}
        return partial(run_browser_task.submit, "x", **options), partial(arun_browser_task, "x", **options)
    base_url = os.environ["BROWSER_USE_BASE_URL"]
    client, async_client = BrowserUse(base_url=base_url), AsyncBrowserUse(base_url=base_url)

    @task
    def run(prompt: str) -> Any:
        return client.run(prompt).output

    @task
    async def arun(prompt: str) -> Any:
        return (await async_client.run(prompt)).output

    return partial(run.submit, "x"), partial(arun, "x")


def main(contender: str, shape: str, number: int) -> dict[str, Any]:
    """Runs a flow with so many tasks at once."""
    submit, call = calls_of(contender)

    @flow
    def submitted() -> int:
        futures = [submit() for _ in range(number)]
        return sum(isinstance(future.result(raise_on_failure=False), Exception) for future in futures)

    @flow
    async def gathered() -> int:
        ended = await asyncio.gather(*(call() for _ in range(number)), return_exceptions=True)
        return sum(isinstance(one, BaseException) for one in ended)

    requests = Requests()
    wall, cpu = time.perf_counter(), time.process_time()
    failed = submitted() if shape == "submitted" else asyncio.run(gathered())
    return {
        "wall": time.perf_counter() - wall,
        "cpu": time.process_time() - cpu,
        "memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "requests": requests.number,
        "failed": failed,
    }


if __name__ == "__main__":
    print(json.dumps(main(**json.load(sys.stdin))))
