"""Uploads and downloads: another host in the real world, which must not see the API key."""

from __future__ import annotations

import base64
import re
from math import inf
from uuid import uuid4

from .exchange import Answer, Request, checked_body
from .workspaces import Attachment, File
from .world import Upload, World

URL_SECONDS = 60
"""How long a URL of a v4 workspace's file is good for."""

PUT_SECONDS = 300
"""How long a v4 upload is waited for."""


PICTURE = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
"""What every step saw: one pixel."""


def download_url(world: World, origin: str, content: bytes, *, expires_at: float = inf) -> str:
    file_id = str(uuid4())
    world.downloads[file_id] = content, expires_at
    return f"{origin}/_files/{file_id}"


def presigned(world: World, request: Request, origin: str, files: dict[str, File]) -> Answer:
    body = checked_body(world, request, "upload", bare=False)
    token = uuid4().hex
    name = f"{token[:8]}-{body['fileName']}"
    world.uploads[token] = Upload(files, name)
    return Answer(
        200,
        {
            "url": f"{origin}/_files/{token}",
            "method": "POST",
            "fields": {"key": name, "policy": token},
            "fileName": name,
            "expiresIn": 120,
        },
    )


def awaited_put(world: World, origin: str, files: dict[str, File], attachment: Attachment) -> str:
    """Where a file of a v4 workspace is to be PUT."""
    token = uuid4().hex
    world.uploads[token] = Upload(
        files, attachment.path, world.now + PUT_SECONDS, attachment.content_type, attachment.size
    )
    return f"{origin}/_files/{token}"


def serve_file(world: World, request: Request) -> Answer:
    """Takes or gives a file."""
    token = request.path.removeprefix("/_files/")
    if "x-browser-use-api-key" in request.headers:
        return Answer(400, {"detail": "The file store was sent the API key"})
    if request.method == "GET" and token.endswith(".png"):
        return Answer(200, PICTURE, {"Content-Type": "image/png"})
    if request.method == "GET" and token in world.downloads:
        content, expires_at = world.downloads[token]
        if world.now > expires_at:
            return Answer(403, {"detail": "Request has expired"})
        return Answer(200, content, {"Content-Type": "application/octet-stream"})
    upload = world.uploads.get(token)
    if upload is None:
        return Answer(404, {"detail": "Not Found"})
    if request.method == "PUT" and upload.size is not None:
        return _put(world, request, upload)
    if request.method == "POST" and upload.size is None:
        del world.uploads[token]
        parts = _form(request)
        if (
            parts.get("key") != upload.name.encode()
            or parts.get("policy") != token.encode()
            or list(parts)[-1] != "file"
        ):
            return Answer(403, {"detail": "The form does not hold the fields, and the file last"})
        upload.files[upload.name] = File(parts["file"], world.now)
        return Answer(204)
    return Answer(405, {"detail": "Method Not Allowed"})


def _put(world: World, request: Request, upload: Upload) -> Answer:
    """Takes a file that is in time and has exactly the type and length that were announced."""
    if world.now > upload.expires_at:
        return Answer(403, {"detail": "Request has expired"})
    content_type = request.headers.get("content-type", "")
    if (content_type, len(request.body)) != (upload.content_type, upload.size):
        return Answer(403, {"detail": f"Signed for {upload.size} bytes of {upload.content_type}"})
    if request.headers.get("content-length") != str(upload.size):
        return Answer(411, {"detail": "A Content-Length is required"})
    upload.files[upload.name] = File(request.body, world.now, content_type)
    return Answer(200)


def _form(request: Request) -> dict[str, bytes]:
    """The parts of a multipart form, by name."""
    boundary = request.headers.get("content-type", "").partition("boundary=")[2].encode()
    parts: dict[str, bytes] = {}
    for part in request.body.split(b"--" + boundary)[1:-1]:
        head, _, content = part.removeprefix(b"\r\n").partition(b"\r\n\r\n")
        name = re.search(rb'name="([^"]*)"', head)
        parts[name.group(1).decode() if name else ""] = content.removesuffix(b"\r\n")
    return parts
