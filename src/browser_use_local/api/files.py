"""Files in and out, and the logs of tasks."""

from __future__ import annotations

from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response
from starlette.routing import Route

from browser_use_local.api.bodies import NewFile
from browser_use_local.api.http import links, local, nothing, path_id, raw_body, read, respond
from browser_use_local.api.sessions import known_session, stopped
from browser_use_local.api.signed import check_signature
from browser_use_local.api.tasks import known_task
from browser_use_local.files import MAX_FILE_BYTES, UPLOAD_WITHIN_SECONDS
from browser_use_local.records import File
from browser_use_local.settings import Contract

# What a multipart body has besides the file.
FORM_FRAME_BYTES = 16 * 1024


async def _presign(request: Request, session_id: str | None) -> Response:
    new = read(NewFile, await raw_body(request))
    token = local(request).files.expect(new.file_name, new.content_type, new.size_bytes, session_id)
    answer = {
        "url": links(request).plain("/uploads"),
        "method": "POST",
        "fields": {"key": token, "Content-Type": new.content_type},
        "fileName": new.file_name,
        "expiresIn": UPLOAD_WITHIN_SECONDS,
    }
    return respond(request, answer)


async def presign_for_session(request: Request) -> Response:
    """POST /files/sessions/{id}/presigned-url of v2-flat."""
    session = known_session(request)
    if session.status == "stopped":
        raise stopped(session.reason)
    return await _presign(request, session.id)


async def presign_for_user(request: Request) -> Response:
    """POST /users/me/files/presigned-url of v2-nested."""
    return await _presign(request, None)


async def upload(request: Request) -> Response:
    """POST /uploads: takes the file, with the fields that the presigned answer had."""
    most = MAX_FILE_BYTES + FORM_FRAME_BYTES
    if int(request.headers.get("content-length", most + 1)) > most:
        raise HTTPException(413, f"A file may have {MAX_FILE_BYTES // 1024 // 1024} MB at most")
    async with request.form(max_files=1, max_fields=10) as form:
        expected = local(request).files.expected(str(form.get("key")))
        file = form.get("file")
        if expected is None or not isinstance(file, UploadFile):
            raise HTTPException(403, f"This upload was not asked for, or more than {UPLOAD_WITHIN_SECONDS} seconds ago")
        content = await file.read()
    if not 0 < len(content) <= expected.size:
        raise HTTPException(400, f"The file has {len(content)} bytes, and {expected.size} were announced")
    local(request).files.receive(expected, content)
    return nothing()


def _file(request: Request, *, is_output: bool) -> File:
    task = known_task(request)
    wanted = path_id(request, "file_id")
    file = local(request).store.get(File, id=wanted, task_id=task.id, is_output=is_output)
    if file is None:
        raise HTTPException(404, "Output file not found" if is_output else "Uploaded file not found")
    return file


def _file_view(request: Request, file: File) -> Response:
    url = links(request).to(f"/downloads/{file.id}")
    return respond(request, {"id": file.id, "fileName": file.name, "downloadUrl": url})


async def output_file(request: Request) -> Response:
    """GET [/files]/tasks/{id}/output-files/{file_id}."""
    return _file_view(request, _file(request, is_output=True))


async def uploaded_file(request: Request) -> Response:
    """GET /tasks/{id}/user-uploaded-files/{file_id} of v2-nested."""
    return _file_view(request, _file(request, is_output=False))


async def download(request: Request) -> Response:
    """GET /downloads/{file_id}: the file, at a signed URL."""
    check_signature(request, request.url.path)
    here = local(request)
    file = here.store.get(File, id=path_id(request, "file_id"))
    if file is None:
        raise HTTPException(404, "File not found")
    # Never shown in the browser: the file comes from anywhere, and this site's pages are trusted.
    headers = {"X-Content-Type-Options": "nosniff"}
    return FileResponse(here.files.path(file), media_type=file.content_type, filename=file.name, headers=headers)


async def logs(request: Request) -> Response:
    """GET /tasks/{id}/logs."""
    task = known_task(request)
    return respond(request, {"downloadUrl": links(request).to(f"/logs/{task.id}.txt")})


async def log_text(request: Request) -> Response:
    """GET /logs/{task_id}.txt: what a task did, at a signed URL."""
    check_signature(request, request.url.path)
    task = known_task(request)
    lines = [f"{task.created_at} {task.task}", ""]
    for step in local(request).steps(task):
        lines += [f"{step.number}. {step.goal} ({step.duration:.2f} s, {step.url})", f"   {step.evaluation}"]
        lines += [f"   {line}" for line in step.memory.splitlines()]
    lines += ["", f"{task.finished_at or 'not finished'} {task.status}", task.output or ""]
    return PlainTextResponse("\n".join(lines))


def routes(contract: Contract) -> list[Route]:
    """The endpoints of the contract."""
    shared = [Route("/tasks/{task_id}/logs", logs, methods=["GET"])]
    nested = [
        Route("/users/me/files/presigned-url", presign_for_user, methods=["POST"]),
        Route("/tasks/{task_id}/output-files/{file_id}", output_file, methods=["GET"]),
        Route("/tasks/{task_id}/user-uploaded-files/{file_id}", uploaded_file, methods=["GET"]),
    ]
    flat = [
        Route("/files/sessions/{session_id}/presigned-url", presign_for_session, methods=["POST"]),
        Route("/files/tasks/{task_id}/output-files/{file_id}", output_file, methods=["GET"]),
    ]
    return shared + {"v2-nested": nested, "v2-flat": flat, "both": nested + flat}[contract]


OPEN_ROUTES = [
    Route("/uploads", upload, methods=["POST"]),
    Route("/downloads/{file_id}", download),
    Route("/logs/{task_id}.txt", log_text),
]
