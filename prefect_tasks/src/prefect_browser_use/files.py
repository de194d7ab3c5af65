"""Files that go into a task, and the ones that it leaves behind."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

from browser_use_client import BrowserUseError, Task, TaskError

PIECE_BYTES = 1024 * 1024
"""Of a file that is read for its digest, so that a large one is never in memory as a whole."""


class OutputFilesError(TaskError):
    """A task ended well, but the files that it left behind could not be downloaded. A retry downloads them again."""

    def __init__(self, message: str, *, retryable: bool = False, **ids: Any) -> None:
        super().__init__(message, **ids)
        self.retryable = retryable


@contextmanager
def downloading(task: Task, folder: Path) -> Iterator[None]:
    """What goes wrong inside is said with what became of the task.

    Raises:
        OutputFilesError: Its files could not be downloaded.
    """
    try:
        yield
    except BrowserUseError as error:
        raise OutputFilesError(
            f"Task {task.id} in session {task.session_id} has finished and no longer runs, but its files could not be"
            f" downloaded to {folder}: {error} A retry reattaches to the finished task and downloads again; no"
            " second task is paid for.",
            retryable=error.retryable,
            task_id=task.id,
            session_id=task.session_id,
        ) from error


def paths_of(files: Any) -> tuple[Path, ...]:
    """The files that are meant.

    Raises:
        TypeError: They are no list of paths, as it is when one was mapped over.
    """
    if isinstance(files, (str, Path)) or not isinstance(files, Sequence):
        raise TypeError(
            f"`files` must be a list of paths, not {type(files).__name__}. `.map` iterates over every argument"
            " that it can: pass what is meant for every task as `files=unmapped(files)`."
        )
    return tuple(Path(path) for path in files)


def folder_of(folder: str | Path | None) -> Path | None:
    """A folder, wherever the process that runs the task is."""
    return Path(folder).absolute() if folder is not None else None


def digests(files: Sequence[Path]) -> list[str]:
    """What tells files from others of the same name, wherever they lie. One that cannot be read has no digest."""
    return [f"{path.name} {_digest(path)}" for path in files]


def _digest(path: Path) -> str:
    try:
        with path.open("rb") as content:
            digest = sha256()
            for piece in iter(lambda: content.read(PIECE_BYTES), b""):
                digest.update(piece)
            return digest.hexdigest()
    except OSError:
        return ""  # the client refuses it, and says why
