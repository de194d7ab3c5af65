"""One client and one watcher for all triggers of a process that wait at the same server."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import browser_use_client
from airflow_browser_use.hooks import BrowserUseHook

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Hashable

    from browser_use_client import AsyncBrowserUseClient
    from browser_use_client.watcher import TaskWatcher


@dataclass
class Watch:
    """What the triggers of one connection share.

    Attributes:
        client: The client.
        watcher: Sees when tasks have ended: with one request for a hundred of them, when there are many.
        triggers: How many share it now.
    """

    client: AsyncBrowserUseClient
    watcher: TaskWatcher
    triggers: int = 0


_WATCHES: dict[Hashable, Watch] = {}


@asynccontextmanager
async def shared_watch(browser_use_conn_id: str, poll_interval: float | None) -> AsyncIterator[Watch]:
    """The watch for a connection, made by the first trigger that asks and closed by the last one that leaves.

    Args:
        browser_use_conn_id: The connection. Triggers share while its settings are the same.
        poll_interval: Seconds between polls, or None to begin quick and slow down.
    """
    settings = await BrowserUseHook(browser_use_conn_id).get_async_settings()
    key = (asyncio.get_running_loop(), poll_interval, *settings.values())
    if key not in _WATCHES:
        client = browser_use_client.AsyncBrowserUseClient(**settings)
        _WATCHES[key] = Watch(client, client.watcher(poll_interval=poll_interval))
    watch = _WATCHES[key]
    watch.triggers += 1
    try:
        yield watch
    finally:
        watch.triggers -= 1
        if not watch.triggers:
            del _WATCHES[key]
            await watch.client.aclose()
