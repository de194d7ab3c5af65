"""Uploads and downloads: another host in the real world, which must not see the API key."""

from __future__ import annotations

import re
from uuid import uuid4

from .exchange import Answer, Request, checked_body
from .world import World


def download_url(world: World, origin: str, content: bytes) -> str:
    file_id = str(uuid4())
    world.downloads[file_id] = content
    return f"{origin}/_files/{file_id}"


def presigned(world: World, request: Request, origin: str, files: dict[str, bytes]) -> Answer:
    body = checked_body(world, request, "upload", bare=False)
    token = uuid4().hex
    name = f"{token[:8]}-{body['fileName']}"
    world.uploads[token] = (files, name)
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


def serve_file(world: World, request: Request) -> Answer:
    """Takes or gives a file."""
    token = request.path.removeprefix("/_files/")
    if "x-browser-use-api-key" in request.headers:
        return Answer(400, {"detail": "The file store was sent the API key"})
    if request.method == "GET" and token in world.downloads:
        return Answer(200, world.downloads[token], {"Content-Type": "application/octet-stream"})
    if request.method == "POST" and token in world.uploads:
        files, name = world.uploads.pop(token)
        parts = _form(request)
        if parts.get("key") != name.encode() or parts.get("policy") != token.encode() or list(parts)[-1] != "file":
            return Answer(403, {"detail": "The form does not hold the fields, and the file last"})
        files[name] = parts["file"]
        return Answer(204)
    return Answer(404, {"detail": "Not Found"})


def _form(request: Request) -> dict[str, bytes]:
    """The parts of a multipart form, by name."""
    boundary = request.headers.get("content-type", "").partition("boundary=")[2].encode()
    parts: dict[str, bytes] = {}
    for part in request.body.split(b"--" + boundary)[1:-1]:
        head, _, content = part.removeprefix(b"\r\n").partition(b"\r\n\r\n")
        name = re.search(rb'name="([^"]*)"', head)
        parts[name.group(1).decode() if name else ""] = content.removesuffix(b"\r\n")
    return parts
