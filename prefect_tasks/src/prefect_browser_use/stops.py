"""Stops what flow runs started, many at once, in the time that Prefect gives a process to end.

In threads: a coroutine that is cancelled may not await, since time-outs of Prefect's cancel each one again and
`asyncio.run` cancels clean-up that goes on at its end; and an event loop that one stop blocks makes no other.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import wait as wait_for
from typing import Any
from uuid import UUID

from browser_use_client import BrowserUseClient
from prefect_browser_use.credentials import BrowserUseCredentials
from prefect_browser_use.flow_runs import await_uncancelled

REQUESTS_AT_ONCE = 16
"""Requests that a process sends at the same time: 200 stops take 4 s where each is one request of 0.3 s."""

STOPS_AT_ONCE = 512
"""Stops that a process begins at the same time. One that waits for its turn lets others send: on v4, where 20 requests
a second may be sent and each stop takes three, all tasks are cancelled before most browsers are closed."""

STOP_GRACE_SECONDS = 20.0
"""What the stops of a flow run may take together. Prefect kills a process 30 s after it told it to end."""

STOP_REQUEST_SECONDS = 5.0
"""What one request of a stop may take."""

Log = logging.Logger | logging.LoggerAdapter[Any]

_threads = ThreadPoolExecutor(STOPS_AT_ONCE, thread_name_prefix="browser-use-stops")
_sending = threading.Semaphore(REQUESTS_AT_ONCE)
_rounds: dict[UUID | None, _Round] = {}
_lock = threading.Lock()


def stop_soon(
    what: str,
    stop: Callable[[BrowserUseClient], object],
    *,
    credentials: BrowserUseCredentials,
    flow_run_id: UUID | None,
    log: Log,
) -> Future[bool]:
    """Stops something in another thread, and tries again while there is time.

    Args:
        what: What it is, with its ids.
        stop: Stops it.
        credentials: Who asks.
        flow_run_id: Whose it is: what could not be stopped of one flow run is logged in one line.
        log: Where.

    Returns:
        Whether it was stopped.
    """
    with _lock:
        if flow_run_id not in _rounds:
            _rounds[flow_run_id] = _Round(flow_run_id, log)
        stops = _rounds[flow_run_id]
        stops.pending += 1
    try:
        return _threads.submit(stops.run, what, stop, credentials)
    except RuntimeError:  # the interpreter is shutting down, and starts no thread
        stopped: Future[bool] = Future()
        stopped.set_result(stops.run(what, stop, credentials))
        return stopped


def wait_for_stops(stops: Iterable[Future[bool]]) -> None:
    """Waits until they are made, or there is no more time."""
    wait_for(stops, STOP_GRACE_SECONDS + STOP_REQUEST_SECONDS)


async def await_stops(stops: Iterable[Future[bool]]) -> None:
    """As `wait_for_stops`, for asyncio, however often the coroutine is cancelled meanwhile."""
    await await_uncancelled(map(asyncio.wrap_future, stops), STOP_GRACE_SECONDS + STOP_REQUEST_SECONDS)


class _Round:
    """The stops of a flow run that are under way together."""

    def __init__(self, flow_run_id: UUID | None, log: Log) -> None:
        self.pending = 0
        self._flow_run_id = flow_run_id
        self._log = log
        self._end = time.monotonic() + STOP_GRACE_SECONDS
        self._clients: list[tuple[BrowserUseCredentials, BrowserUseClient]] = []
        self._failed: dict[str, Exception] = {}

    def run(self, what: str, stop: Callable[[BrowserUseClient], object], credentials: BrowserUseCredentials) -> bool:
        """Stops one thing."""
        try:
            with _sending:
                self._check_time(0)
                stop(self._client(credentials))
        except Exception as error:  # noqa: BLE001 - whatever it is, it is said what may still run
            self._failed[what] = error
            return False
        else:
            return True
        finally:
            with _lock:
                self.pending -= 1
                if is_last := not self.pending:
                    del _rounds[self._flow_run_id]
            if is_last:
                self._finish()

    def _client(self, credentials: BrowserUseCredentials) -> BrowserUseClient:
        """One for all stops of an account: connections are used again."""
        with _lock:
            for known, client in self._clients:
                if known == credentials:
                    return client
            client = credentials.get_client(timeout=STOP_REQUEST_SECONDS, sleep=self._pause)
            self._clients.append((credentials, client))
            return client

    def _pause(self, seconds: float) -> None:
        """Lets others send meanwhile."""
        self._check_time(seconds)
        _sending.release()
        try:
            time.sleep(seconds)
        finally:
            _sending.acquire()

    def _check_time(self, seconds: float) -> None:
        if time.monotonic() + seconds > self._end:
            raise TimeoutError(f"the server did not stop it within {STOP_GRACE_SECONDS:.0f} s")

    def _finish(self) -> None:
        for _, client in self._clients:
            client.close()
        if self._failed:
            *_, why = self._failed.values()
            self._log.warning(
                "%d could not be stopped; what still runs costs, so stop it: %s. The last error: %s",
                len(self._failed),
                ", ".join(self._failed),
                why,
            )
