"""The files of a workspace in v4: what goes in, and what a run has left there."""

from __future__ import annotations

import mimetypes
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import Any

from pydantic import TypeAdapter

from browser_use_client.contracts._pages import PAGE_SIZE
from browser_use_client.contracts._refusing import unsupported, uuid_of
from browser_use_client.contracts._v4_base import V4Base, next_cursor, session_path
from browser_use_client.contracts._v4_request import MAX_FILES, NAME
from browser_use_client.effects import Call, Flow, call
from browser_use_client.errors import InvalidRequestError, NotFoundError
from browser_use_client.models import CreateTaskRequest, OutputFile, Page, Task, UploadSlot
from browser_use_client.models._base import UtcDatetime

MAX_FILE_BYTES = 50 * 1024 * 1024
"""Bytes that an uploaded file may have at most."""

UPLOADS = "uploads/"
"""Where the server puts what is uploaded."""

_MOMENT: TypeAdapter[datetime] = TypeAdapter(UtcDatetime)


class V4Files(V4Base):
    """The files of v4: they lie in a workspace, which the runs of a session share."""

    most_files = MAX_FILES

    def content_type(self, file: str | Path, size: int) -> str:
        """Any kind is taken."""
        if not 0 < size <= MAX_FILE_BYTES:
            raise InvalidRequestError(
                f"{file} cannot be uploaded: it has {size:,} bytes; {NAME} takes files of 1 to {MAX_FILE_BYTES:,}."
            )
        return mimetypes.guess_type(str(file))[0] or "application/octet-stream"

    def upload_target(self, session_id: str | None, workspace_id: str | None = None) -> Flow[str | None]:
        """The workspace that was named, else that of the session, else a new one (POST /workspaces)."""
        if workspace_id is not None:
            return workspace_id
        if session_id is None:
            return (yield from call(self._call("POST", "/workspaces", lambda body: str(body["id"]), json={})))
        found = yield from call(self._call("GET", session_path(session_id), lambda body: body.get("workspaceId")))
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

    def get_output_file_url(self, task_id: str, file_id: str) -> Call[str]:  # noqa: ARG002
        """GET /workspaces/{id}/files, which gives out URLs that live for 60 seconds."""
        workspace_id, _, path = file_id.partition("/")
        listing = f"/workspaces/{uuid_of('file_id', workspace_id)}/files"
        params = {"prefix": path, "limit": PAGE_SIZE, "includeUrls": True}
        return replace(self._call("GET", listing, url_of(path)), params=params)

    def _output_files(self, task: Task) -> Flow[tuple[OutputFile, ...]]:
        """The files of the workspace that changed since the run began, but for uploads."""

        def parse(body: Any) -> Page[OutputFile]:
            paths = changed_since(task.created_at, body["files"])
            files = (OutputFile(id=f"{task.workspace_id}/{path}", name=name_of(path)) for path in paths)
            return Page(items=tuple(files), next=next_cursor(body))

        files: tuple[OutputFile, ...] = ()
        cursor: str | None = None
        while task.workspace_id is not None:
            listing = self._call("GET", f"/workspaces/{task.workspace_id}/files", parse)
            page = yield from call(replace(listing, params={"limit": PAGE_SIZE, "cursor": cursor}))
            files += page.items
            if (cursor := page.next) is None:
                break
        return files


def slot_of(content_type: str, size: int) -> Callable[[Any], UploadSlot]:
    """Makes the slot for a file of the answer that names its URL: a PUT of just that type and length."""

    def parse(body: Any) -> UploadSlot:
        [file] = body["files"]
        headers = {"Content-Type": content_type, "Content-Length": str(size)}
        return UploadSlot(method="PUT", url=file["uploadUrl"], headers=headers, reference=file["id"])

    return parse


def changed_since(moment: datetime | None, files: Iterable[Mapping[str, Any]]) -> list[str]:
    """The paths of the files that are the work of an agent since a moment. Stores date files in whole seconds."""
    since = moment.replace(microsecond=0) if moment else None
    return [
        file["path"]
        for file in files
        if not file["path"].startswith(UPLOADS)
        and not file["path"].endswith("/")
        and (since is None or _MOMENT.validate_python(file["lastModified"]) >= since)
    ]


def name_of(path: str) -> str:
    """The name of the file at a path."""
    return PurePosixPath(path).name


def url_of(path: str) -> Callable[[Any], str]:
    """Makes of a list of files the URL of the one at a path."""

    def parse(body: Any) -> str:
        for file in body["files"]:
            if file["path"] == path:
                return str(file["url"])
        raise NotFoundError(f"The file {path} is no longer in its workspace.", status_code=404)

    return parse
