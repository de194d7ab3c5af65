"""The session that an earlier attempt of a `start_session` started.

A session carries nothing that it could be found by. So its id is kept in Prefect, as an artifact whose key is that of
the call. A process that is killed between the two leaves a session that nobody finds: the server closes it as idle.
"""

from __future__ import annotations

import logging

import httpx
from prefect.client.schemas.actions import ArtifactCreate
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterKey
from prefect.client.schemas.sorting import ArtifactSort
from prefect.context import SyncClientContext
from prefect.exceptions import PrefectException
from prefect.utilities.context import get_task_and_flow_run_ids

from browser_use_client import BrowserSettings, BrowserUseClient, NotFoundError, Session
from prefect_browser_use.credentials import BrowserUseCredentials
from prefect_browser_use.keys import KeyedCall
from prefect_browser_use.places import Place

log = logging.getLogger("prefect_browser_use")


class EarlierSession:
    """The way of one call to its session. Everything blocks.

    Args:
        block: The account.
        place: Where the call stands.
        settings: How the browser is started.
    """

    def __init__(self, block: BrowserUseCredentials, place: Place | None, settings: BrowserSettings | None) -> None:
        self._block = block
        self._keyed_call = KeyedCall.of(place or Place.of("", settings))
        self._key = _artifact_key(self._keyed_call.key(block, settings))
        self._twins = [_artifact_key(key) for key in self._keyed_call.twin_keys(block, settings)]

    def find(self) -> Session | None:
        """The session that was started before, if it still serves the calls after it."""
        if not (self._keyed_call.ran_before or self._keyed_call.is_retry):
            return None
        with SyncClientContext.get_or_create() as context:
            found = context.client.read_artifacts(
                artifact_filter=ArtifactFilter(key=ArtifactFilterKey(any_=[self._key, *self._twins])),
                sort=ArtifactSort.CREATED_DESC,
            )
        own = [artifact for artifact in found if artifact.key == self._key]
        if not own or not own[0].description:
            return None
        is_certain = self._keyed_call.is_certain and len(own) == len(found)
        with self._block.get_client() as client:
            try:
                session = client.get_session(own[0].description)
            except NotFoundError:
                return None
            return session if self._leads_on(client, session, is_certain) else None

    def remember(self, session: Session) -> None:
        """Keeps the id for the next attempt. Where Prefect does not take it, this one goes on all the same."""
        task_run_id, flow_run_id = get_task_and_flow_run_ids()
        artifact = ArtifactCreate(
            key=self._key,
            type="markdown",
            description=session.id,
            data=f"Browser session `{session.id}` was started.",
            task_run_id=task_run_id,
            flow_run_id=flow_run_id,
        )
        try:
            with SyncClientContext.get_or_create() as context:
                context.client.create_artifact(artifact)
        except (httpx.HTTPError, PrefectException) as error:
            log.warning("A retry will not find session %s, and starts another. %s", session.id, error)

    def _leads_on(self, client: BrowserUseClient, session: Session, is_certain: bool) -> bool:
        """As for a task that opens a session: see `Earlier`."""
        tasks = list(client.list_tasks(session_id=session.id))
        if not is_certain and tasks:
            client.stop_session(session.id)
            return False
        return session.status == "active" or (bool(tasks) and all(task.has_succeeded for task in tasks))


def _artifact_key(key: str) -> str:
    return f"browser-use-session-{key.replace(':', '-')}"
