"""The host of files of the fake: presigned uploads and downloads, without the API key."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any
from uuid import NAMESPACE_URL, uuid5

PREFIX = "/_files/"
DOWNLOADS = 3
"""How often the client asks for a file before it gives up."""


@dataclass
class FileStore:
    """`uploads` holds contents by session and name; `lost` is how many downloads are yet to be answered with 404."""

    uploads: dict[tuple[str, str], bytes] = field(default_factory=dict)
    lost: int = 0

    def upload_slot(self, origin: str, session_id: str, body: dict[str, Any]) -> dict[str, Any]:
        name = body["fileName"]
        return {
            "url": f"{origin}{PREFIX}{session_id}/{name}",
            "method": "POST",
            "fields": {"key": name},
            "fileName": name,
            "expiresIn": 120,
        }

    def output_files(self, names: list[str]) -> list[dict[str, str]]:
        return [{"id": str(uuid5(NAMESPACE_URL, name)), "fileName": name} for name in names]

    def download(self, origin: str, task_id: str, files: list[dict[str, str]], file_id: str) -> dict[str, str]:
        [name] = [file["fileName"] for file in files if file["id"] == file_id]
        return {"id": file_id, "fileName": name, "downloadUrl": f"{origin}{PREFIX}{task_id}/{name}"}

    def serve(self, method: str, path: str, body: bytes) -> tuple[int, bytes]:
        owner, _, name = path.removeprefix(PREFIX).partition("/")
        if method == "POST":
            [content] = re.findall(rb'name="file".*?\r\n\r\n(.*)\r\n--', body, re.DOTALL)
            self.uploads[owner, name] = content
            return 204, b""
        if self.lost:
            self.lost -= 1
            return 404, b""
        return 200, content_of(owner, name)


def content_of(task_id: str, name: str) -> bytes:
    """What is in an output file."""
    return f"{name} of {task_id}".encode()
