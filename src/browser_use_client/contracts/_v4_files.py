"""The files of a workspace in v4: what goes in, and what a run has left there."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from pathlib import PurePosixPath
from typing import Any

from pydantic import TypeAdapter

from browser_use_client.errors import NotFoundError
from browser_use_client.models import UploadSlot
from browser_use_client.models._base import UtcDatetime

UPLOADS = "uploads/"
"""Where the server puts what is uploaded."""

_MOMENT: TypeAdapter[datetime] = TypeAdapter(UtcDatetime)


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
