"""What an engine is: the thing that carries out a task in a browser."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

from browser_use_local.browser import Browser
from browser_use_local.settings import Revision


@dataclass(frozen=True)
class Upload:
    """A file that the user uploaded for a task."""

    path: Path
    content_type: str


@dataclass(frozen=True, kw_only=True)
class TaskRequest:
    """A task as it was asked for, in the words of any contract. What is secret is never shown by `repr`.

    `earlier` are the tasks before it in its session, if that one has a memory: what they were and what came of them.
    `secret_hosts` names the hosts that a secret is for, where it is not for all; subdomains are included.
    `idle_timeout` are the seconds that its session stays without a task, if they are not those of the server.
    """

    revision: Revision
    task: str
    llm: str
    start_url: str | None = None
    session_id: str | None = None
    output_schema: dict[str, Any] | None = None
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    secret_hosts: Mapping[str, list[str]] = field(default_factory=dict)
    metadata: dict[str, str] = field(default_factory=dict)
    keep_session: bool = False
    idle_timeout: float | None = None
    conversation_id: str | None = None
    agent_profile_id: str | None = None
    browser_profile_id: str | None = None
    max_steps: int = 100
    allowed_domains: list[str] = field(default_factory=list)
    instructions: str = ""
    flash_mode: bool = False
    thinking: bool = True
    vision: bool | Literal["auto"] = True
    highlight_elements: bool = False
    included_files: list[str] = field(default_factory=list)
    uploads: Mapping[str, Upload] = field(default_factory=dict)
    earlier: list[tuple[str, str]] = field(default_factory=list)
    screen: tuple[int | None, int | None] = (None, None)


@dataclass(frozen=True)
class Outcome:
    """How a task ended: what it has to say, and whether it did what it was asked.

    `output` is a text; of a success with an output schema it is the value that fits the schema.
    """

    output: Any
    is_success: bool


@dataclass(frozen=True, kw_only=True)
class DoneStep:
    """A step that an engine has just carried out; `files` are what it gave out besides the browser's downloads.

    `input_tokens` and `output_tokens` are what a model has read and written for the task so far.
    """

    goal: str
    actions: list[dict[str, Any]]
    duration: float
    evaluation: str = "Success"
    memory: str = ""
    files: list[Path] = field(default_factory=list)
    input_tokens: int | None = None
    output_tokens: int | None = None


class EngineFailedError(Exception):
    """The engine itself cannot work, so the task fails. The message is for the user."""


class Report(Protocol):
    """Where an engine says what it does."""

    async def __call__(self, step: DoneStep) -> None:
        """Keeps a step with a screenshot of the page; returns when the next one may start."""

    def begins(self, goal: str) -> None:
        """Notes what the next step is, for whoever watches. An engine that does not know leaves it out."""


class Engine(Protocol):
    """Carries out tasks."""

    async def run(self, request: TaskRequest, browser: Callable[[], Awaitable[Browser]], report: Report) -> Outcome:
        """Carries out one task. `browser` starts the session's browser, so a task that is refused needs none.

        Raises:
            EngineFailedError: The engine cannot work.
        """
