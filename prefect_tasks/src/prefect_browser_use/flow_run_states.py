"""The states of flow runs, read once a second for all tasks of a flow run in a process together."""

from __future__ import annotations

import logging
import threading
import time
from uuid import UUID
from weakref import WeakValueDictionary

import httpx
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.objects import State
from prefect.context import SyncClientContext
from prefect.exceptions import ObjectNotFound, PrefectException

log = logging.getLogger("prefect_browser_use")

SLICE_SECONDS = 1.0
"""Seconds between two reads of the state, and the longest sleep: a time-out that Prefect sets on a task in a thread
lands only between two calls."""


class FlowRunStates:
    """The states of a flow run and of those that it is part of, shared by the tasks of a process."""

    def __init__(self, flow_run_id: UUID) -> None:
        self.id = flow_run_id
        self._due_at = 0.0
        self._lock = threading.Lock()
        self._fails = False
        self.deleted: UUID | None = None
        self.by_flow_run: dict[UUID, State] = {}

    @property
    def own(self) -> State | None:
        """The flow run's own; None if it could not be read yet."""
        return self.by_flow_run.get(self.id)

    def are_due(self) -> bool:
        """True for one caller per `SLICE_SECONDS`, who then reads them for all."""
        with self._lock:
            now = time.monotonic()
            if now < self._due_at:
                return False
            self._due_at = now + SLICE_SECONDS
            return True

    def read(self) -> None:
        """Reads the states; one that cannot be read is no reason to stop what is paid for."""
        try:
            with SyncClientContext.get_or_create() as context:
                self._read(context.client)
        except (httpx.HTTPError, PrefectException) as error:
            if not self._fails:
                log.warning("The state of the flow run cannot be read, so its end could be missed: %s", error)
            self._fails = True
        else:
            self._fails = False

    def _read(self, client: SyncPrefectClient) -> None:
        flow_run_id: UUID | None = self.id
        while flow_run_id:
            try:
                flow_run = client.read_flow_run(flow_run_id)
            except ObjectNotFound:
                self.deleted = flow_run_id
                return
            if flow_run.state:
                self.by_flow_run |= {flow_run_id: flow_run.state}
            parent = flow_run.parent_task_run_id
            flow_run_id = client.read_task_run(parent).flow_run_id if parent else None


_shared: WeakValueDictionary[UUID, FlowRunStates] = WeakValueDictionary()
_shared_lock = threading.Lock()


def states_of(flow_run_id: UUID) -> FlowRunStates:
    """Those of a flow run, the same for all who watch it."""
    with _shared_lock:
        return _shared.setdefault(flow_run_id, FlowRunStates(flow_run_id))
