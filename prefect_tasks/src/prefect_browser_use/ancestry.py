"""From a flow run to the outermost one, whose run number and id stay when flows inside it are run anew."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Generic, TypeVar
from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.objects import FlowRun
from prefect.context import SyncClientContext

from prefect_browser_use.fingerprints import fingerprint

T = TypeVar("T")

PREFECT_CLOCK_SKEW = timedelta(minutes=10)
"""How far the clock of Prefect's server, which dates flow runs, may be from ours."""


@dataclass(frozen=True)
class Ancestry:
    """The way from the outermost flow run to one inside it.

    Attributes:
        root: The outermost flow run.
        path: The calls of flows on the way.
        since: When the outermost one was first started, less `PREFECT_CLOCK_SKEW`.
        ran_before: Whether one of them ran before: as an earlier attempt, or until it was suspended. The number of its
            attempts does not say the latter, its states do.
    """

    root: UUID
    path: tuple[str, ...]
    since: datetime | None
    ran_before: bool


class Recent(Generic[T]):
    """Values that all threads of a process share; those that were not asked for of late are made again."""

    def __init__(self, make: Callable[[], T], size: int = 100) -> None:
        self._make = make
        self._size = size
        self._values: OrderedDict[Hashable, T] = OrderedDict()
        self._lock = threading.Lock()

    def __getitem__(self, key: Hashable) -> T:
        with self._lock:
            value = self._values.pop(key) if key in self._values else self._make()
            self._values[key] = value
            if len(self._values) > self._size:
                self._values.popitem(last=False)
            return value


class _Read:
    """One ancestry, read once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ancestry: Ancestry | None = None

    def of(self, flow_run: FlowRun) -> Ancestry:
        with self._lock:
            if self._ancestry is None:
                with SyncClientContext.get_or_create() as context:
                    self._ancestry = _read(context.client, flow_run)
            return self._ancestry


_read_before: Recent[_Read] = Recent(_Read)


def attempt_of(flow_run: FlowRun) -> str:
    """What tells the attempts of a flow run from each other, also those before and after a pause."""
    return f"{flow_run.id}:{flow_run.run_count}:{flow_run.state and flow_run.state.id}"


def ancestry_of(flow_run: FlowRun) -> Ancestry:
    """The ancestry of a flow run that is running, read once in each process. Blocks.

    Raises:
        PrefectException, httpx.HTTPError: Prefect could not be asked. To start something all the same could pay twice.
    """
    return _read_before[attempt_of(flow_run)].of(flow_run)


def _read(client: SyncPrefectClient, flow_run: FlowRun) -> Ancestry:
    path: list[str] = []
    ran_before = False
    while True:
        ran_before = ran_before or _ran_before(client, flow_run)
        if flow_run.parent_task_run_id is None:
            break
        call = client.read_task_run(flow_run.parent_task_run_id)
        if call.flow_run_id is None:
            break
        # Prefect counts the calls of each flow, in the order in which the flow around makes them (3.6 to 3.9). A flow
        # that a task calls has a random key from 3.9 on: it starts anew in each attempt of that task.
        path.insert(0, f"{call.task_key}/{call.dynamic_key}/{sha256(fingerprint(flow_run.parameters)).hexdigest()}")
        flow_run = client.read_flow_run(call.flow_run_id)
    started = flow_run.start_time or flow_run.created
    return Ancestry(flow_run.id, tuple(path), started - PREFECT_CLOCK_SKEW if started else None, ran_before)


def _ran_before(client: SyncPrefectClient, flow_run: FlowRun) -> bool:
    if flow_run.run_count > 1:
        return True
    return sum(state.is_running() for state in client.read_flow_run_states(flow_run.id)) > 1
