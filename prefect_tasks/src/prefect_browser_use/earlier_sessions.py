"""The session that an earlier attempt of a `start_session` started.

A session carries nothing that it could be found by. So its id is kept in Prefect, as an artifact of the outermost flow
run, or else of the task run, that names the call. A process that is killed between the two leaves a session that nobody
finds: the server closes it as idle.
"""

from __future__ import annotations

import logging
from itertools import count

import httpx
from prefect.client.schemas.actions import ArtifactCreate
from prefect.client.schemas.filters import (
    ArtifactFilter,
    ArtifactFilterFlowRunId,
    ArtifactFilterKey,
    ArtifactFilterTaskRunId,
)
from prefect.client.schemas.objects import Artifact
from prefect.client.schemas.sorting import ArtifactSort
from prefect.context import SyncClientContext
from prefect.exceptions import PrefectException
from prefect.utilities.context import get_task_and_flow_run_ids

from browser_use_client import BrowserSettings, BrowserUseClient, NotFoundError, Session
from prefect_browser_use.artifacts import artifact_key
from prefect_browser_use.credentials import BrowserUseCredentials
from prefect_browser_use.keys import KeyedCall
from prefect_browser_use.places import Place

log = logging.getLogger("prefect_browser_use")

CALL, SESSION = "browser-use-call", "browser-use-session"
"""What the metadata of the artifact say: the key of the call, and the id of its session."""

ARTIFACTS_PER_PAGE = 200
"""Artifacts that Prefect's server lists at once."""


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
        self._key = self._keyed_call.key(block, settings)
        self._twins = self._keyed_call.twin_keys(block, settings)
        self._artifact_key = artifact_key()

    def find(self) -> Session | None:
        """The session that was started before, if it still serves the calls after it."""
        if not (self._keyed_call.ran_before or self._keyed_call.is_retry):
            return None
        sessions = self._sessions_by_call()
        if self._key not in sessions:
            return None
        is_certain = self._keyed_call.is_certain and sessions.keys().isdisjoint(self._twins)
        with self._block.get_client() as client:
            try:
                session = client.get_session(sessions[self._key])
            except NotFoundError:
                return None
            return session if self._leads_on(client, session, is_certain) else None

    def remember(self, session: Session) -> None:
        """Keeps the id for the next attempt. Where Prefect does not take it, this one goes on all the same."""
        task_run_id, flow_run_id = get_task_and_flow_run_ids()
        artifact = ArtifactCreate(
            key=self._artifact_key,
            type="markdown",
            description="session started",
            data=f"Browser session `{session.id}` was started.",
            metadata_={CALL: self._key, SESSION: session.id},
            task_run_id=task_run_id if flow_run_id else self._keyed_call.scope,
            flow_run_id=self._keyed_call.scope if flow_run_id else None,
        )
        try:
            with SyncClientContext.get_or_create() as context:
                context.client.create_artifact(artifact)
        except (httpx.HTTPError, PrefectException) as error:
            log.warning("A retry will not find session %s, and starts another. %s", session.id, error)

    def _sessions_by_call(self) -> dict[str, str]:
        """The sessions of this flow run, or else task run, by the keys of the calls that started them last."""
        scope = [self._keyed_call.scope]
        _, flow_run_id = get_task_and_flow_run_ids()
        of_run = ArtifactFilter(
            key=ArtifactFilterKey(any_=[self._artifact_key]),
            flow_run_id=ArtifactFilterFlowRunId(any_=scope) if flow_run_id else None,
            task_run_id=None if flow_run_id else ArtifactFilterTaskRunId(any_=scope),
        )
        found: list[Artifact] = []
        with SyncClientContext.get_or_create() as context:
            for offset in count(step=ARTIFACTS_PER_PAGE):
                # `read_artifacts` asks for runs too: with null, which the server of 3.8 refuses, or with filters, which
                # find nothing outside of a flow, and nothing of a task run that the server has not written yet.
                query = {
                    "artifacts": of_run.model_dump(mode="json", exclude_unset=True),
                    "sort": ArtifactSort.CREATED_DESC,
                    "limit": ARTIFACTS_PER_PAGE,
                    "offset": offset,
                }
                page = context.client.request("POST", "/artifacts/filter", json=query).json()
                found += Artifact.model_validate_list(page)
                if len(page) < ARTIFACTS_PER_PAGE:
                    break
        about = [artifact.metadata_ or {} for artifact in reversed(found)]
        return {one[CALL]: one[SESSION] for one in about if one.keys() >= {CALL, SESSION}}

    def _leads_on(self, client: BrowserUseClient, session: Session, is_certain: bool) -> bool:
        """As for a task that opens a session: see `Earlier`."""
        tasks = list(client.list_tasks(session_id=session.id))
        if not is_certain and tasks:
            client.stop_session(session.id)
            return False
        return session.status == "active" or (bool(tasks) and all(task.has_succeeded for task in tasks))
