"""`v4`: runs in conversations, which it calls sessions; a browser comes with the first run and goes by itself.

The contract of October 2026, as the official SDK 3.12.1 speaks it. It has no metadata and no idempotency key, so the
key stands as a tag in the last line of the prompt, which lists of runs send back.
"""

from __future__ import annotations

import mimetypes
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from browser_use_client.contracts._contract import Capability, Contract
from browser_use_client.contracts._pages import PAGE_SIZE, numbered_page, read_items
from browser_use_client.contracts._profiles import Profiles
from browser_use_client.contracts._refusing import unsupported, uuid_of
from browser_use_client.contracts._v4_events import Story
from browser_use_client.contracts._v4_files import changed_since, name_of, slot_of, url_of
from browser_use_client.contracts._v4_request import MOST_FILES, NAME, OPTIONS, run_body
from browser_use_client.contracts._v4_runs import created_task_of, status_of, tag_in, task_of
from browser_use_client.contracts._v4_sessions import cost_of, ids_of, session_of, session_of_browser, share_of
from browser_use_client.contracts.v2_flat import V2Flat
from browser_use_client.effects import Call, Flow, call
from browser_use_client.errors import (
    ApiError,
    BadRequestError,
    InvalidRequestError,
    NotFoundError,
    SessionBusyError,
    ZeroDataRetentionError,
)
from browser_use_client.limits import time_of
from browser_use_client.models import (
    Account,
    BrowserProfile,
    CreatedTask,
    CreateTaskRequest,
    OutputFile,
    Overview,
    Page,
    Place,
    Profile,
    Progress,
    Session,
    SessionCost,
    Share,
    Task,
    TaskState,
    UploadSlot,
)
from browser_use_client.models.keys import with_tag, without_tag

T = TypeVar("T")
P = TypeVar("P", bound=Profile)

MAX_FILE_SIZE = 50 * 1024 * 1024
"""Bytes that an uploaded file may have at most."""

EVENTS_PER_PAGE = 200

_LIVE = ("created", "started")
_PROFILES = Profiles(
    contract=NAME,
    path="/profiles",
    model=BrowserProfile,
    names={"name": "name", "user_id": "userId", "cookie_domains": "cookieDomains"},
)
_V2 = V2Flat()


class V4(Contract):
    """POST /runs; what is to be done in a browser again goes on in the session of an earlier run."""

    name = NAME
    most_files = MOST_FILES
    requests_per_second = 20  # a project may send 25, and others of its clients have a part in that
    remedies: ClassVar[Mapping[Capability, str]] = {
        "starting sessions": "Run the first task with `keep_session=True` and follow up with its session id.",
        "pausing": "You can only stop it; follow up in its session instead.",
        "logs": "Its steps tell what it did: `get_task`.",
        "profiles": "Set what it would say in each task's `agent_settings` instead.",
        "metadata": "Find the task by its idempotency key: `key`.",
    }

    # --- exactly once ---

    def with_key(self, request: CreateTaskRequest, key: str) -> CreateTaskRequest:
        """As a tag in the last line of the prompt, which is sent back."""
        if without_tag(request.task)[1]:
            raise InvalidRequestError(
                "The last line of `task` is the reference number of another task: take it off, and pass an idempotency"
                " key as `key`."
            )
        return request.model_copy(update={"task": with_tag(request.task, key)})

    def lists_with(self, session_id: str | None) -> str | None:
        """The session of a follow-up: its own list is enough."""
        return session_id

    def place(self, request: CreateTaskRequest, *, keep_session: bool, with_files: bool) -> Call[Place] | None:  # noqa: ARG002
        """Nothing: POST /runs starts the session."""
        return None

    def content_type(self, file: str | Path, size: int) -> str:
        """Any kind is taken."""
        if not 0 < size <= MAX_FILE_SIZE:
            raise InvalidRequestError(
                f"{file} cannot be uploaded: it has {size:,} bytes; {NAME} takes files of 1 to {MAX_FILE_SIZE:,}."
            )
        return mimetypes.guess_type(str(file))[0] or "application/octet-stream"

    def upload_target(self, session_id: str | None, workspace_id: str | None = None) -> Flow[str | None]:
        """The workspace that was named, else that of the session, else a new one (POST /workspaces)."""
        if workspace_id is not None:
            return workspace_id
        if session_id is None:
            return (yield from call(self._call("POST", "/workspaces", lambda body: str(body["id"]), json={})))
        found = yield from call(self._call("GET", _session_path(session_id), lambda body: body.get("workspaceId")))
        if found is None:
            raise InvalidRequestError(f"Session {session_id} has no workspace, so no file can be uploaded for it.")
        return str(found)

    def upload_slot(self, file_name: str, content_type: str, size: int, *, into: str | None) -> Call[UploadSlot]:
        """POST /workspaces/{id}/files/upload."""
        if into is None:
            raise unsupported(
                "A file cannot be uploaded without a session", NAME, "Name the session, or pass `files` to the task."
            )
        file = {"name": file_name, "contentType": content_type, "size": size}
        path = f"/workspaces/{uuid_of('workspace_id', into)}/files/upload"
        return self._call("POST", path, slot_of(content_type, size), json={"files": [file]})

    def attach(
        self, request: CreateTaskRequest, uploads: Sequence[UploadSlot], *, into: str | None
    ) -> CreateTaskRequest:
        """By id, with the workspace that they are in."""
        ids = (*(request.included_file_names or ()), *(upload.reference for upload in uploads))
        return request.model_copy(update={"included_file_names": ids, "workspace_id": into})

    def create_task(self, request: CreateTaskRequest, *, keep_session: bool = False) -> Call[CreatedTask]:
        """POST /runs. What a server of before October does not know, its refusal (422) names."""
        body = run_body(request, keep_session=keep_session)
        creating = self._call("POST", "/runs", created_task_of, json=body)
        return replace(creating, options=OPTIONS, meaning=_meaning_of_create)

    # --- tasks ---

    def get_task(self, task_id: str) -> Call[Task]:
        """GET /runs/{id}."""
        return self._call("GET", _run_path(task_id), task_of)

    def details(self, task: Task) -> Flow[Task]:
        """Its events, and the files of its workspace."""
        story = yield from self._story(task.id, None)
        files = yield from self._output_files(task)
        told = {
            "steps": story.steps,
            "browser_reused": story.browser_reused,
            "live_url": None if task.has_ended else story.live_url,
            "output_files": files,
        }
        return task.model_copy(update=told)

    def get_task_state(self, task_id: str) -> Call[TaskState]:
        """GET /runs/{id}/status, which says nothing else."""
        return self._call(
            "GET", f"{_run_path(task_id)}/status", lambda body: TaskState(id=task_id, status=status_of(body))
        )

    def get_end(self, task_id: str) -> Call[TaskState] | None:
        """GET /runs/{id}."""
        return self._call("GET", _run_path(task_id), task_of)

    def follow(self, task_id: str, cursor: str | None) -> Flow[Progress]:
        """GET /runs/{id}/status, then the events since: so those of a run that has ended are complete."""
        state = yield from call(self.get_task_state(task_id))
        story = yield from self._story(task_id, cursor)
        return Progress(
            state=state,
            steps=story.steps,
            cursor=story.cursor,
            browser_reused=story.browser_reused,
            live_url=story.live_url,
        )

    def list_tasks(
        self,
        *,
        cursor: str | None = None,
        session_id: str | None = None,
        status: str | None = None,
        after: datetime | None = None,
        before: datetime | None = None,
    ) -> Call[Page[Task]]:
        """GET /runs, which knows no filter but the session: the others are held against what it lists."""
        since, until = time_of("after", after), time_of("before", before)

        def parse(body: Any) -> Page[Task]:
            tasks, unreadable = read_items("/runs", body["runs"], task_of, tag_of_item=tag_in)
            wanted = tuple(
                task
                for task in tasks
                if status in (None, task.status)
                and (since is None or task.created_at is None or task.created_at >= since)
                and (until is None or task.created_at is None or task.created_at <= until)
            )
            is_past = since is not None and any(task.created_at and task.created_at < since for task in tasks)
            return Page(items=wanted, unreadable=unreadable, next=None if is_past else _next(body))

        params = {"limit": PAGE_SIZE, "cursor": cursor, "sessionId": session_id}
        return replace(self._call("GET", "/runs", parse), params=params)

    def overview(self, cursor: str | None) -> Call[Overview]:
        """GET /sessions: each with its latest run and how that stands."""

        def parse(body: Any) -> Overview:
            runs = [_latest_run(row) for row in body["sessions"]]
            following = _next(body)
            return Overview(
                live=tuple(run.id for run in runs if not run.has_ended),
                ended=tuple(run.id for run in runs if run.has_ended),
                further=() if following is None else (following,),
            )

        return replace(self._call("GET", "/sessions", parse), params={"limit": PAGE_SIZE, "cursor": cursor})

    def stop_task(self, task_id: str, *, with_session: bool) -> Flow[Task]:
        """POST /runs/{id}/cancel, which leaves an ended run as it is; then the browsers of the session."""
        task = yield from call(self._call("POST", f"{_run_path(task_id)}/cancel", task_of))
        if with_session:
            yield from self._stop_browsers(task.session_id)
        return task

    def get_output_file_url(self, task_id: str, file_id: str) -> Call[str]:  # noqa: ARG002
        """GET /workspaces/{id}/files, which gives out URLs that live for 60 seconds."""
        workspace_id, _, path = file_id.partition("/")
        listing = f"/workspaces/{uuid_of('file_id', workspace_id)}/files"
        params = {"prefix": path, "limit": PAGE_SIZE, "includeUrls": True}
        return replace(self._call("GET", listing, url_of(path)), params=params)

    # --- sessions ---

    def get_session(self, session_id: str) -> Flow[Session]:
        """GET /sessions/{id} for the conversation, and GET /browsers for what is open of it."""
        row = yield from call(self._call("GET", _session_path(session_id), lambda body: dict(body)))
        return (yield from call(self._browsers(session_id, partial(session_of, row), status=None)))

    def list_sessions(self, *, cursor: str | None = None, status: str | None = None) -> Call[Page[Session]]:
        """GET /browsers: of each browser its session, since the list of sessions does not say which has one."""
        listing = numbered_page("/browsers", session_of_browser, cursor, params={"filterBy": status})

        def parse(body: Any) -> Page[Session]:
            page = listing.parse(body)
            of_sessions = tuple(session for session in page.items if session is not None)
            return Page(items=of_sessions, unreadable=page.unreadable, next=page.next)

        return replace(self._call("GET", listing.path, parse), params=listing.params)

    def stop_session(self, session_id: str, *, is_idle: bool = False) -> Flow[None]:
        """Cancels the active run, and stops the browsers: the conversation itself has no end."""
        if not is_idle:
            try:
                latest = yield from call(self._call("GET", _session_path(session_id), _latest_run))
            except NotFoundError:
                return
            if latest.status in _LIVE:
                yield from call(self._call("POST", f"{_run_path(latest.id)}/cancel", task_of))
        yield from self._stop_browsers(session_id)

    def delete_session(self, session_id: str) -> Call[None]:
        """DELETE /sessions/{id}."""
        return self._call("DELETE", _session_path(session_id), _nothing)

    def get_session_cost(self, session_id: str) -> Call[SessionCost]:
        """GET /sessions/{id}/cost."""
        return self._call("GET", f"{_session_path(session_id)}/cost", cost_of)

    def get_share(self, session_id: str) -> Call[Share]:
        """GET /sessions/{id}/share, which is null where there never was one."""
        return self._call("GET", f"{_session_path(session_id)}/share", share_of(session_id))

    def share_session(self, session_id: str) -> Call[Share]:
        """POST /sessions/{id}/share."""
        return self._call("POST", f"{_session_path(session_id)}/share", share_of(session_id))

    def unshare_session(self, session_id: str) -> Call[None]:
        """PUT /sessions/{id}/share."""
        return self._call("PUT", f"{_session_path(session_id)}/share", _nothing, json={"isActive": False})

    # --- the rest ---

    def profiles(self, model: type[P]) -> Profiles[P]:
        """Browser profiles."""
        return _PROFILES if model is BrowserProfile else super().profiles(model)  # type: ignore[return-value]

    def get_account(self) -> Call[Account]:
        """GET /billing/account of v2, which is beside it and takes the same key."""
        return replace(_V2.get_account(), version="v2", meaning=self.meaning)

    @staticmethod
    def meaning(status_code: int, words: str) -> type[ApiError] | None:
        """403, but for a wrong key, is a project that v4 does not serve."""
        if status_code == 403 and "zero data retention" in words.lower():
            return ZeroDataRetentionError
        return None

    def _call(self, method: str, path: str, parse: Callable[[Any], T], *, json: Any = None) -> Call[T]:
        return Call(method, path, parse, json=json, meaning=self.meaning)

    def _story(self, task_id: str, cursor: str | None) -> Flow[Story]:
        """What the events tell since an earlier poll, or all."""
        story = Story.at(cursor)
        while True:
            before = story
            listing = self._call("GET", f"{_run_path(task_id)}/events", before.then)
            params = {"after": before.last_event, "limit": EVENTS_PER_PAGE}
            story = yield from call(replace(listing, params=params))
            if not story.has_more or story.last_event == before.last_event:
                return story

    def _output_files(self, task: Task) -> Flow[tuple[OutputFile, ...]]:
        """The files of the workspace that changed since the run began, but for uploads."""

        def parse(body: Any) -> Page[OutputFile]:
            paths = changed_since(task.created_at, body["files"])
            files = (OutputFile(id=f"{task.workspace_id}/{path}", name=name_of(path)) for path in paths)
            return Page(items=tuple(files), next=_next(body))

        files: tuple[OutputFile, ...] = ()
        cursor: str | None = None
        while task.workspace_id is not None:
            listing = self._call("GET", f"/workspaces/{task.workspace_id}/files", parse)
            page = yield from call(replace(listing, params={"limit": PAGE_SIZE, "cursor": cursor}))
            files += page.items
            if (cursor := page.next) is None:
                break
        return files

    def _browsers(self, session_id: str, parse: Callable[[Any], T], *, status: str | None) -> Call[T]:
        params = {"agentSessionId": uuid_of("session_id", session_id), "filterBy": status, "pageSize": PAGE_SIZE}
        return replace(self._call("GET", "/browsers", lambda body: parse(body["items"])), params=params)

    def _stop_browsers(self, session_id: str) -> Flow[None]:
        for browser_id in (yield from call(self._browsers(session_id, ids_of, status="active"))):
            try:
                yield self._call("PATCH", f"/browsers/{browser_id}", _nothing, json={"action": "stop"})
            except (NotFoundError, BadRequestError):  # it has stopped by itself
                continue


def _meaning_of_create(status_code: int, words: str) -> type[ApiError] | None:
    """409 is a session with an active run."""
    return SessionBusyError if status_code == 409 else V4.meaning(status_code, words)


def _run_path(run_id: str) -> str:
    return f"/runs/{uuid_of('task_id', run_id)}"


def _session_path(session_id: str) -> str:
    return f"/sessions/{uuid_of('session_id', session_id)}"


def _latest_run(body: Mapping[str, Any]) -> TaskState:
    return TaskState(id=body["latestRunId"], status=status_of(body))


def _next(body: Mapping[str, Any]) -> str | None:
    """The cursor of the next page of a list."""
    return body.get("nextCursor") if body.get("hasMore") else None


def _nothing(body: Any) -> None:  # noqa: ARG001 - a parser takes a body
    return None
