"""Files that users upload and tasks give out. On the disk each is named by its id: no name from outside is a path."""

from __future__ import annotations

import mimetypes
import secrets
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from browser_use_local.engine import Upload
from browser_use_local.records import File, Task, new_id
from browser_use_local.store import Store

MAX_FILE_BYTES = 10 * 1024 * 1024
UPLOAD_WITHIN_SECONDS = 120


class UnknownFileError(Exception):
    """No file of this name was uploaded."""


@dataclass(frozen=True)
class Expected:
    """A file that somebody may upload once, and soon."""

    name: str
    content_type: str
    size: int
    session_id: str | None
    until: float = field(default_factory=lambda: time.monotonic() + UPLOAD_WITHIN_SECONDS)


class Files:
    """Keeps files.

    Args:
        folder: Where they lie. Made if it is missing.
        store: Where their names are kept.
    """

    def __init__(self, folder: Path, store: Store) -> None:
        self._folder = folder
        self._store = store
        self._expected: dict[str, Expected] = {}
        self.on_output: Callable[[File, Path], None] = lambda file, path: None  # noqa: ARG005
        folder.mkdir(exist_ok=True)

    def expect(self, name: str, content_type: str, size: int, session_id: str | None) -> str:
        """Allows one upload. Returns the token that it must carry."""
        token = secrets.token_urlsafe(24)
        self._expected = {key: one for key, one in self._expected.items() if one.until > time.monotonic()}
        self._expected[token] = Expected(name, content_type, size, session_id)
        return token

    def expected(self, token: str) -> Expected | None:
        """The upload that the token allows, once and in time."""
        expected = self._expected.pop(token, None)
        return expected if expected and expected.until > time.monotonic() else None

    def receive(self, expected: Expected, content: bytes) -> File:
        """Keeps a file that was uploaded."""
        file = File(
            name=expected.name, content_type=expected.content_type, is_output=False, session_id=expected.session_id
        )
        self.path(file).write_bytes(content)
        self._store.add(file)
        return file

    def include(self, names: list[str], task: Task) -> None:
        """Gives a task the files of these names that the user uploaded before: the newest of each name."""
        for name in names:
            file = self._uploaded(name)
            copy = File(name=name, content_type=file.content_type, is_output=False, task_id=task.id)
            shutil.copyfile(self.path(file), self.path(copy))
            self._store.add(copy)

    def check_uploaded(self, names: list[str]) -> None:
        """Raises UnknownFileError if one of these was not uploaded."""
        for name in names:
            self._uploaded(name)

    def inputs(self, session_id: str, task_id: str) -> dict[str, Upload]:
        """What a task may use: the files of its session and its own, by name; the newest of each name."""
        files = [
            *self._store.select(File, {"session_id": session_id, "is_output": False}, order="created_at"),
            *self._store.select(File, {"task_id": task_id, "is_output": False}, order="created_at"),
        ]
        return {file.name: Upload(self.path(file), file.content_type) for file in files}

    def keep_output(self, task_id: str, name: str, source: Path) -> None:
        """Keeps a file that a task gave out."""
        kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
        file = File(id=new_id(), name=name, content_type=kind, is_output=True, task_id=task_id)
        shutil.copyfile(source, self.path(file))
        self._store.add(file)
        self.on_output(file, self.path(file))

    def outputs(self, session_id: str) -> list[File]:
        """What the tasks of a session gave out, in order."""
        tasks = self._store.select(Task, {"session_id": session_id}, order="created_at")
        found = [self._store.select(File, {"task_id": task.id, "is_output": True}) for task in tasks]
        return sorted((file for files in found for file in files), key=lambda file: (file.created_at, file.id))

    def path(self, file: File) -> Path:
        """Where a file lies."""
        return self._folder / file.id

    def delete_of_session(self, session_id: str) -> None:
        """Removes the files of a session and of its tasks from the disk."""
        owned = self._store.select(File, {"session_id": session_id})
        for task in self._store.select(Task, {"session_id": session_id}):
            owned += self._store.select(File, {"task_id": task.id})
        for file in owned:
            self.path(file).unlink(missing_ok=True)

    def _uploaded(self, name: str) -> File:
        found = self._store.select(
            File,
            {"name": name, "is_output": False, "session_id": None, "task_id": None},
            order="created_at DESC",
            limit=1,
        )
        if not found:
            raise UnknownFileError(name)
        return found[0]
