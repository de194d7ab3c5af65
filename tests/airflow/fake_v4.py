"""A server that speaks v4, as the scenes of the end-to-end tests see one: `tests.fake_api`, told what prompts mean.

Prompts: `for 1 s` runs that long (default: not at all), `forever` until it is stopped, `fail` ends so.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from tests.fake_api import FakeApi
from tests.fake_api.routing import PREFIXES


@dataclass(frozen=True)
class Run:
    """A run, as it is at the moment that one looks."""

    server: FakeV4
    id: str

    @property
    def _now(self) -> dict[str, Any]:
        return next(task for task in self.server.api.tasks() if task["id"] == self.id)

    @property
    def prompt(self) -> str:
        prompt: str = self._now["prompt"]
        return prompt

    @property
    def body(self) -> dict[str, Any]:
        body: dict[str, Any] = self._now["body"]
        return body

    @property
    def session_id(self) -> str:
        session_id: str = self._now["session_id"]
        return session_id

    @property
    def status(self) -> str:
        status: str = self._now["status"]
        return status

    @property
    def stopped(self) -> float | None:
        now = self._now
        return now["finished_at"] if now["status"] == "stopped" else None

    def finish(self) -> None:
        """End one that would run forever."""
        self.server.api.end_task(self.id)


@dataclass(frozen=True)
class Conversation:
    """A session; it is stopped once no browser of it is open."""

    id: str
    stopped: bool


class FakeV4:
    """What a scene knows of its server; `api` can be told to fail."""

    def __init__(self) -> None:
        self.api = FakeApi("v4", real_time=True)
        self.api.__enter__()
        self.api.script(seconds=0.0)
        for seconds in (0, 1, 5):
            self.api.script(f"for {seconds} s", seconds=float(seconds))
        self.api.script("fail", status="failed", seconds=0.0)
        self.api.script("forever", status=None)
        self.url, self.key = self.api.base_url, self.api.api_key

    def close(self) -> None:
        self.api.__exit__(None, None, None)

    @property
    def tasks(self) -> dict[str, Run]:
        return {task["id"]: Run(self, task["id"]) for task in self.api.tasks()}

    @property
    def sessions(self) -> dict[str, Conversation]:
        return {
            session["id"]: Conversation(session["id"], session["status"] != "active") for session in self.api.sessions()
        }

    @property
    def open_sessions(self) -> list[Conversation]:
        """The sessions that cost: those with a browser."""
        return [session for session in self.sessions.values() if not session.stopped]

    def counted(self, method: str, pattern: str) -> int:
        """How many requests there were whose path matches the whole pattern."""
        pattern = re.escape(PREFIXES["v4"]) + pattern
        return sum(bool(re.fullmatch(pattern, one["path"])) for one in self.api.requests(method))

    def polls_of(self, task_id: str) -> int:
        """How often somebody asked about a run."""
        return self.counted("GET", f"/runs/{task_id}.*")

    def stops_of(self, task_id: str) -> int:
        """How often it was told to stop."""
        return self.counted("POST", f"/runs/{task_id}/cancel")
