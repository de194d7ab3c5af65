"""A task that runs now, and how it ends."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from browser_use_local.active_session import ActiveSession
from browser_use_local.records import Task, TaskStatus, now


@dataclass(frozen=True)
class CurrentStep:
    """The step that a task is at: what it is, as far as its engine knows, and since when."""

    goal: str = ""
    since: str = field(default_factory=now)


@dataclass(frozen=True)
class Ending:
    """What becomes of a task."""

    status: TaskStatus
    output: str | None = None
    is_success: bool | None = None

    @classmethod
    def failed(cls, output: str) -> Ending:
        """It could not be carried out."""
        return cls("failed", output, is_success=False)


@dataclass
class RunningTask:
    """A task in progress: its session, what the engine does for it, and the files that come meanwhile."""

    task: Task
    session: ActiveSession
    work: asyncio.Task[None] | None = None
    downloads: list[asyncio.Task[None]] = field(default_factory=list)
    may_go_on: asyncio.Event = field(default_factory=asyncio.Event)
    current: CurrentStep | None = None
