"""Settling runs in the processes that see them end, the scheduler and the API server, which must not wait for it."""

from __future__ import annotations

import logging
import os
import queue
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from functools import partial
from typing import Generic, TypeVar

from airflow_browser_use.ended_runs import EndedRun, Runs, ended_within, find, this_one, traces_of
from airflow_browser_use.hooks import BrowserUseHook
from airflow_browser_use.settlement import settle

log = logging.getLogger(__name__)

T = TypeVar("T")

SETTLE_AFTER_SECONDS = 15.0
"""From the end of a run until it is settled: it is in the database by then, and workers and triggerers are done."""

SWEEP_SECONDS = 600.0
"""From one sweep of a scheduler to the next: what a browser costs meanwhile is less than a cent."""

LONGEST_BROWSER = timedelta(hours=4)
"""Browser Use Cloud stops every browser at this age, whatever it was asked for (its documentation of `keepAlive`)."""


class Settler:
    """Settles the runs that a process sees end; in a scheduler, also those that nobody could settle.

    Each connection has a thread of its own: a server that does not answer delays the runs of no other.
    """

    def __init__(self) -> None:
        self.pid = os.getpid()
        self._due = _Lane[tuple[float, Callable[[], object]]]("ended-runs", _when_due)
        self._connections: dict[str, _Lane[Runs]] = {}
        self._sweeper: threading.Thread | None = None
        self._settled: set[tuple[str, EndedRun]] = set()

    def settle_soon(self, dag_id: str, run_id: str) -> None:
        """Settle a run, after `SETTLE_AFTER_SECONDS`; returns at once."""
        self._soon(lambda: self._settle(find(this_one(dag_id, run_id))))

    def keep_sweeping(self) -> None:
        """Sweep after `SETTLE_AFTER_SECONDS`, and every `SWEEP_SECONDS` from then on; returns at once."""
        if self._sweeper is None:
            self._sweeper = threading.Thread(target=self._sweep_for_good, name="browser-use-sweeper", daemon=True)
            self._sweeper.start()

    def sweep(self, now: datetime) -> Mapping[str, Runs]:
        """Settle the runs whose browsers can still be open, apart from those that this process has settled.

        The process that saw one end may have been restarted right then, or the server did not answer. A run is settled
        again until that goes well, or its browsers have stopped by themselves.

        Args:
            now: The time.

        Returns:
            The runs, by the connection that they are settled with.
        """
        found = find(ended_within(LONGEST_BROWSER, before=now - timedelta(seconds=SETTLE_AFTER_SECONDS)))
        self._settled &= {(conn_id, run) for conn_id, runs in found.items() for run in runs}
        unsettled = {conn_id: self._without_settled(conn_id, runs) for conn_id, runs in found.items()}
        due = {conn_id: runs for conn_id, runs in unsettled.items() if runs}
        self._settle(due)
        return due

    def _sweep_for_good(self) -> None:
        while True:
            self._soon(lambda: self.sweep(datetime.now(timezone.utc)))
            time.sleep(SWEEP_SECONDS)

    def _soon(self, work: Callable[[], object]) -> None:
        self._due.put((time.monotonic() + SETTLE_AFTER_SECONDS, work))

    def _settle(self, found: Mapping[str, Runs]) -> None:
        for conn_id, runs in found.items():
            if conn_id not in self._connections:
                self._connections[conn_id] = _Lane(conn_id, partial(self._settle_at, conn_id))
            self._connections[conn_id].put(runs)

    def _without_settled(self, conn_id: str, runs: Runs) -> Runs:
        return {run: tasks for run, tasks in runs.items() if (conn_id, run) not in self._settled}

    def _settle_at(self, conn_id: str, waiting: list[Runs]) -> None:
        runs = {run: tasks for each in waiting for run, tasks in each.items()}
        with BrowserUseHook(conn_id).new_client() as client:
            settled = settle(client, traces_of(runs), since=min(run.started for run in runs))
        if settled and self._sweeper:
            self._settled.update((conn_id, run) for run in runs)


class _Lane(Generic[T]):
    """A thread that does one thing after the other.

    Args:
        name: Of the thread.
        work: Is given all that waits by then, the oldest first. What it raises is logged.
    """

    def __init__(self, name: str, work: Callable[[list[T]], object]) -> None:
        self._work = work
        self._waiting: queue.SimpleQueue[T] = queue.SimpleQueue()
        threading.Thread(target=self._run, name=f"browser-use-{name}", daemon=True).start()

    def put(self, item: T) -> None:
        """Have something done; returns at once."""
        self._waiting.put(item)

    def _run(self) -> None:
        while True:
            items = [self._waiting.get()]
            while not self._waiting.empty():
                items.append(self._waiting.get())
            with _logged():
                self._work(items)


def _when_due(items: list[tuple[float, Callable[[], object]]]) -> None:
    for due, work in items:
        time.sleep(max(due - time.monotonic(), 0.0))
        with _logged():
            work()


@contextmanager
def _logged() -> Iterator[None]:
    """A failure is logged and no more: a sweep tries again."""
    try:
        yield
    except Exception:
        log.warning("What ended runs left open could not be closed; it may still cost.", exc_info=True)


_settlers: list[Settler] = []


def settler() -> Settler:
    """The one of this process. A process that was forked has none of its parent's threads."""
    if not _settlers or _settlers[0].pid != os.getpid():
        _settlers[:] = [Settler()]
    return _settlers[0]
