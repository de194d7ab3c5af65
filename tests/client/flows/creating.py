"""How the tests create tasks: one caller, or several in turns."""

from __future__ import annotations

from collections.abc import Generator
from datetime import datetime, timedelta, timezone
from typing import Any, TypeVar

from browser_use_client.asked import succeeded
from browser_use_client.flows.create import Creation
from browser_use_client.models import BrowserSettings, CreatedTask, CreateTaskRequest
from tests.client.in_memory import InMemory

T = TypeVar("T")

KEY = "orders-2026-03-01"


def creation(server: InMemory, *, returning: bool = True, session_id: str | None = None, **options: Any) -> Creation:
    defaults: dict[str, Any] = {
        "keep_session": False,
        "wait_when_busy": 0.0,
        "accept": succeeded,
        "key": KEY,
        "files": (),
        "after": datetime.fromtimestamp(server.clock(), timezone.utc) - timedelta(days=7),
    }
    return Creation(
        contract=server.contract,
        request=CreateTaskRequest(task="Read the orders", browser_settings=BrowserSettings(session_id=session_id)),
        returning=returning,
        clock=server.clock,
        server_clock=server.server_clock,
        **defaults | options,
    )


def create(server: InMemory, **options: Any) -> CreatedTask:
    return server.run(creation(server, **options).create())


def finish(flows: list[Generator[Any, None, T]], order: list[int] | None = None) -> list[T]:
    """Runs flows in turns: each number is who goes next."""
    results: dict[int, T] = {}
    turns = iter(order or [])
    while len(results) < len(flows):
        running = [number for number in range(len(flows)) if number not in results]
        number = running[next(turns, 0) % len(running)]
        try:
            next(flows[number])
        except StopIteration as end:
            results[number] = end.value
    return [results[number] for number in range(len(flows))]
