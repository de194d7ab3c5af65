"""Tells a webhook what becomes of tasks, signed as the cloud signs, and keeps a log of what was delivered."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import hmac
import json
import logging
import sqlite3
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

import httpx

from browser_use_local.records import Delivery, Notice, Task
from browser_use_local.settings import Revision, Settings
from browser_use_local.store import Store

logger = logging.getLogger(__name__)

CALL_TIMEOUT_SECONDS = 10.0
RETRY_PAUSES_SECONDS = (0.5, 2.0, 5.0)
LAST_CALLS_TIMEOUT_SECONDS = 2.0


def signature(body: Mapping[str, Any], revision: Revision, timestamp: str, secret: str) -> str:
    """The signature of a call: `v2-nested` signs the payload, `v2-flat` the whole body."""
    signed = body["payload"] if revision == "v2-nested" else body
    message = f"{timestamp}.{json.dumps(signed, sort_keys=True, separators=(',', ':'))}"
    return hmac.new(secret.encode(), message.encode(), hashlib.sha256).hexdigest()


class Webhooks:
    """Calls the webhook: what there is to tell of one task in order, and tasks independently of one another.

    What is still to be told stands in the database until it was, or was tried often enough: also a server that was
    killed tells it, when it is started again.

    Args:
        settings: The URL and the secret.
        store: Where the notices are, and the log of deliveries.
    """

    def __init__(self, settings: Settings, store: Store) -> None:
        self._url = settings.webhook_url
        self._secret = settings.webhook_secret or ""
        self._store = store
        # A receiver that is slow must not keep the next call from a connection.
        self._client = httpx.AsyncClient(timeout=CALL_TIMEOUT_SECONDS, limits=httpx.Limits(max_connections=None))
        self._notices: dict[str, deque[Notice]] = {}
        self._telling: set[asyncio.Task[None]] = set()

    @contextlib.asynccontextmanager
    async def delivering(self) -> AsyncIterator[Webhooks]:
        """Delivers what there is to tell; at the end, what can be delivered within a moment."""
        async with self._client:
            if self._url:
                for notice in self._store.select(Notice, {}, order="at"):
                    self._queue(notice)
            try:
                yield self
            finally:
                if self._telling:
                    await asyncio.wait(self._telling, timeout=LAST_CALLS_TIMEOUT_SECONDS)
                for job in self._telling:
                    job.cancel()
                await asyncio.gather(*self._telling, return_exceptions=True)

    def tell(self, task: Task) -> None:
        """Tells that a task has a new status."""
        if not self._url:
            return
        notice = Notice(
            task_id=task.id,
            session_id=task.session_id,
            revision=task.revision,
            status=task.status,
            metadata=task.metadata,
        )
        try:
            self._store.add(notice)
        except sqlite3.Error as error:
            logger.warning("that task %s is %s is told, but could not be written: %s", task.id, task.status, error)
        self._queue(notice)

    def _queue(self, notice: Notice) -> None:
        if waiting := self._notices.get(notice.task_id):
            waiting.append(notice)
            return
        self._notices[notice.task_id] = deque([notice])
        job = asyncio.create_task(self._tell_of(notice.task_id))
        self._telling.add(job)
        job.add_done_callback(self._telling.discard)

    async def _tell_of(self, task_id: str) -> None:
        """Delivers what there is to tell of one task."""
        waiting = self._notices[task_id]
        while waiting:
            await self._deliver(waiting[0])
            self._note(self._store.delete, Notice, id=waiting.popleft().id)
        del self._notices[task_id]

    async def _deliver(self, notice: Notice) -> None:
        payload = {
            "task_id": notice.task_id,
            "session_id": notice.session_id,
            "status": notice.status,
            "metadata": notice.metadata,
        }
        body = {"type": "agent.task.status_update", "timestamp": notice.at, "payload": payload}
        for attempt, wait in enumerate((*RETRY_PAUSES_SECONDS, None), start=1):
            result, delivered = await self._call(body, notice.revision)
            delivery = Delivery(task_id=notice.task_id, status=notice.status, attempt=attempt, result=result)
            self._note(self._store.add, delivery)
            if delivered:
                return
            if wait is None:
                logger.warning("the webhook was not told that task %s is %s: %s", notice.task_id, notice.status, result)
                return
            await asyncio.sleep(wait)

    async def _call(self, body: Mapping[str, Any], revision: Revision) -> tuple[str, bool]:
        """One call. Returns what was answered, or what went wrong, and whether it was taken."""
        timestamp = str(int(time.time()))
        headers = {
            "Content-Type": "application/json",
            "X-Browser-Use-Timestamp": timestamp,
            "X-Browser-Use-Signature": signature(body, revision, timestamp, self._secret),
        }
        try:
            # httpx bounds each read, and a receiver may answer letter by letter.
            call = self._client.post(self._url or "", content=json.dumps(body), headers=headers)
            answer = await asyncio.wait_for(call, CALL_TIMEOUT_SECONDS)
        except (httpx.HTTPError, asyncio.TimeoutError) as error:
            return type(error).__name__, False
        return str(answer.status_code), answer.is_success

    @staticmethod
    def _note(write: Callable[..., None], *record: Any, **where: Any) -> None:
        """Writes to the log of deliveries, if the disk has room for it."""
        try:
            write(*record, **where)
        except sqlite3.Error as error:
            logger.warning("the log of webhook deliveries could not be written: %s", error)
