"""The files that v2 takes."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from browser_use_client.errors import InvalidRequestError

MAX_FILE_SIZE = 10 * 1024 * 1024
"""Bytes that a file may have at most: the API takes no larger one."""

CONTENT_TYPES = {
    ".csv": "text/csv",
    ".doc": "application/msword",
    ".docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    ".gif": "image/gif",
    ".jpeg": "image/jpeg",
    ".jpg": "image/jpeg",
    ".md": "text/markdown",
    ".pdf": "application/pdf",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".txt": "text/plain",
    ".webp": "image/webp",
    ".xls": "application/vnd.ms-excel",
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
"""The kinds of files that the API takes."""


def content_type_of(file: str | Path, size: int) -> str:
    """The content type that a file is uploaded with.

    Args:
        file: Its path, or its URL elsewhere.
        size: Bytes.

    Raises:
        InvalidRequestError: The API would not take it.
    """
    content_type = CONTENT_TYPES.get(PurePosixPath(file).suffix.lower())
    if content_type is None:
        raise InvalidRequestError(f"{file} cannot be uploaded: the API takes {', '.join(CONTENT_TYPES)}.")
    if not 0 < size <= MAX_FILE_SIZE:
        raise InvalidRequestError(
            f"{file} cannot be uploaded: it has {size:,} bytes; the API takes files of 1 to {MAX_FILE_SIZE:,}."
        )
    return content_type
