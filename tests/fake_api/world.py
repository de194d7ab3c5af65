"""The fake's account: its clock, its sessions, and tasks that go as a script says."""

from __future__ import annotations

import heapq
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime, timezone
from email.utils import format_datetime
from itertools import count
from typing import Any, Literal
from uuid import uuid4

Contract = Literal["v2-nested", "v2-flat"]

EPOCH = datetime(2026, 3, 1, 12, 0, tzinfo=timezone.utc).timestamp()
"""What the clock of a fake shows at first, when it stands still between calls of `advance`."""


@dataclass(frozen=True)
class Script:
    """How tasks go.

    Attributes:
        match: For tasks whose prompt contains this.
        times: For so many tasks; None for all.
        status: How they end; None for never.
        polls: They end after so many reads of the task or its status said that they run.
        seconds: They end so many seconds after they were created, and `polls` does not count.
        output: Their result.
        is_success: What their agent says.
        goal: What the goal of each step begins with.
        steps: How many steps they take; these appear one after the other, as polls or seconds go by.
        cost: US dollars.
        output_files: What they leave behind, name to content.
        queued: Seconds that they are `created` before they are `started` (v2-flat).
        hidden: Seconds until lists show them.
        crowd: So many tasks of others are created right after each.
        astray: They run in a new session, whatever session was asked for.
        unseen: Seconds until their session shows a live URL.
        odd: What lists say of them instead of what is so, by the names on the wire.
    """

    match: str = ""
    times: int | None = None
    status: str | None = "finished"
    polls: int = 1
    seconds: float | None = None
    output: str | None = "Done."
    is_success: bool | None = True
    goal: str = "Do step"
    steps: int = 2
    cost: str | None = "0.05"
    output_files: Mapping[str, str] = field(default_factory=dict)
    queued: float = 0.0
    hidden: float = 0.0
    crowd: int = 0
    astray: bool = False
    unseen: float = 0.0
    odd: Mapping[str, Any] = field(default_factory=dict)


@dataclass
class Session:
    """A session of the account."""

    id: str
    keep_alive: bool
    started_at: float
    finished_at: float | None = None
    share_token: str | None = None
    files: dict[str, bytes] = field(default_factory=dict)

    @property
    def status(self) -> str:
        """`active` or `stopped`."""
        return "active" if self.finished_at is None else "stopped"

    def summary(self) -> dict[str, Any]:
        """What a test wants to know."""
        files = {name: content.decode(errors="replace") for name, content in self.files.items()}
        return {"id": self.id, "status": self.status, "keep_alive": self.keep_alive, "files": files}


@dataclass
class Task:
    """A task of the account, or of others."""

    id: str
    session_id: str
    prompt: str
    llm: str
    script: Script
    created_at: float
    body: dict[str, Any] = field(default_factory=dict)
    metadata: dict[str, str] = field(default_factory=dict)
    status: str = "started"
    finished_at: float | None = None
    polls: int = 0
    stops: int = 0
    ours: bool = True
    file_ids: dict[str, str] = field(default_factory=dict)

    @property
    def is_live(self) -> bool:
        """Whether it still runs, and costs."""
        return self.finished_at is None

    def steps_at(self, now: float) -> int:
        """How many steps there are by now."""
        script = self.script
        if not self.is_live:
            return script.steps
        if script.seconds is None:
            return min(self.polls, script.steps)
        return min(int((now - self.created_at) / max(script.seconds, 1e-9) * script.steps), script.steps)

    def summary(self) -> dict[str, Any]:
        """What a test wants to know."""
        shown = {name: value for name, value in asdict(self).items() if name not in ("script", "file_ids")}
        return shown | {"is_live": self.is_live}


class World:
    """What a server knows of one account.

    Args:
        contract: What it speaks.
        api_key: The only key that it takes.
        real_time: Whether the clock goes on by itself; else only `advance` moves it.
    """

    def __init__(self, contract: Contract, api_key: str, *, real_time: bool) -> None:
        self.contract = contract
        self.api_key = api_key
        self.real_time = real_time
        self.offset = 0.0
        self._event_time: float | None = None
        self.clear()

    def clear(self) -> None:
        """Forgets everything but the contract, the key and the time."""
        self.tasks: dict[str, Task] = {}
        self.sessions: dict[str, Session] = {}
        self.profiles: dict[str, dict[str, dict[str, Any]]] = {}
        self.uploads: dict[str, tuple[dict[str, bytes], str]] = {}
        self.user_files: dict[str, bytes] = {}
        self.downloads: dict[str, bytes] = {}
        self.scripts: list[tuple[Script, count[int]]] = []
        self.max_sessions: int | None = None
        self.credits = 100.0
        self._events: list[tuple[float, int, Callable[[], object]]] = []
        self._numbers = count()

    def add_script(self, script: Script) -> None:
        """The newest script that matches a prompt counts."""
        self.scripts.append((script, count()))

    @property
    def now(self) -> float:
        """Seconds since the epoch; for what happens by itself, when it was due, not when somebody looked."""
        if self._event_time is not None:
            return self._event_time
        return (time.time() if self.real_time else EPOCH) + self.offset

    @property
    def date(self) -> str:
        """The clock as answers show it: to the second."""
        return format_datetime(datetime.fromtimestamp(self.now, timezone.utc), usegmt=True)

    def advance(self, seconds: float) -> None:
        """Moves the clock on."""
        self.offset += seconds
        self.settle()

    def later(self, seconds: float, event: Callable[[], object]) -> None:
        """Lets something happen when the clock gets there."""
        heapq.heappush(self._events, (self.now + seconds, next(self._numbers), event))

    def settle(self) -> None:
        """Lets happen what is due."""
        while self._events and self._events[0][0] <= self.now:
            self._event_time, _, event = heapq.heappop(self._events)
            try:
                event()
            finally:
                self._event_time = None

    def create_session(self, *, keep_alive: bool) -> Session:
        """Opens a browser."""
        session = Session(id=str(uuid4()), keep_alive=keep_alive, started_at=self.now)
        self.sessions[session.id] = session
        return session

    def create_task(self, body: dict[str, Any], llm: str, session: Session) -> Task:
        """Starts a task as the newest script that matches says."""
        script = self._script_for(body["task"])
        if script.astray:
            session = self.create_session(keep_alive=False)
        task = Task(
            id=str(uuid4()),
            session_id=session.id,
            prompt=body["task"],
            llm=llm,
            script=script,
            created_at=self.now,
            body=body,
            metadata=dict(body.get("metadata") or {}),
        )
        task.file_ids = {name: str(uuid4()) for name in script.output_files}
        self.tasks[task.id] = task
        if self.contract == "v2-flat" and script.queued:
            task.status = "created"
            self.later(script.queued, lambda: self._start(task))
        if script.seconds is not None and script.status:
            self.later(script.seconds, lambda: self.end(task, script.status or ""))
        self.add_others(script.crowd)
        return task

    def add_others(self, number: int, *, status: str = "finished", odd: Mapping[str, Any] | None = None) -> None:
        """Tasks of other users of the account, newer than all that there are."""
        script = Script(polls=0, odd=odd or {})
        for _ in range(number):
            task = Task(str(uuid4()), str(uuid4()), "Something else", "o3", script, self.now, ours=False)
            task.status = status
            task.finished_at = self.now if status not in ("created", "started", "paused") else None
            self.tasks[task.id] = task

    def poll(self, task: Task) -> None:
        """A read of the task; its script may count them."""
        if not task.is_live:
            return
        script = task.script
        if script.status and script.seconds is None and task.polls >= script.polls:
            self.end(task, script.status)
        task.polls += 1

    def end(self, task: Task, status: str) -> None:
        """Ends a task, and the session with it where the contract says so."""
        if not task.is_live:
            return
        task.status = status
        task.finished_at = self.now
        for name, file_id in task.file_ids.items():
            self.downloads[file_id] = task.script.output_files[name].encode()
        session = self.sessions.get(task.session_id)
        if session and not session.keep_alive:
            self.stop_session(session)

    def stop_session(self, session: Session) -> None:
        """Closes the browser, and stops what runs in it."""
        if session.finished_at is None:
            session.finished_at = self.now
        for task in self.tasks_of(session):
            self.end(task, "stopped")

    def tasks_of(self, session: Session) -> list[Task]:
        """The tasks that ran in a session."""
        return [task for task in self.tasks.values() if task.session_id == session.id]

    def shows(self, session: Session) -> bool:
        """Whether the browser can be watched."""
        young = any(self.now - task.created_at < task.script.unseen for task in self.tasks_of(session))
        return session.finished_at is None and not young

    def active_sessions(self) -> int:
        """How many browsers are open."""
        return sum(session.finished_at is None for session in self.sessions.values())

    def listed_tasks(self) -> list[Task]:
        """What lists show by now, the newest first."""
        now = self.now
        return [task for task in reversed(self.tasks.values()) if now - task.created_at >= task.script.hidden]

    def _start(self, task: Task) -> None:
        if task.status == "created":
            task.status = "started"

    def _script_for(self, prompt: str) -> Script:
        for script, used in reversed(self.scripts):
            if script.match in prompt and (script.times is None or next(used) < script.times):
                return script
        return Script()
