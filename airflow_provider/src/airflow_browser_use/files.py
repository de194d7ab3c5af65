"""Files on their way into a remote task and out of it: paths on the worker, or URLs in object storage.

A URL is what Airflow's `ObjectStoragePath` takes: `s3://bucket/key`, or `s3://connection@bucket/key`.
"""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from airflow.providers.common.compat.sdk import ObjectStoragePath

from airflow_browser_use.failures import FileStorageError
from browser_use_client import InvalidRequestError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from browser_use_client import BrowserUseClient, Task

Place = str | PathLike[str] | ObjectStoragePath
Files = Place | Sequence[Place]

FILE_PROTOCOLS = {"file", "local"}
"""Protocols of the worker's own disk, the only storage whose folders have to be made."""


def as_list(files: Files | None) -> list[str]:
    """An operator's `files`; one alone needs no list, as where `files` is mapped."""
    if files is None:
        return []
    return [str(file) for file in ([files] if isinstance(files, (str, PathLike, ObjectStoragePath)) else files)]


def fetch(files: Sequence[str], scratch: Path, client: BrowserUseClient) -> Iterator[Path]:
    """Files as files of the worker, each fetched when it is asked for.

    Args:
        files: Paths, or URLs in object storage.
        scratch: An empty folder for what is fetched.
        client: Says which files its server takes, before one is fetched.

    Raises:
        InvalidRequestError: There is no such file, or the API would not take it.
        FileStorageError: The storage failed.
    """
    for number, file in enumerate(files):
        yield _fetch(file, scratch / str(number), client)


def _fetch(file: str, folder: Path, client: BrowserUseClient) -> Path:
    """The agent finds a file under its own name, so each has a folder to itself."""
    if not _is_url(file):
        return Path(file)
    source = _in_storage(file)
    target = folder / source.name
    folder.mkdir()
    try:
        client.content_type_of(file, source.stat().st_size)
        source.fs.get_file(source.path, str(target))
    except FileNotFoundError:
        raise InvalidRequestError(f"{file} cannot be uploaded: there is no such file.") from None
    except InvalidRequestError:
        raise
    except Exception as error:
        raise FileStorageError(f"{file} could not be read, so no task was created: {error}") from error
    return target


def check_folder(folder: Place | None) -> None:
    """Find out that results cannot go to a folder before a task is paid for. On the worker's disk, it is made.

    Raises:
        InvalidRequestError: They cannot: nothing knows this kind of URL, say, or a file is in the way.
    """
    if not folder:
        return
    try:
        _make(_in_storage(str(folder)) if _is_url(str(folder)) else Path(str(folder)))
    except OSError as error:
        raise InvalidRequestError(f"{folder} cannot be written to: {error.strerror or error}.") from error


def download(client: BrowserUseClient, task: Task, folder: str) -> list[str]:
    """Put the output files of a task into a folder, each under its own name. What is there already is replaced.

    On the way to object storage they lie on the worker's disk; nowhere are they whole in memory.

    Returns:
        Where each one is, in the order of the task's `output_files`.
    """
    if not _is_url(folder):
        return [str(path) for path in client.download_output_files(task, folder)]
    with TemporaryDirectory(prefix="browser-use-") as scratch:
        return [_put(path, folder) for path in client.download_output_files(task, scratch)]


def write(content: bytes, folder: str, name: str) -> str:
    """Put content into a folder under a name, and return where it is."""
    if _is_url(folder):
        with TemporaryDirectory(prefix="browser-use-") as scratch:
            return _put(Path(write(content, scratch, name)), folder)
    path = Path(folder, name)
    _make(path.parent)
    path.write_bytes(content)
    return str(path)


def _put(path: Path, folder: str) -> str:
    url = f"{folder.rstrip('/')}/{path.name}"
    _make(_in_storage(folder))
    target = _in_storage(url)
    target.fs.put_file(str(path), target.path)
    return url


def _make(folder: Path | ObjectStoragePath) -> None:
    if isinstance(folder, Path):
        folder.mkdir(parents=True, exist_ok=True)
    elif folder.protocol in FILE_PROTOCOLS:
        _make(Path(folder.path))


def _is_url(place: str) -> bool:
    return "://" in place


def _in_storage(url: str) -> ObjectStoragePath:
    """A URL with its file system, which takes a provider and, where the URL names it, a connection.

    Raises:
        InvalidRequestError: One of these is missing.
    """
    try:
        path = ObjectStoragePath(url)
        path.fs  # noqa: B018 - makes it
    except Exception as error:
        raise InvalidRequestError(
            f"{url} is not a valid URL of a storage that is known here: {str(error).rstrip('.')}."
        ) from error
    return path
