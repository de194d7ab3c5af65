"""The server of a test or of a run: `tests.fake_api`, with its tasks and sessions as they are when one looks."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from tests.fake_api import FakeApi
from tests.fake_api.routing import PREFIXES
from tests.fake_api.world import Contract

from .prompts import script_of

LIVE = "http://live.test/"
"""Where the live view of each session is, by its id."""

DOWNLOADS = 3
"""How often the client asks for a file before it gives up."""


@dataclass(frozen=True)
class RemoteTask:
    """A task, or in v4 a run; `_now` has all that the fake knows of it."""

    server: FakeServer
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
        """What was sent to create it."""
        body: dict[str, Any] = self._now["body"]
        return body

    @property
    def metadata(self) -> dict[str, str]:
        metadata: dict[str, str] = self._now["metadata"]
        return metadata

    @property
    def session_id(self) -> str:
        session_id: str = self._now["session_id"]
        return session_id

    @property
    def status(self) -> str:
        """In the words of v2."""
        status: str = self._now["status"]
        return status

    @property
    def stopped(self) -> float | None:
        """When it was stopped, if it was."""
        now = self._now
        return now["finished_at"] if now["status"] == "stopped" else None

    @property
    def output_files(self) -> dict[str, str]:
        """What it leaves behind, name to content."""
        files: dict[str, str] = self._now["output_files"]
        return files

    def finish(self) -> None:
        """End one that would run forever."""
        self.server.api.end_task(self.id)


@dataclass(frozen=True)
class RemoteSession:
    """A session; it is stopped once no browser of it is open."""

    id: str
    stopped: bool


class FakeServer:
    """A server whose tasks do what their prompts say; `api` can be told more, such as to fail."""

    def __init__(self, contract: Contract = "v2-flat") -> None:
        self.api = FakeApi(contract, real_time=True, unscripted=script_of)
        self.api.__enter__()
        self.api.show_live_at(f"{LIVE}{{session_id}}")
        self.url, self.key = self.api.base_url, self.api.api_key
        self._prefix = PREFIXES[contract]

    def close(self) -> None:
        self.api.__exit__(None, None, None)

    def lose_download(self) -> None:
        """Let the client ask for the next file in vain."""
        self.api.fault(at="download", times=DOWNLOADS, status=404)

    @property
    def tasks(self) -> dict[str, RemoteTask]:
        """The oldest first."""
        return {task["id"]: RemoteTask(self, task["id"]) for task in self.api.tasks()}

    @property
    def sessions(self) -> dict[str, RemoteSession]:
        """The oldest first."""
        sessions = self.api.sessions()
        return {session["id"]: RemoteSession(session["id"], session["status"] != "active") for session in sessions}

    @property
    def open_sessions(self) -> list[RemoteSession]:
        """The sessions that cost: those with a browser."""
        return [session for session in self.sessions.values() if not session.stopped]

    @property
    def uploads(self) -> dict[tuple[str, str], str]:
        """Contents by session, and by name without what the server of v2 sets before it."""
        return {
            (session["id"], name.partition("-")[2]): content
            for session in self.api.sessions()
            for name, content in session["files"].items()
        }

    @property
    def requests(self) -> list[str]:
        """Each with its method and what follows the base URL."""
        return [
            f"{one['method']} {one['path'].removeprefix(self._prefix)}?{urlencode(one['query'])}".removesuffix("?")
            for one in self.api.requests()
            if one["path"].startswith(self._prefix)
        ]

    @property
    def faults_met(self) -> int:
        """How many requests a fault has struck."""
        return sum(one["fault"] for one in self.api.requests())

    def counted(self, method: str, pattern: str) -> int:
        """How many requests there were whose path matches the whole pattern."""
        pattern = re.escape(self._prefix) + pattern
        return sum(bool(re.fullmatch(pattern, one["path"])) for one in self.api.requests(method))

    def polls_of(self, task_id: str) -> int:
        """How often somebody asked about a task."""
        return self.counted("GET", f"/(tasks|runs)/{task_id}.*")

    def stops_of(self, task_id: str) -> int:
        """How often it was told to stop."""
        return self.counted("PATCH", f"/tasks/{task_id}") + self.counted("POST", f"/runs/{task_id}/cancel")
