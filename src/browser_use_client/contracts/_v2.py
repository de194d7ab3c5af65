"""What the two revisions of v2 have in common: endpoints, and most names of what comes back."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from math import ceil
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from browser_use_client.contracts._contract import Contract
from browser_use_client.contracts._files import content_type_of
from browser_use_client.contracts._pages import PAGE_SIZE, numbered_page, read_items
from browser_use_client.contracts._profiles import Profiles
from browser_use_client.contracts._refusing import uuid_of
from browser_use_client.contracts._v2_bodies import download_url_of, key_of, share, upload_slot, wire_time
from browser_use_client.effects import Call, Flow, call
from browser_use_client.errors import (
    ApiError,
    BadRequestError,
    InvalidRequestError,
    NotFoundError,
    SessionBusyError,
    SessionStoppedError,
)
from browser_use_client.models import (
    CreateTaskRequest,
    Overview,
    Page,
    Profile,
    Progress,
    Session,
    Share,
    Task,
    UploadSlot,
)
from browser_use_client.models.keys import KEY_NAME

T = TypeVar("T")
P = TypeVar("P", bound=Profile)

_PROFILE_NAME = "browser_profile_id"
"""Where the profile that a task asked for stands in its metadata."""


class V2(Contract):
    """Either revision of v2.

    Attributes:
        live_statuses: What a task can be before it ends, in the order that it goes through them.
        kinds_of_profiles: Those that the revision has.
        max_metadata: How many pairs of metadata a task can have; None for any number.
    """

    live_statuses: ClassVar[tuple[str, ...]]
    kinds_of_profiles: ClassVar[tuple[Profiles[Any], ...]]
    max_metadata: ClassVar[int | None] = None

    def with_key(self, request: CreateTaskRequest, key: str) -> CreateTaskRequest:
        """In the metadata, which is sent back, in lists too."""
        if KEY_NAME in request.metadata:
            raise InvalidRequestError(f"`metadata` may not have {KEY_NAME!r}: pass it as the idempotency key, `key`.")
        return request.model_copy(update={"metadata": {**request.metadata, KEY_NAME: key}})

    def lists_with(self, session_id: str | None) -> str | None:  # noqa: ARG002
        """None: a follow-up may have landed in another session."""
        return None

    def upload_target(self, session_id: str | None, workspace_id: str | None = None) -> Flow[str | None]:  # noqa: ARG002
        """The session, if any: it is there already."""
        yield from ()
        return session_id

    def content_type(self, file: str | Path, size: int) -> str:
        """By its suffix: v2 takes a few kinds."""
        return content_type_of(file, size)

    def with_profile(self, request: CreateTaskRequest) -> CreateTaskRequest:
        """In the metadata, if there is room: a session does not say which profile it has."""
        profile_id = request.browser_settings.profile_id
        is_full = self.max_metadata is not None and len(request.metadata) >= self.max_metadata
        if profile_id is None or is_full:
            return request
        return request.model_copy(update={"metadata": {_PROFILE_NAME: profile_id, **request.metadata}})

    def task_with_profile(self, profile_id: str) -> Call[Task | None]:
        """Of the newest `PAGE_SIZE` tasks one that runs in a session that one of them began with the profile."""
        listing = self.list_tasks()

        def parse(body: Any) -> Task | None:
            tasks = listing.parse(body).items
            sessions = {task.session_id for task in tasks if task.metadata.get(_PROFILE_NAME) == profile_id}
            return next((task for task in tasks if task.session_id in sessions and not task.has_ended), None)

        return replace(self._call(listing.method, listing.path, parse), params=listing.params)

    def get_task(self, task_id: str) -> Call[Task]:
        """GET /tasks/{id}."""
        return self._call("GET", f"/tasks/{uuid_of('task_id', task_id)}", self._task)

    def details(self, task: Task) -> Flow[Task]:
        """The task itself: GET /tasks/{id} shows all."""
        yield from ()
        return task

    def get_end(self, task_id: str) -> None:
        """None: polls say it."""

    def follow(self, task_id: str, cursor: str | None) -> Flow[Progress]:
        """GET /tasks/{id}: the cursor is how many steps have been told."""
        task = yield from call(self.get_task(task_id))
        return Progress(state=task, steps=task.steps[int(cursor or 0) :], cursor=str(len(task.steps)))

    def list_tasks(
        self,
        *,
        cursor: str | None = None,
        session_id: str | None = None,
        status: str | None = None,
        after: datetime | None = None,
        before: datetime | None = None,
    ) -> Call[Page[Task]]:
        """GET /tasks."""
        params = {
            "sessionId": session_id,
            "filterBy": status,
            "after": wire_time("after", after),
            "before": wire_time("before", before),
        }
        return numbered_page("/tasks", self._task, cursor, params=params, key_of=key_of)

    def overview(self, cursor: str | None) -> Call[Overview]:
        """GET /tasks of one status, read for the ids only: that is much cheaper than a hundred tasks.

        The cursor is the status and the number of the page. The first page of a status knows all further ones, and the
        status that comes after it.
        """
        status, _, number = (cursor or self.live_statuses[0]).partition(" ")
        page = int(number or 1)

        def parse(body: Any) -> Overview:
            ids, _ = read_items("/tasks", body["items"], lambda item: str(item["id"]))
            if page > 1:
                return Overview(live=ids)
            pages = range(2, ceil(body["totalItems"] / PAGE_SIZE) + 1)
            place = self.live_statuses.index(status) + 1
            further = (*(f"{status} {one}" for one in pages), *self.live_statuses[place : place + 1])
            return Overview(live=ids, further=further)

        return Call("GET", "/tasks", parse, params={"pageSize": PAGE_SIZE, "pageNumber": page, "filterBy": status})

    def stop_task(self, task_id: str, *, with_session: bool) -> Flow[Task]:
        """PATCH /tasks/{id}."""
        return call(self._update_task(task_id, "stop_task_and_session" if with_session else "stop"))

    def get_log_url(self, task_id: str) -> Call[str]:
        """GET /tasks/{id}/logs."""
        return self._call("GET", f"/tasks/{uuid_of('task_id', task_id)}/logs", download_url_of)

    def get_session(self, session_id: str) -> Flow[Session]:
        """GET /sessions/{id}."""
        return call(self._call("GET", _session_path(session_id), self._session))

    def list_sessions(self, *, cursor: str | None = None, status: str | None = None) -> Call[Page[Session]]:
        """GET /sessions."""
        return numbered_page("/sessions", self._session, cursor, params={"filterBy": status})

    def stop_session(self, session_id: str, *, is_idle: bool = False) -> Flow[None]:  # noqa: ARG002
        """PATCH /sessions/{id}, which refuses one that is stopped already."""
        path = _session_path(session_id)
        try:
            yield self._call("PATCH", path, self._session, json={"action": "stop"})
        except NotFoundError:
            return
        except BadRequestError:
            session = yield from self.get_session(session_id)
            if session.status == "active":
                raise

    def delete_session(self, session_id: str) -> Call[None]:
        """DELETE /sessions/{id}."""
        return self._call("DELETE", _session_path(session_id), _nothing)

    def get_share(self, session_id: str) -> Call[Share]:
        """GET /sessions/{id}/public-share."""
        return self._call("GET", f"{_session_path(session_id)}/public-share", share)

    def share_session(self, session_id: str) -> Call[Share]:
        """POST /sessions/{id}/public-share."""
        return self._call("POST", f"{_session_path(session_id)}/public-share", share)

    def unshare_session(self, session_id: str) -> Call[None]:
        """DELETE /sessions/{id}/public-share."""
        return self._call("DELETE", f"{_session_path(session_id)}/public-share", _nothing)

    def profiles(self, model: type[P]) -> Profiles[P]:
        """The kind of profiles that the revision has for a model."""
        for kind in self.kinds_of_profiles:
            if kind.model is model:
                return kind
        return super().profiles(model)

    @staticmethod
    def meaning(status_code: int, words: str) -> type[ApiError] | None:
        """400 is also what a session that is busy or stopped is refused with."""
        if status_code == 400 and "running task" in words:
            return SessionBusyError
        if status_code == 400 and "stopped" in words:
            return SessionStoppedError
        return None

    def _call(self, method: str, path: str, parse: Callable[[Any], T], *, json: Any = None) -> Call[T]:
        return Call(method, path, parse, json=json, meaning=self.meaning)

    def _update_task(self, task_id: str, action: str) -> Call[Task]:
        return self._call("PATCH", f"/tasks/{uuid_of('task_id', task_id)}", self._task, json={"action": action})

    def _slot(self, path: str, file_name: str, content_type: str, size: int) -> Call[UploadSlot]:
        body = {"fileName": file_name, "contentType": content_type, "sizeBytes": size}
        return self._call("POST", path, upload_slot, json=body)

    @staticmethod
    @abstractmethod
    def _task(body: Mapping[str, Any]) -> Task:
        """A task as the revision shows it."""

    @staticmethod
    @abstractmethod
    def _session(body: Mapping[str, Any]) -> Session:
        """A session as the revision shows it."""


def download_url(path: str) -> Call[str]:
    """GET of one file's view."""
    return Call("GET", path, download_url_of)


def _session_path(session_id: str) -> str:
    return f"/sessions/{uuid_of('session_id', session_id)}"


def _nothing(body: Any) -> None:  # noqa: ARG001 - a parser takes a body
    return None
