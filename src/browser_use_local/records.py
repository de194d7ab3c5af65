"""What the server remembers: one dataclass for each table of the database."""

from __future__ import annotations

import contextlib
import uuid
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any, ClassVar, Literal

from browser_use_local.settings import Revision

TaskStatus = Literal["created", "started", "paused", "finished", "failed", "stopped"]
ProfileKind = Literal["agent-profiles", "browser-profiles", "profiles"]
LIVE: tuple[TaskStatus, ...] = ("created", "started", "paused")


def new_id() -> str:
    """A fresh id, as the API has them."""
    return str(uuid.uuid4())


def wire_time(moment: datetime) -> str:
    """A moment as the API writes it: UTC with a Z, and so wide that text order is time order."""
    if moment.tzinfo is not None:
        with contextlib.suppress(OverflowError):  # at the ends of time, hours do not count
            moment = moment.astimezone(timezone.utc)
    return f"{moment.replace(tzinfo=None).isoformat(timespec='microseconds')}Z"


def now() -> str:
    """This moment, as the API writes it."""
    return wire_time(datetime.now(timezone.utc))


@dataclass(frozen=True, kw_only=True)
class Session:
    """A browser that outlives its tasks, or closes with its first one (`keep_alive` false).

    `reason` says why it was stopped, where nobody asked for it. In v4 it is called a browser, and `conversation_id` is
    the v4 session that started it.
    """

    table: ClassVar[str] = "sessions"
    id: str = field(default_factory=new_id)
    status: Literal["active", "stopped"] = "active"
    keep_alive: bool
    persist_memory: bool = True
    profile_id: str | None = None
    started_at: str = field(default_factory=now)
    finished_at: str | None = None
    reason: str | None = None
    conversation_id: str | None = None


@dataclass(frozen=True, kw_only=True)
class Task:
    """A task. Its `revision` is the one that its request was written in; its status uses the words of that one.

    `input_tokens` and `output_tokens` are what a model has read and written for it; None where none was asked.
    """

    table: ClassVar[str] = "tasks"
    id: str = field(default_factory=new_id)
    session_id: str
    revision: Revision
    llm: str
    task: str
    status: TaskStatus
    created_at: str = field(default_factory=now)
    started_at: str | None = None
    finished_at: str | None = None
    output: str | None = None
    is_success: bool | None = None
    metadata: dict[str, str] = field(default_factory=dict)
    input_tokens: int | None = None
    output_tokens: int | None = None

    @property
    def is_live(self) -> bool:
        """Whether the task still runs, or waits to."""
        return self.status in LIVE


@dataclass(frozen=True, kw_only=True)
class Step:
    """One step of a task, after it was done."""

    table: ClassVar[str] = "steps"
    task_id: str
    number: int
    goal: str
    evaluation: str
    memory: str
    url: str
    actions: list[str]
    duration: float
    has_screenshot: bool
    at: str = field(default_factory=now)


@dataclass(frozen=True, kw_only=True)
class File:
    """A file that came in (for one task, for all tasks of a session, or for tasks to come), or that a task gave out."""

    table: ClassVar[str] = "files"
    id: str = field(default_factory=new_id)
    name: str
    content_type: str
    is_output: bool
    session_id: str | None = None
    task_id: str | None = None
    created_at: str = field(default_factory=now)


@dataclass(frozen=True, kw_only=True)
class Profile:
    """A profile of an agent or of a browser; `settings` are those that its kind has, named as on the wire."""

    table: ClassVar[str] = "profiles"
    id: str = field(default_factory=new_id)
    kind: ProfileKind
    settings: dict[str, Any]
    created_at: str = field(default_factory=now)
    updated_at: str = field(default_factory=now)
    last_used_at: str | None = None


@dataclass(frozen=True, kw_only=True)
class Notice:
    """A status that the webhook is still to be told of."""

    table: ClassVar[str] = "notices"
    id: str = field(default_factory=new_id)
    task_id: str
    session_id: str
    revision: Revision
    status: TaskStatus
    metadata: dict[str, str]
    at: str = field(default_factory=now)


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """One call to the webhook: the HTTP status that it answered, or what went wrong."""

    table: ClassVar[str] = "deliveries"
    id: str = field(default_factory=new_id)
    task_id: str
    status: TaskStatus
    attempt: int
    result: str
    at: str = field(default_factory=now)


@dataclass(frozen=True, kw_only=True)
class Share:
    """The public link of a session."""

    table: ClassVar[str] = "shares"
    session_id: str
    token: str
    views: int = 0
    last_viewed_at: str | None = None


@dataclass(frozen=True, kw_only=True)
class Workspace:
    """Where the files of a v4 session lie."""

    table: ClassVar[str] = "workspaces"
    id: str = field(default_factory=new_id)
    name: str | None = None
    archived: bool = False
    created_at: str = field(default_factory=now)
    updated_at: str = field(default_factory=now)


@dataclass(frozen=True, kw_only=True)
class Conversation:
    """A session of v4: runs that belong together. Each of its browsers is a `Session`, and there may be none now.

    `keep_alive` are the seconds that a browser stays after a run; `browser` is what `browserSettings` said, named as on
    the wire, for browsers to come.
    """

    table: ClassVar[str] = "conversations"
    id: str = field(default_factory=new_id)
    workspace_id: str
    title: str | None = None
    keep_alive: int
    browser: dict[str, Any]
    max_cost_usd: str
    latest_run_at: str
    created_at: str = field(default_factory=now)

    @property
    def place(self) -> str:
        """Where it stands in the list of its kind."""
        return self.latest_run_at + self.id


@dataclass(frozen=True, kw_only=True)
class Run:
    """What v4 knows of a task beside what a task is: its v4 session, and what was asked for."""

    table: ClassVar[str] = "runs"
    task_id: str
    conversation_id: str
    created_at: str
    output_schema: dict[str, Any] | None = None
    model_params: dict[str, Any] | None = None
    attached_file_ids: list[str] | None = None

    @property
    def place(self) -> str:
        """Where it stands in the list of its kind."""
        return self.created_at + self.task_id


@dataclass(frozen=True, kw_only=True)
class WorkspaceFile:
    """A file at a path of a workspace, or one that was announced and is still to be uploaded."""

    table: ClassVar[str] = "workspace_files"
    id: str = field(default_factory=new_id)
    workspace_id: str
    path: str
    name: str
    content_type: str
    size: int
    is_uploaded: bool = False
    modified_at: str = field(default_factory=now)


@dataclass(frozen=True, kw_only=True)
class Message:
    """A message in the queue of a v4 session, and the run that became of it."""

    table: ClassVar[str] = "messages"
    id: int
    conversation_id: str
    run_id: str | None = None
    mode: Literal["queue", "interrupt"]
    status: Literal["pending", "consumed", "cancelled", "failed"] = "pending"
    text: str
    attached_file_ids: list[str] | None = None
    created_at: str = field(default_factory=now)


@dataclass(frozen=True, kw_only=True)
class ConversationShare:
    """The public link of a v4 session."""

    table: ClassVar[str] = "conversation_shares"
    conversation_id: str
    id: str = field(default_factory=new_id)
    token: str
    is_active: bool = True
    views: int = 0
    created_at: str = field(default_factory=now)
