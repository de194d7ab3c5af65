"""The workspaces of v4: files that lie at paths, for all runs of a session. On the disk each is named by its id."""

from __future__ import annotations

import dataclasses
import mimetypes
import re
import shutil
from collections.abc import AsyncIterator, Sequence
from datetime import datetime, timedelta, timezone
from pathlib import Path

from browser_use_local.engine import Upload
from browser_use_local.records import Conversation, File, Run, WorkspaceFile, now, wire_time
from browser_use_local.store import Store

UPLOAD_WITHIN_SECONDS = 300
UPLOADS, OUTPUTS = "uploads", "outputs"


class WouldReplaceError(Exception):
    """A file that must not be replaced is there already. The message is its path."""


class WrongUploadError(Exception):
    """An upload is not the one that was announced. The message says why."""


@dataclasses.dataclass(frozen=True)
class NewFile:
    """A file that is announced."""

    name: str
    content_type: str
    size: int


class Workspaces:
    """Keeps the files of workspaces.

    Args:
        folder: Where they lie. Made if it is missing.
        store: Where their paths are kept.
    """

    def __init__(self, folder: Path, store: Store) -> None:
        self._folder = folder
        self._store = store
        folder.mkdir(exist_ok=True)

    def expect(self, workspace_id: str, announced: Sequence[NewFile], *, may_replace: bool) -> list[WorkspaceFile]:
        """Allows uploads, each within five minutes. Until then nothing of the workspace changes.

        Raises:
            WouldReplaceError: A file is there already, and `may_replace` is false.
        """
        files = [
            WorkspaceFile(
                workspace_id=workspace_id,
                path=f"{UPLOADS}/{_stored_name(new.name)}",
                name=new.name,
                content_type=new.content_type,
                size=new.size,
            )
            for new in announced
        ]
        for file in files:
            if not may_replace and self.at(workspace_id, file.path):
                raise WouldReplaceError(file.path)
        for file in files:
            self._store.add(file)
        return files

    async def receive(self, file: WorkspaceFile, content_type: str, content: AsyncIterator[bytes]) -> None:
        """Keeps a file that was announced, in place of another one at its path.

        Raises:
            WrongUploadError: It was not announced, or otherwise, or more than five minutes ago.
        """
        announced = datetime.fromisoformat(file.modified_at.replace("Z", "+00:00"))
        if file.is_uploaded or datetime.now(timezone.utc) > announced + timedelta(seconds=UPLOAD_WITHIN_SECONDS):
            raise WrongUploadError("the URL is used, or more than five minutes old")
        if content_type != file.content_type:
            raise WrongUploadError(f"the Content-Type is {content_type!r}, and {file.content_type!r} was announced")
        new = self.path(file).with_suffix(".new")
        size = 0
        try:
            with new.open("wb") as target:
                async for chunk in content:
                    size += len(chunk)
                    if size > file.size:
                        break
                    target.write(chunk)
            if size != file.size:
                raise WrongUploadError(f"the file does not have the {file.size} bytes that were announced")
            new.replace(self.path(file))
        finally:
            new.unlink(missing_ok=True)
        self._put(dataclasses.replace(file, is_uploaded=True, modified_at=now()))

    def promote(self, output: File, source: Path) -> None:
        """Keeps what a run gave out in the workspace of its session too."""
        run = self._store.get(Run, task_id=output.task_id)
        conversation = self._store.get(Conversation, id=run.conversation_id) if run else None
        if conversation is None:
            return
        file = WorkspaceFile(
            workspace_id=conversation.workspace_id,
            path=f"{OUTPUTS}/{output.name}",
            name=output.name,
            content_type=mimetypes.guess_type(output.name)[0] or "application/octet-stream",
            size=source.stat().st_size,
            is_uploaded=True,
        )
        shutil.copyfile(source, self.path(file))
        self._put(file)

    def at(self, workspace_id: str, path: str) -> WorkspaceFile | None:
        """The file at a path."""
        return self._store.get(WorkspaceFile, workspace_id=workspace_id, path=path, is_uploaded=True)

    def files(self, workspace_id: str, prefix: str = "") -> list[WorkspaceFile]:
        """The files of a workspace whose paths start so, by path."""
        files = self._store.select(WorkspaceFile, {"workspace_id": workspace_id, "is_uploaded": True}, order="path")
        return [file for file in files if file.path.startswith(prefix)]

    def attached(self, file_ids: Sequence[str], workspace_id: str | None = None) -> list[WorkspaceFile]:
        """The files of these ids that are there, in this order; those of one workspace, if it is named."""
        found = (self._store.get(WorkspaceFile, id=file_id, is_uploaded=True) for file_id in file_ids)
        return [file for file in found if file and workspace_id in {None, file.workspace_id}]

    def for_task(self, files: Sequence[WorkspaceFile]) -> dict[str, Upload]:
        """Files as a task may use them."""
        return {file.name: Upload(self.path(file), file.content_type) for file in files}

    def delete(self, file: WorkspaceFile) -> None:
        """Removes a file."""
        self._store.delete(WorkspaceFile, id=file.id)
        self.path(file).unlink(missing_ok=True)

    def capacity(self) -> int:
        """How many bytes a workspace can have: as many as the disk."""
        return shutil.disk_usage(self._folder).total

    def path(self, file: WorkspaceFile) -> Path:
        """Where a file lies on the disk."""
        return self._folder / file.id

    def forget_announced(self) -> None:
        """Removes what was announced, and not uploaded in time."""
        latest = wire_time(datetime.now(timezone.utc) - timedelta(seconds=UPLOAD_WITHIN_SECONDS))
        for file in self._store.select(WorkspaceFile, {"is_uploaded": False, "modified_at <": latest}):
            self._store.delete(WorkspaceFile, id=file.id)

    def _put(self, file: WorkspaceFile) -> None:
        """Notes that a file lies at its path from now on, and no other one."""
        replaced = self.at(file.workspace_id, file.path)
        with self._store.transaction():
            for old in (replaced, self._store.get(WorkspaceFile, id=file.id)):
                if old:
                    self._store.delete(WorkspaceFile, id=old.id)
            self._store.add(file)
        if replaced:
            self.path(replaced).unlink(missing_ok=True)


def _stored_name(name: str) -> str:
    """A name from outside as one that is no path."""
    return re.sub(r"[^\w. ()-]", "_", name).lstrip(". ") or "file"
