"""The fake's account: its clock, its sessions, and tasks that go as a script says."""

from __future__ import annotations

import heapq
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from email.utils import format_datetime
from itertools import count
from math import inf
from typing import Any, Literal
from uuid import uuid4

from .scripts import Script, Scripts
from .tasks import Browser, Session, Task, untagged
from .workspaces import File, Workspace

Contract = Literal["v2-nested", "v2-flat", "v4"]

EPOCH = datetime(2026, 3, 1, 12, 0, tzinfo=timezone.utc).timestamp()
"""What the clock of a fake shows at first, when it stands still between calls of `advance`."""


KEEP_ALIVE_SECONDS = 120
"""How long the browser of a v4 session stays after its last run, where no run said otherwise."""

RATE_WINDOW_SECONDS = 5.0


@dataclass
class Upload:
    """A file that the store waits for: where it goes, and what a v4 PUT must look like."""

    files: dict[str, File]
    name: str
    expires_at: float = inf
    content_type: str | None = None
    size: int | None = None


class World:
    """What a server knows of one account.

    Args:
        contract: What it speaks.
        api_key: The only key that it takes.
        real_time: Whether the clock goes on by itself; else only `advance` moves it.
        scripts: How its tasks go; as a `Script()` says by default.
    """

    def __init__(self, contract: Contract, api_key: str, *, real_time: bool, scripts: Scripts | None = None) -> None:
        self.contract = contract
        self.api_key = api_key
        self.real_time = real_time
        self.scripts = scripts or Scripts()
        self.offset = 0.0
        self._event_time: float | None = None
        self.clear()

    def clear(self) -> None:
        """Forgets everything but the contract, the key and the time."""
        self.tasks: dict[str, Task] = {}
        self.sessions: dict[str, Session] = {}
        self.profiles: dict[str, dict[str, dict[str, Any]]] = {}
        self.workspaces: dict[str, Workspace] = {}
        self.uploads: dict[str, Upload] = {}
        self.user_files: dict[str, File] = {}
        self.downloads: dict[str, tuple[bytes, float]] = {}
        self.scripts.clear()
        self.max_sessions: int | None = None
        self.credits = 100.0
        self.live_urls: str | None = None
        self.recording_urls: str | None = None
        self.rate: int | None = None
        self.unknown_fields: frozenset[str] = frozenset()
        self._last_stamp = 0
        self._seen: dict[str, list[float]] = {}
        self._newest_first: tuple[object, list[Task]] = (None, [])
        self._events: list[tuple[float, int, Callable[[], object]]] = []
        self._numbers = count()

    @property
    def now(self) -> float:
        """Seconds since the epoch; for what happens by itself, when it was due, not when somebody looked."""
        if self._event_time is not None:
            return self._event_time
        return self.clock

    @property
    def clock(self) -> float:
        """Seconds since the epoch, whatever is happening. Any thread may read it."""
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

    def create_session(self, *, keep_alive: bool | int = False, workspace: Workspace | None = None) -> Session:
        """Opens a browser."""
        if self.contract == "v4" and isinstance(keep_alive, bool):
            keep_alive = 4 * 3600 if keep_alive else KEEP_ALIVE_SECONDS
        workspace = workspace or self.create_workspace(None)
        session = Session(str(uuid4()), keep_alive, workspace, [Browser(str(uuid4()), self.now)])
        self.sessions[session.id] = session
        return session

    def create_workspace(self, name: str | None) -> Workspace:
        """A place for files."""
        workspace = Workspace(str(uuid4()), name, self.now, self.now)
        self.workspaces[workspace.id] = workspace
        return workspace

    def create_task(self, body: dict[str, Any], llm: str, session: Session, *, reattached: bool = False) -> Task:
        """Starts a task as the newest script that matches says."""
        script = self.scripts.script_for(untagged(body["task"]))
        if script.astray:
            session = self.create_session()
        task = Task(
            id=str(uuid4()),
            session_id=session.id,
            prompt=body["task"],
            llm=llm,
            script=script,
            created_at=self.now,
            body=body,
            metadata=dict(body.get("metadata") or {}),
            browser_id=session.browsers[-1].id,
            reattached=reattached,
        )
        task.file_ids = {name: str(uuid4()) for name in script.output_files}
        self._add(task)
        session.tasks.append(task)
        if self.contract != "v2-nested" and script.queued:
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
            self._add(task)

    def _add(self, task: Task) -> None:
        self._last_stamp = task.stamp = max(round(task.created_at * 1e6), self._last_stamp + 1)
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
        session = self.sessions.get(task.session_id)
        for name, file_id in task.file_ids.items():
            content = task.script.output_files[name].encode()
            self.downloads[file_id] = content, inf
            if session and self.contract == "v4":
                session.workspace.files[name] = File(content, self.now)
        if session and self.contract == "v4":
            self.later(session.keep_alive, lambda: self._close_idle(session))
        elif session and not session.keep_alive:
            self.stop_session(session)

    def stop_session(self, session: Session) -> None:
        """Closes the browser, and stops what runs in it."""
        self.stop_browser(session.browsers[-1])
        for task in session.tasks:
            self.end(task, "stopped")

    def stop_browser(self, browser: Browser) -> None:
        """Closes one browser; in v4 its session goes on in another."""
        if browser.finished_at is None:
            browser.finished_at = self.now

    def _close_idle(self, session: Session) -> None:
        """Closes the browser of a v4 session in which nothing has run for as long as it stays."""
        last = max((task.finished_at or inf for task in session.tasks), default=0.0)
        if self.now >= last + session.keep_alive:
            self.stop_browser(session.browsers[-1])

    def shows(self, session: Session) -> bool:
        """Whether the browser can be watched."""
        young = any(self.now - task.created_at < task.script.unseen for task in session.tasks)
        return session.finished_at is None and not young

    def live_url(self, session: Session, origin: str) -> str:
        """Where the browser can be watched."""
        return (self.live_urls or f"{origin}/live/{{session_id}}").format(session_id=session.id)

    def recording_url(self, session: Session) -> str | None:
        """Where the browser can be watched later."""
        return self.recording_urls and self.recording_urls.format(session_id=session.id)

    def active_sessions(self) -> int:
        """How many browsers are open."""
        return sum(session.finished_at is None for session in self.sessions.values())

    def listed_tasks(self) -> list[Task]:
        """What lists show by now, the newest first."""
        now = self.now
        return [task for task in reversed(self.tasks.values()) if now - task.created_at >= task.script.hidden]

    def runs(self) -> list[Task]:
        """All tasks in the order of v4's lists: the newest first."""
        version = (len(self.tasks), next(reversed(self.tasks), None))
        if self._newest_first[0] != version:
            order = sorted(self.tasks.values(), key=lambda task: task.stamp, reverse=True)
            self._newest_first = version, order
        return self._newest_first[1]

    def latest_runs(self) -> list[Task]:
        """The latest run of each session, in the same order."""
        latest: dict[str, Task] = {}
        for task in self.runs():
            latest.setdefault(task.session_id, task)
        return list(latest.values())

    def is_too_fast(self, bucket: str) -> bool:
        """Whether this request is one too many, by the rate a second that the account has; it is counted if not."""
        if self.rate is None:
            return False
        seen = [moment for moment in self._seen.get(bucket, ()) if moment > self.now - RATE_WINDOW_SECONDS]
        self._seen[bucket] = seen
        if len(seen) >= self.rate * RATE_WINDOW_SECONDS:
            return True
        seen.append(self.now)
        return False

    def _start(self, task: Task) -> None:
        if task.status == "created":
            task.status = "started"
