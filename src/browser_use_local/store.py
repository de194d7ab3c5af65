"""The database: SQLite in WAL mode, called straight from the event loop (a commit takes some 0.02 ms)."""

# ruff: noqa: S608 - names of tables and columns come from records.py and from callers here; values are always bound.

from __future__ import annotations

import contextlib
import dataclasses
import json
import logging
import sqlite3
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

from browser_use_local.records import (
    LIVE,
    Conversation,
    ConversationShare,
    Delivery,
    File,
    Message,
    Notice,
    Profile,
    Run,
    Session,
    Share,
    Step,
    Task,
    Workspace,
    WorkspaceFile,
    now,
)
from browser_use_local.tables import SCHEMA, SCHEMA_VERSION, UPGRADES

logger = logging.getLogger(__name__)

SERVER_DIED = "the local server died"

Record = (
    Session
    | Task
    | Step
    | File
    | Profile
    | Delivery
    | Notice
    | Share
    | Workspace
    | WorkspaceFile
    | Conversation
    | Run
    | Message
    | ConversationShare
)
AnyRecord = TypeVar(
    "AnyRecord",
    Session,
    Task,
    Step,
    File,
    Profile,
    Delivery,
    Notice,
    Share,
    Workspace,
    WorkspaceFile,
    Conversation,
    Run,
    Message,
    ConversationShare,
)

sqlite3.register_converter("BOOLEAN", lambda value: value == b"1")
sqlite3.register_converter("JSON", json.loads)


class NewerDatabaseError(Exception):
    """The database was written by a newer version of this program."""


class Store:
    """Sessions, tasks and all that belongs to them, in one SQLite file.

    Args:
        path: The file. Made if it is missing.

    Raises:
        NewerDatabaseError: The file was written by a newer version.
        sqlite3.Error: The file is no database, or cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(path, isolation_level=None, detect_types=sqlite3.PARSE_DECLTYPES)
        self._connection.row_factory = sqlite3.Row
        (version,) = self._connection.execute("PRAGMA user_version").fetchone()
        if version > SCHEMA_VERSION:
            raise NewerDatabaseError(f"version {version}, and this program knows {SCHEMA_VERSION}")
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = NORMAL")
        self._connection.execute("PRAGMA foreign_keys = ON")
        missing = [SCHEMA] * (version == 0) + [UPGRADES[number] for number in UPGRADES if number > version]
        if missing:
            self._connection.executescript(
                f"BEGIN; {' '.join(missing)} PRAGMA user_version = {SCHEMA_VERSION}; COMMIT;"
            )
        self._unwritten: dict[tuple[type[Record], str], dict[str, Any]] = {}

    def close(self) -> None:
        """Closes the file."""
        self._connection.close()

    def add(self, record: Record) -> None:
        """Inserts a record."""
        columns = {field.name: getattr(record, field.name) for field in dataclasses.fields(record)}
        marks = ", ".join("?" * len(columns))
        self._execute(f"INSERT INTO {record.table} ({', '.join(columns)}) VALUES ({marks})", columns)

    def get(self, kind: type[AnyRecord], /, **where: Any) -> AnyRecord | None:
        """The one record with these values, if there is one."""
        return next(iter(self.select(kind, where, limit=1)), None)

    def select(
        self,
        kind: type[AnyRecord],
        where: Mapping[str, Any],
        *,
        order: str | None = None,
        limit: int = -1,
        offset: int = 0,
    ) -> list[AnyRecord]:
        """The records that match; a condition is a column, or a column and a comparison (`created_at >=`)."""
        sort = f" ORDER BY {order}" if order else ""
        rows = self._execute(f"SELECT * FROM {kind.table}{_where(where)}{sort} LIMIT ? OFFSET ?", where, limit, offset)
        return [kind(**{**row, **self._unwritten.get((kind, row[0]), {})}) for row in rows]

    def count(self, kind: type[Record], where: Mapping[str, Any]) -> int:
        """How many records match."""
        number: int = self._execute(f"SELECT count(*) FROM {kind.table}{_where(where)}", where).fetchone()[0]
        return number

    def change(self, kind: type[Record], where: Mapping[str, Any], **columns: Any) -> None:
        """Sets columns of the records that match."""
        settings = ", ".join(f"{name} = ?" for name in columns)
        self._execute(f"UPDATE {kind.table} SET {settings}{_where(where)}", columns, *where.values())

    def delete(self, kind: type[Record], /, **where: Any) -> None:
        """Deletes the records that match, and what belongs to them."""
        self._execute(f"DELETE FROM {kind.table}{_where(where)}", where)

    def end(self, kind: type[Task | Session], record_id: str, **columns: Any) -> None:
        """Sets what a task or a session ended with. It is so from now on, also where the disk is full.

        What could not be written is read from memory, and written as soon as it can be: `write_ends`.
        """
        self._unwritten[kind, record_id] = columns
        self.write_ends()

    def write_ends(self) -> None:
        """Writes the ends that could not be written before."""
        for (kind, record_id), columns in list(self._unwritten.items()):
            try:
                self.change(kind, {"id": record_id}, **columns)
            except sqlite3.Error as error:
                logger.warning("the end of %s %s could not be written yet: %s", kind.__name__, record_id, error)
                return
            del self._unwritten[kind, record_id]

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """All that is written within, or nothing of it."""
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._connection.execute("COMMIT")
        except BaseException:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            raise

    def end_what_a_crash_left(self, output: str) -> list[Task]:
        """Marks as failed what ran when the last server died, and as stopped its sessions. Returns those tasks.

        Nested readers have no word for `failed`: theirs are `stopped`.
        """
        ended = [task.id for status in LIVE for task in self.select(Task, {"status": status})]
        for status in LIVE:
            for revision, end in (("v2-nested", "stopped"), ("v2-flat", "failed"), ("v4", "failed")):
                where = {"status": status, "revision": revision}
                self.change(Task, where, status=end, finished_at=now(), output=output, is_success=False)
        self.change(Session, {"status": "active"}, status="stopped", finished_at=now(), reason=SERVER_DIED)
        return [task for task_id in ended for task in self.select(Task, {"id": task_id})]

    def _execute(self, sql: str, columns: Mapping[str, Any], *more: Any) -> sqlite3.Cursor:
        return self._connection.execute(sql, (*map(_as_column, columns.values()), *more))


def _as_column(value: Any) -> Any:
    """A value as SQLite takes it: a page may hold half of a surrogate pair, which is no text anywhere else."""
    if isinstance(value, (dict, list)):
        return json.dumps(value)
    return value.encode(errors="replace").decode() if isinstance(value, str) else value


def _where(conditions: Mapping[str, Any]) -> str:
    """A WHERE clause. Column names come from this program; values are always bound."""
    if not conditions:
        return ""
    return " WHERE " + " AND ".join(f"{name} ?" if " " in name else f"{name} IS ?" for name in conditions)
