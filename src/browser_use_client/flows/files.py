"""Files into a task and out of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any, TypeVar

from browser_use_client.contracts import Contract
from browser_use_client.effects import Call, Download, Flow, Upload
from browser_use_client.errors import FileUrlExpiredError, InvalidRequestError
from browser_use_client.json_text import ODD_CHARACTERS
from browser_use_client.models import OutputFile, Task, UploadSlot
from browser_use_client.retrying import retried

T = TypeVar("T")

MAX_URLS = 3
"""Presigned URLs that are tried for one file: each is good for some minutes."""

MAX_NAME_BYTES = 255
"""What the name of a file may have at most on the file systems in use."""


@dataclass(frozen=True)
class LocalFile:
    """A file that can be uploaded: where it is, its size in bytes and its content type."""

    path: Path
    size: int
    content_type: str

    @classmethod
    def at(cls, path: str | Path, contract: Contract) -> LocalFile:
        """A file as it is now, for a server that speaks a contract.

        Raises:
            InvalidRequestError: There is none, or the contract does not take it.
        """
        try:
            path = Path(path)
            size = path.stat().st_size
        except OSError as error:
            raise InvalidRequestError(f"{path} cannot be uploaded: {error.strerror}.") from None
        except (ValueError, TypeError) as error:
            raise InvalidRequestError(f"{path!r} cannot be uploaded: {error}.") from None
        if not path.is_file():
            raise InvalidRequestError(f"{path} cannot be uploaded: it is not a file.")
        return cls(path, size, contract.content_type(path, size))


def local_files(contract: Contract, paths: Iterable[str | Path]) -> list[LocalFile]:
    """The files for one task.

    Raises:
        InvalidRequestError: One of them cannot be uploaded, two have one name, or there are too many.
    """
    files = [LocalFile.at(path, contract) for path in paths]
    most = contract.most_files
    if most is not None and len(files) > most:
        raise InvalidRequestError(f"The task has {len(files)} files; {contract.name} takes at most {most}.")
    names = [file.path.name for file in files]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise InvalidRequestError(f"Two files for the task are called {twice!r}, and the one would replace the other.")
    return files


def folder_at(path: Any) -> Path:
    """A folder to download to.

    Raises:
        InvalidRequestError: No folder can be called so.
    """
    if not isinstance(path, (str, Path)) or ODD_CHARACTERS.search(str(path)):
        raise InvalidRequestError(f"{path!r} cannot be the name of a folder.")
    return Path(path)


def upload(contract: Contract, file: LocalFile, *, into: str | None, known: bool = False) -> Flow[UploadSlot]:
    """Uploads a file, and returns what it is now known by.

    Args:
        contract: What the server speaks.
        file: The file.
        into: What it belongs to, where the contract wants that.
        known: Whether that is known to exist.
    """
    asking = contract.upload_slot(file.path.name, file.content_type, file.size, into=into)
    return (yield from _through_fresh_url(asking, lambda slot: Upload(slot, file.path, file.content_type), known=known))


def download_output_files(contract: Contract, task: Task, folder: Path) -> Flow[list[Path]]:
    """Downloads what a task left behind, each under its own name, and returns where it is."""
    targets: dict[Path, OutputFile] = {}
    for file in task.output_files:
        target = folder / _safe_name(file)
        targets[target if target not in targets else folder / _safe_name(file, f"{file.id}-")] = file
    for target, file in targets.items():
        ask = contract.get_output_file_url(task.id, file.id)
        yield from _through_fresh_url(ask, partial(Download, path=target))
    return list(targets)


def _through_fresh_url(ask: Call[T], move: Callable[[T], Upload | Download], *, known: bool = False) -> Flow[T]:
    """Moves a file through a presigned URL, with a new one where that has expired; returns the one that did it."""
    for urls_left in reversed(range(MAX_URLS)):
        url = yield from retried(ask, known=known)
        try:
            yield from retried(move(url))
        except FileUrlExpiredError:
            if not urls_left:
                raise
        else:
            return url
    raise AssertionError("the last URL returns or raises")


def _safe_name(file: OutputFile, prefix: str = "") -> str:
    """The last part of the name: an agent, or a site that it was on, must not choose a folder of ours.

    One that is too long for a file system loses the end of its stem.
    """
    name = PurePosixPath(file.name.replace("\\", "/")).name
    name = (prefix + (name if name not in ("", ".", "..") else file.id)).replace("/", "-")  # an id may hold a path
    suffix = PurePosixPath(name).suffix
    room = MAX_NAME_BYTES - len(suffix.encode())
    if len(name.encode()) <= MAX_NAME_BYTES or room <= 0:
        return name.encode()[:MAX_NAME_BYTES].decode(errors="ignore")
    return name.removesuffix(suffix).encode()[:room].decode(errors="ignore") + suffix
