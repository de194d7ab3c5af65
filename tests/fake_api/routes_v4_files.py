"""The endpoints of v4's workspaces, and of the files in them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from . import views_v4 as views
from .cursors import cursor_of, encoded, number_of
from .exchange import Answer, RefusedError, Request, checked_body, checked_query, problem
from .files import URL_SECONDS, awaited_put, download_url
from .routing import MOST_ROWS, route
from .workspaces import Attachment, Workspace
from .world import World

MAX_WORKSPACE_BYTES = 10 * 2**30


@route("POST", "/workspaces", "v4")
def create_workspace(world: World, request: Request, origin: str) -> Answer:  # noqa: ARG001 - all handlers alike
    body = checked_body(world, request, "workspace", bare=False)
    return Answer(200, views.workspace(world.create_workspace(body.get("name"))))


@route("GET", "/workspaces/{id}", "v4")
def get_workspace(world: World, request: Request, origin: str, workspace_id: str) -> Answer:  # noqa: ARG001
    return Answer(200, views.workspace(workspace_of(world, workspace_id)))


@route("DELETE", "/workspaces/{id}", "v4")
def archive_workspace(world: World, request: Request, origin: str, workspace_id: str) -> Answer:  # noqa: ARG001
    workspace_of(world, workspace_id).archived = True
    return Answer(204)


@route("GET", "/workspaces/{id}/size", "v4")
def get_workspace_size(world: World, request: Request, origin: str, workspace_id: str) -> Answer:  # noqa: ARG001
    used = sum(len(file.content) for file in workspace_of(world, workspace_id).files.values())
    return Answer(200, {"usedBytes": used, "maxBytes": MAX_WORKSPACE_BYTES})


@route("POST", "/workspaces/{id}/files/upload", "v4")
def upload_files(world: World, request: Request, origin: str, workspace_id: str) -> Answer:
    body = checked_body(world, request, "upload", bare=False)
    workspace = workspace_of(world, workspace_id)
    wanted = [_attachment(file) for file in body["files"]]
    taken = [one.name for one in wanted if one.path in workspace.files]
    if taken and body.get("allowOverrides") is False:
        raise RefusedError(409, f"Files exist already: {', '.join(taken)}")
    for one in wanted:
        workspace.attachments[one.id] = one
    return Answer(
        200,
        {
            "files": [
                {
                    "id": one.id,
                    "name": one.name,
                    "storedName": one.path.removeprefix("uploads/"),
                    "path": one.path,
                    "willOverride": one.path in workspace.files,
                    "uploadUrl": awaited_put(world, origin, workspace.files, one),
                }
                for one in wanted
            ]
        },
    )


@route("GET", "/workspaces/{id}/files", "v4")
def list_files(world: World, request: Request, origin: str, workspace_id: str) -> Answer:
    query = checked_query(request, "prefix", "limit", "cursor", "includeUrls", "contentDisposition")
    limit = number_of(query, "limit", 50)
    if limit > MOST_ROWS:
        raise RefusedError(422, {"detail": [problem("limit", "Input should be less than or equal to 100")]})
    after = cursor_of(query) or ""
    files = sorted(workspace_of(world, workspace_id).files.items())
    left = [(path, file) for path, file in files if path.startswith(query.get("prefix", "")) and path > after]

    def url(content: bytes) -> str | None:
        if query.get("includeUrls") != "true":
            return None
        return download_url(world, origin, content, expires_at=world.now + URL_SECONDS)

    rows = [views.workspace_file(path, file, url(file.content)) for path, file in left[:limit]]
    more = len(left) > limit
    return Answer(200, {"files": rows, "nextCursor": encoded(rows[-1]["path"]) if more else None, "hasMore": more})


@route("DELETE", "/workspaces/{id}/files", "v4")
def delete_file(world: World, request: Request, origin: str, workspace_id: str) -> Answer:  # noqa: ARG001
    path = checked_query(request, "path")["path"]
    if workspace_of(world, workspace_id).files.pop(path, None) is None:
        raise RefusedError(404, "File not found")
    return Answer(204)


def workspace_of(world: World, workspace_id: str) -> Workspace:
    """A workspace that there is."""
    workspace = world.workspaces.get(workspace_id)
    if workspace is None or workspace.archived:
        raise RefusedError(404, "Workspace not found")
    return workspace


def _attachment(file: Mapping[str, Any]) -> Attachment:
    stored = file["name"].replace("/", "_").replace(" ", "_")
    content_type = file.get("contentType", "application/octet-stream")
    return Attachment(file["name"], f"uploads/{stored}", content_type, file["size"])
