"""Artifacts that wait to be sent to Prefect, beside the tasks that they are of: while those run, they do not wait.

Of many tasks at once they come faster than a Prefect server takes them. So a process sends a few at a time, in the
order in which they came, and of each task only the newest.
"""

from __future__ import annotations

import asyncio
import atexit
import threading
from collections import deque
from collections.abc import Awaitable, Callable
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import wait as wait_for
from contextvars import copy_context
from uuid import UUID

import httpx
from prefect.artifacts import Artifact
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.actions import ArtifactCreate, ArtifactUpdate
from prefect.settings import PREFECT_API_KEY, PREFECT_API_URL
from prefect.utilities.context import get_task_and_flow_run_ids

from prefect_browser_use.flow_run_states import SLICE_SECONDS

ARTIFACTS_AT_ONCE = 8
"""Artifacts that a process sends at the same time. Of 500 gathered tasks, 8 at a time took 29 to 33 s, 4 took 38 s."""

_threads = ThreadPoolExecutor(ARTIFACTS_AT_ONCE, thread_name_prefix="browser-use-artifacts")
_clients: dict[tuple[str | None, str | None], SyncPrefectClient] = {}
_clients_lock = threading.Lock()


class ArtifactQueue:
    """The artifact of one task run, which is created once and then updated.

    Args:
        on: Whether there is one; else nothing is sent.
        could_not: Told, in another thread, why it could not be sent.
    """

    def __init__(self, on: bool, could_not: Callable[[Exception], None]) -> None:
        self._on = on
        self._could_not = could_not
        self._sending: list[Future[None]] = []
        self._newest: deque[Callable[[], Artifact]] = deque(maxlen=1)
        self._id: UUID | None = None
        self._lock = threading.Lock()

    def put(self, make: Callable[[], Artifact]) -> None:
        """Sends what `make` makes in another thread, unless something newer was put by then."""
        if self._on:
            self._newest.append(make)
            # The context says to which run an artifact belongs.
            self._sending.append(_threads.submit(copy_context().run, self._send))

    def wait(self, pause: Callable[[float], object]) -> None:
        """Waits until all is sent.

        Args:
            pause: Called with 0 once a second. What it raises ends the wait, and what is not sent is dropped.
        """
        try:
            while wait_for(self._sending, SLICE_SECONDS).not_done:
                pause(0)
        except BaseException:
            self.drop()
            raise

    async def async_wait(self, pause: Callable[[float], Awaitable[object]]) -> None:
        """As `wait`, for asyncio."""
        waiting = {asyncio.wrap_future(sending) for sending in self._sending}
        try:
            while waiting:
                waiting = (await asyncio.wait(waiting, timeout=SLICE_SECONDS))[1]
                if waiting:
                    await pause(0)
        except BaseException:
            self.drop()
            raise

    def drop(self) -> None:
        """Sends no more than is under way: the run is being ended, and its process may be, too."""
        for sending in self._sending:
            sending.cancel()

    def _send(self) -> None:
        try:
            with self._lock:
                if self._newest:
                    self._create_or_update(_client(), self._newest.pop()())
        except Exception as error:  # noqa: BLE001 - nothing of it is a reason to lose a task that is paid for
            self._could_not(error)

    def _create_or_update(self, client: SyncPrefectClient, artifact: Artifact) -> None:
        if self._id is None:
            self._id = _create(client, artifact)
        else:
            update = ArtifactUpdate(data=_data(artifact), description=artifact.description)
            client.update_artifact(self._id, update)


def _create(client: SyncPrefectClient, artifact: Artifact) -> UUID:
    task_run_id, flow_run_id = get_task_and_flow_run_ids()
    return client.create_artifact(
        ArtifactCreate(
            type=artifact.type,
            key=artifact.key,
            description=artifact.description,
            data=_data(artifact),
            task_run_id=task_run_id,
            flow_run_id=flow_run_id,
        )
    ).id


def _data(artifact: Artifact) -> object:
    return artifact.format(_sync=True)  # type: ignore[call-arg] # `async_dispatch`


def _client() -> SyncPrefectClient:
    """A client of the server that the settings name, for all threads: making one takes longer than an artifact."""
    server = (PREFECT_API_URL.value(), PREFECT_API_KEY.value())
    with _clients_lock:
        if server not in _clients:
            # With settings of its own it is not the task's, which is closed with the task.
            client = get_client(
                sync_client=True, httpx_settings={"limits": httpx.Limits(max_connections=ARTIFACTS_AT_ONCE)}
            )
            atexit.register(client.__exit__, None, None, None)
            _clients[server] = client.__enter__()
        return _clients[server]
