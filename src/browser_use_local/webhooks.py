"""Tells a webhook what becomes of tasks, signed as the cloud signs, and keeps a log of what was delivered."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import logging
import time
from collections.abc import Mapping
from typing import Any

import httpx

from browser_use_local.records import Delivery, Task, now
from browser_use_local.settings import Revision, Settings
from browser_use_local.store import Store

logger = logging.getLogger(__name__)

ANSWERS_WITHIN = 10.0
WAITS_BEFORE_TRYING_AGAIN = (0.5, 2.0, 5.0)


def signature(body: Mapping[str, Any], revision: Revision, timestamp: str, secret: str) -> str:
    """The signature of a call: `v2-nested` signs the payload, `v2-flat` the whole body."""
    signed = body["payload"] if revision == "v2-nested" else body
    message = f"{timestamp}.{json.dumps(signed, sort_keys=True, separators=(',', ':'))}"
    return hmac.new(secret.encode(), message.encode(), hashlib.sha256).hexdigest()


class Webhooks:
    """Calls the webhook, one call after the other, so that news comes in order.

    Args:
        settings: The address and the secret.
        store: Where the log of deliveries is.
    """

    def __init__(self, settings: Settings, store: Store) -> None:
        self._url = settings.webhook_url
        self._secret = settings.webhook_secret or ""
        self._store = store
        self._news: asyncio.Queue[Task] = asyncio.Queue()

    def tell(self, task: Task) -> None:
        """Tells that a task has a new status."""
        if self._url:
            self._news.put_nowait(task)

    async def deliver(self) -> None:
        """Delivers what there is to tell, until it is cancelled."""
        if not self._url:
            return
        async with httpx.AsyncClient(timeout=ANSWERS_WITHIN) as client:
            while True:
                await self._deliver(client, self._url, await self._news.get())

    async def _deliver(self, client: httpx.AsyncClient, url: str, task: Task) -> None:
        payload = {
            "task_id": task.id,
            "session_id": task.session_id,
            "status": task.status,
            "metadata": task.metadata,
        }
        body = {"type": "agent.task.status_update", "timestamp": now(), "payload": payload}
        for attempt, wait in enumerate((*WAITS_BEFORE_TRYING_AGAIN, None), start=1):
            timestamp = str(int(time.time()))
            headers = {
                "Content-Type": "application/json",
                "X-Browser-Use-Timestamp": timestamp,
                "X-Browser-Use-Signature": signature(body, task.revision, timestamp, self._secret),
            }
            try:
                answer = await client.post(url, content=json.dumps(body), headers=headers)
                result = str(answer.status_code)
                delivered = answer.is_success
            except httpx.HTTPError as error:
                result = type(error).__name__
                delivered = False
            self._store.add(Delivery(task_id=task.id, status=task.status, attempt=attempt, result=result))
            if delivered:
                return
            if wait is None:
                logger.warning("the webhook was not told that task %s is %s: %s", task.id, task.status, result)
                return
            await asyncio.sleep(wait)
