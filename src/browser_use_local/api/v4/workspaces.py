"""/workspaces, and the signed URLs of their files."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import TypeAdapter
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route

from browser_use_local.api.http import links, local, nothing, parameter, path_id, raw_body, read
from browser_use_local.api.signed import check_signature
from browser_use_local.api.v4.bodies import FileUpload, WorkspaceName
from browser_use_local.api.v4.paging import in_order
from browser_use_local.records import Workspace, WorkspaceFile, now
from browser_use_local.workspaces import NewFile, WouldReplaceError, WrongUploadError

WITH_URLS: TypeAdapter[bool] = TypeAdapter(bool)
DISPOSITION: TypeAdapter[str | None] = TypeAdapter(Literal["attachment"])


def _known(request: Request, *, archived_too: bool = False) -> Workspace:
    """The workspace that the path names; 404 if there is none, or it is archived."""
    found = local(request).store.get(Workspace, id=path_id(request, "workspace_id"))
    if found is None or (found.archived and not archived_too):
        raise HTTPException(404, "Workspace not found")
    return found


def _view(workspace: Workspace) -> dict[str, Any]:
    """A workspace (WorkspaceInfo)."""
    return {
        "id": workspace.id,
        "name": workspace.name,
        "archived": workspace.archived,
        "createdAt": workspace.created_at,
        "updatedAt": workspace.updated_at,
    }


async def create(request: Request) -> Response:
    """POST /workspaces."""
    workspace = Workspace(name=read(WorkspaceName, await raw_body(request)).name)
    local(request).store.add(workspace)
    return JSONResponse(_view(workspace))


async def get(request: Request) -> Response:
    """GET /workspaces/{id}."""
    return JSONResponse(_view(_known(request, archived_too=True)))


async def rename(request: Request) -> Response:
    """PATCH /workspaces/{id}."""
    workspace = _known(request)
    body = read(WorkspaceName, await raw_body(request))
    if "name" in body.model_fields_set:
        local(request).store.change(Workspace, {"id": workspace.id}, name=body.name, updated_at=now())
    return await get(request)


async def archive(request: Request) -> Response:
    """DELETE /workspaces/{id}."""
    workspace = _known(request, archived_too=True)
    local(request).store.change(Workspace, {"id": workspace.id}, archived=True, updated_at=now())
    return nothing()


async def size(request: Request) -> Response:
    """GET /workspaces/{id}/size."""
    workspaces = local(request).workspaces
    used = sum(file.size for file in workspaces.files(_known(request).id))
    return JSONResponse({"usedBytes": used, "maxBytes": workspaces.capacity()})


async def files(request: Request) -> Response:
    """GET /workspaces/{id}/files."""
    workspace = _known(request)
    with_urls = parameter(request, "includeUrls", WITH_URLS, False)
    # Files are never shown in the browser, so this changes nothing.
    parameter(request, "contentDisposition", DISPOSITION, None)
    found = local(request).workspaces.files(workspace.id, request.query_params.get("prefix", ""))
    page, following = in_order(request, found, lambda file: file.path)

    def view(file: WorkspaceFile) -> dict[str, Any]:
        url = links(request).to(f"/workspace-files/{file.id}") if with_urls else None
        return {"path": file.path, "size": file.size, "lastModified": file.modified_at, "url": url}

    return JSONResponse({"files": [view(file) for file in page], **following})


async def announce(request: Request) -> Response:
    """POST /workspaces/{id}/files/upload: URLs to PUT files to."""
    workspace = _known(request)
    body = read(FileUpload, await raw_body(request))
    workspaces = local(request).workspaces
    new = [NewFile(file.name, file.content_type, file.size) for file in body.files]
    there = {file.path for file in workspaces.files(workspace.id)}
    try:
        expected = workspaces.expect(workspace.id, new, may_replace=body.allow_overrides)
    except WouldReplaceError as error:
        raise HTTPException(409, f"{error} is there already, and allowOverrides is false") from None

    def view(file: WorkspaceFile) -> dict[str, Any]:
        return {
            "id": file.id,
            "name": file.name,
            "storedName": file.path.rpartition("/")[2],
            "path": file.path,
            "willOverride": file.path in there,
            "uploadUrl": links(request).to(f"/workspace-uploads/{file.id}"),
        }

    return JSONResponse({"files": [view(file) for file in expected]})


async def delete_file(request: Request) -> Response:
    """DELETE /workspaces/{id}/files."""
    workspaces = local(request).workspaces
    file = workspaces.at(_known(request).id, request.query_params.get("path", ""))
    if file is None:
        raise HTTPException(404, "File not found")
    workspaces.delete(file)
    return nothing()


def _signed(request: Request) -> WorkspaceFile:
    """The file of a signed URL."""
    check_signature(request, request.url.path)
    file = local(request).store.get(WorkspaceFile, id=path_id(request, "file_id"))
    if file is None:
        raise HTTPException(404, "File not found")
    return file


async def upload(request: Request) -> Response:
    """PUT /workspace-uploads/{file_id}: takes a file that was announced, with its Content-Type."""
    file = _signed(request)
    try:
        await local(request).workspaces.receive(file, request.headers.get("content-type", ""), request.stream())
    except WrongUploadError as error:
        raise HTTPException(403, f"This is not the upload that was announced: {error}") from None
    return Response()


async def download(request: Request) -> Response:
    """GET /workspace-files/{file_id}."""
    file = _signed(request)
    # Never shown in the browser: the file comes from anywhere, and this site's pages are trusted.
    headers = {"X-Content-Type-Options": "nosniff"}
    path = local(request).workspaces.path(file)
    return FileResponse(path, media_type=file.content_type, filename=file.name, headers=headers)


ROUTES = [
    Route("/workspaces", create, methods=["POST"]),
    Route("/workspaces/{workspace_id}", get, methods=["GET"]),
    Route("/workspaces/{workspace_id}", rename, methods=["PATCH"]),
    Route("/workspaces/{workspace_id}", archive, methods=["DELETE"]),
    Route("/workspaces/{workspace_id}/size", size, methods=["GET"]),
    Route("/workspaces/{workspace_id}/files", files, methods=["GET"]),
    Route("/workspaces/{workspace_id}/files", delete_file, methods=["DELETE"]),
    Route("/workspaces/{workspace_id}/files/upload", announce, methods=["POST"]),
]
OPEN_ROUTES = [
    Route("/workspace-uploads/{file_id}", upload, methods=["PUT"]),
    Route("/workspace-files/{file_id}", download),
]
