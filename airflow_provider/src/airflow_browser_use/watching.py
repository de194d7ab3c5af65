"""One client and one watcher for all triggers of a process that wait at the same server."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import browser_use_client
from airflow_browser_use import metrics
from airflow_browser_use.hooks import BrowserUseHook
from browser_use_client import Traffic

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Hashable
    from typing import Any

    from browser_use_client import AsyncBrowserUseClient
    from browser_use_client.watcher import TaskWatcher


@dataclass
class Watch:
    """What the triggers of one connection share.

    Attributes:
        client: The client.
        watcher: Sees when tasks have ended: with one request for a hundred of them, when there are many.
        triggers: How many share it now.
        counted: What Airflow's metrics know of its requests.
    """

    client: AsyncBrowserUseClient
    watcher: TaskWatcher
    triggers: int = 0
    counted: Traffic = field(default_factory=Traffic)

    def count_requests(self, browser_use_conn_id: str) -> None:
        """Tell Airflow's metrics of the requests since the last time."""
        now = replace(self.client.traffic)
        since = Traffic(now.requests - self.counted.requests, now.retries - self.counted.retries)
        self.counted = now
        metrics.count_requests({"browser_use_conn_id": browser_use_conn_id}, since)


_WATCHES: dict[Hashable, Watch] = {}
_SETTINGS_READS: dict[Hashable, asyncio.Task[dict[str, Any]]] = {}


@asynccontextmanager
async def shared_watch(
    browser_use_conn_id: str, poll_interval: float | None, api_version: str | None = None
) -> AsyncIterator[Watch]:
    """The watch for a connection, made by the first trigger that asks and closed by the last one that leaves.

    Args:
        browser_use_conn_id: The connection. Triggers share while its settings are the same.
        poll_interval: Seconds between polls, or None to begin quick and slow down.
        api_version: What the server speaks, where that is known: a watch that is made need not ask.
    """
    settings = await _settings(browser_use_conn_id)
    if api_version:
        settings = {**settings, "api_version": api_version}
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
        watch.count_requests(browser_use_conn_id)
        if not watch.triggers:
            del _WATCHES[key]
            await watch.client.aclose()


async def _settings(browser_use_conn_id: str) -> dict[str, Any]:
    """The settings of a connection: one look-up for all who ask while it is under way.

    Each takes several calls to the triggerer's supervisor, which takes them one by one: a thousand triggers that start
    together would wait for minutes.
    """
    key = (asyncio.get_running_loop(), browser_use_conn_id)
    if key not in _SETTINGS_READS:
        _SETTINGS_READS[key] = asyncio.create_task(BrowserUseHook(browser_use_conn_id).get_async_settings())
        _SETTINGS_READS[key].add_done_callback(lambda _: _SETTINGS_READS.pop(key))
    return await asyncio.shield(_SETTINGS_READS[key])
