"""Pictures of the steps, by way of the API server: the reader's browser need not reach the service, nor be let to."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import httpx

from airflow_browser_use.ui.service import LOOK_SECONDS, look, settings_of
from browser_use_client import BrowserUseError
from browser_use_client.settings import Settings

if TYPE_CHECKING:
    from airflow_browser_use.pages import PageRecord

MAX_PICTURE_BYTES = 10_000_000
PICTURE_TYPES = {"image/jpeg", "image/png", "image/webp", "image/gif"}


async def picture_of_step(record: PageRecord, number: int) -> tuple[bytes, str] | None:
    """The picture of a step and its media type; None if there is none, or none that comes within `LOOK_SECONDS`."""
    task = (await look(record)).task
    url = next((step.screenshot_url for step in task.steps if step.number == number), None) if task else None
    if not url or not url.startswith(("http://", "https://")):
        return None
    try:
        return await asyncio.wait_for(_fetch(url, await settings_of(record.conn_id)), LOOK_SECONDS)
    except (httpx.HTTPError, httpx.InvalidURL, BrowserUseError, asyncio.TimeoutError):
        return None


async def _fetch(url: str, connection: dict[str, Any]) -> tuple[bytes, str] | None:
    """Through the connection's proxy, but without its key: pictures are in a store of files."""
    settings = Settings(**connection)
    async with (
        httpx.AsyncClient(**settings.file_options(settings.proxy_to(url))) as http,
        http.stream("GET", url) as response,
    ):
        media_type = response.headers.get("Content-Type", "").partition(";")[0]
        if response.is_error or media_type not in PICTURE_TYPES:
            return None
        content = bytearray()
        async for piece in response.aiter_bytes():
            content += piece
            if len(content) > MAX_PICTURE_BYTES:
                return None
        return bytes(content), media_type
