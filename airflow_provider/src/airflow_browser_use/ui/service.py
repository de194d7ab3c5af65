"""What the browser service says of remote tasks, at the moment somebody looks. Kept for no longer than that."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import browser_use_client
from airflow_browser_use.hooks import BrowserUseHook
from browser_use_client import BrowserUseError

if TYPE_CHECKING:
    from collections.abc import Collection

    from airflow_browser_use.pages import PageRecord
    from browser_use_client import AsyncBrowserUseClient, Session, Task

LOOK_SECONDS = 8.0
"""How long a page waits for the service at most."""

SHARED_SECONDS = 2.0
"""For how long people who look at the same task share an answer: it is asked no more often, however many look."""


@dataclass(frozen=True)
class Look:
    """What the service said; `problem` says why it said nothing."""

    task: Task | None = None
    session: Session | None = None
    problem: str | None = None


_LOOKS: dict[PageRecord, tuple[float, asyncio.Task[Look]]] = {}


async def look(record: PageRecord) -> Look:
    """A remote task with its steps, and its session."""
    return (await look_at_all([record]))[record]


async def look_at_all(records: Collection[PageRecord], seconds: float = LOOK_SECONDS) -> dict[PageRecord, Look]:
    """The same for many, at once; what takes longer than so many seconds is not waited for."""
    now = time.monotonic()
    for record in [record for record, (since, _) in _LOOKS.items() if now - since >= SHARED_SECONDS]:
        del _LOOKS[record]
    by_connection = defaultdict(list)
    for record in records:
        if record not in _LOOKS:
            by_connection[record.conn_id].append(record)
    for conn_id, asked in by_connection.items():
        answers = asyncio.create_task(_ask(conn_id, asked, seconds))
        for record in asked:
            _LOOKS[record] = (now, asyncio.create_task(_one_of(answers, record)))
    # Shielded: whoever leaves takes the answer from nobody else.
    answered = await asyncio.gather(*(asyncio.shield(_LOOKS[record][1]) for record in records))
    return dict(zip(records, answered, strict=True))


async def settings_of(conn_id: str) -> dict[str, Any]:
    """What clients of a connection are made with; see `BrowserUseHook`."""
    settings: dict[str, Any] = await asyncio.to_thread(lambda: BrowserUseHook(conn_id).settings)
    return settings


async def _one_of(answers: asyncio.Task[dict[PageRecord, Look]], record: PageRecord) -> Look:
    return (await answers)[record]


async def _ask(conn_id: str, records: Collection[PageRecord], seconds: float) -> dict[PageRecord, Look]:
    try:
        client = browser_use_client.AsyncBrowserUseClient(**await settings_of(conn_id))
    except Exception as error:  # noqa: BLE001 - of whichever secrets backend; the page says what is wrong
        return dict.fromkeys(records, Look(problem=str(error) or type(error).__name__))
    async with client:
        looks = await asyncio.gather(*(_within(seconds, client, record) for record in records))
    return dict(zip(records, looks, strict=True))


async def _within(seconds: float, client: AsyncBrowserUseClient, record: PageRecord) -> Look:
    try:
        return await asyncio.wait_for(_look(client, record), seconds)
    except asyncio.TimeoutError:
        return Look(problem=f"{client.base_url} did not answer within {seconds:g} seconds.")
    except BrowserUseError as error:
        return Look(problem=str(error))


async def _look(client: AsyncBrowserUseClient, record: PageRecord) -> Look:
    task, session_id = None, record.session_id
    if record.task_id is not None:
        task = await client.get_task(record.task_id)
        session_id = task.session_id
    return Look(task, await client.get_session(session_id) if session_id else None)
