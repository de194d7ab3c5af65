"""Where the files of sessions are: in v2 a session's own, in v4 a workspace that sessions may share."""

from __future__ import annotations

from dataclasses import dataclass, field
from uuid import uuid4


@dataclass
class File:
    """A file as it is now; `content_type` is that of an upload."""

    content: bytes
    modified_at: float
    content_type: str = "application/octet-stream"


@dataclass
class Attachment:
    """An upload that was asked for."""

    name: str
    path: str
    content_type: str
    size: int
    id: str = field(default_factory=lambda: str(uuid4()))


@dataclass
class Workspace:
    """Files by their paths, and the uploads that were asked for, by their ids."""

    id: str
    name: str | None
    created_at: float
    updated_at: float
    archived: bool = False
    files: dict[str, File] = field(default_factory=dict)
    attachments: dict[str, Attachment] = field(default_factory=dict)
