"""What a world holds: tasks, their sessions and browsers.

Tasks are told in v2's words, also those of v4: there a task is a run.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from .scripts import Script
from .workspaces import Workspace

_TAG = re.compile(r"\n[^\n]*\bbu-[0-9a-f]{20}\b[^\n]*\Z")


@dataclass
class Browser:
    """A browser of a session: in v2 the only one, in v4 one after the other."""

    id: str
    started_at: float
    finished_at: float | None = None

    @property
    def status(self) -> str:
        """`active` or `stopped`."""
        return "active" if self.finished_at is None else "stopped"


@dataclass
class Session:
    """A session of the account. `keep_alive` is in seconds in v4."""

    id: str
    keep_alive: bool | int
    workspace: Workspace
    browsers: list[Browser]
    share_token: str | None = None
    tasks: list[Task] = field(default_factory=list)

    @property
    def started_at(self) -> float:
        """When its first browser was opened."""
        return self.browsers[0].started_at

    @property
    def finished_at(self) -> float | None:
        """When its last browser was closed."""
        return self.browsers[-1].finished_at

    @property
    def status(self) -> str:
        """Whether a browser is open: `active` or `stopped`."""
        return self.browsers[-1].status

    def summary(self) -> dict[str, Any]:
        """What a test wants to know."""
        files = {name: file.content.decode(errors="replace") for name, file in self.workspace.files.items()}
        return {
            "id": self.id,
            "status": self.status,
            "keep_alive": self.keep_alive,
            "files": files,
            "browsers": [asdict(browser) for browser in self.browsers],
            "workspace_id": self.workspace.id,
        }


@dataclass
class Task:
    """A task of the account, or of others.

    `stamp` is `created_at` in microseconds, of which no two tasks have the same: v4's lists go by it.
    """

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
    stamp: int = 0
    browser_id: str | None = None
    reattached: bool = False
    events: list[dict[str, Any]] = field(default_factory=list)

    @property
    def is_live(self) -> bool:
        """Whether it still runs, and costs."""
        return self.finished_at is None

    def cost_at(self, now: float) -> str | None:
        """What it has cost by now, in US dollars."""
        if not self.is_live:
            return self.script.cost
        return None if self.script.spending is None else f"{(now - self.created_at) * self.script.spending:.4f}"

    def steps_at(self, now: float) -> int:
        """How many steps there are by now."""
        script = self.script
        if not self.is_live:
            return script.steps
        if script.seconds is None:
            return min(self.polls, script.steps)
        return min(int((now - self.created_at) / max(script.seconds, 1e-9) * script.steps), script.steps)

    def summary(self) -> dict[str, Any]:
        """What a test wants to know. The prompt is what the caller wrote, without the tag; `body` has all of it."""
        shown = {name: value for name, value in asdict(self).items() if name not in ("script", "file_ids", "events")}
        return shown | {
            "is_live": self.is_live,
            "prompt": untagged(self.prompt),
            "output_files": dict(self.script.output_files),
        }


def untagged(prompt: str) -> str:
    """What the caller wrote of a prompt, without the tag that v4's clients add for the key."""
    tag = _TAG.search(prompt)
    return prompt[: tag.start()].rstrip("\n") if tag else prompt


def carries(task: Mapping[str, Any], key: str) -> bool:
    """Whether a task, by its summary, was created under a key: in its metadata, or in v4 as a tag in its prompt."""
    return task["metadata"].get("idempotency_key") == key or _tag_of(key) in task["body"].get("task", "")


def keyed_body(contract: str, prompt: str, key: str) -> dict[str, Any]:
    """What a client sends to create a task under a key."""
    if contract == "v4":
        return {"task": f"{prompt}\n\n[{_tag_of(key)}: not for you]"}
    return {"task": prompt, "metadata": {"idempotency_key": key}}


def _tag_of(key: str) -> str:
    return "bu-" + hashlib.sha256(key.encode()).hexdigest()[:20]
