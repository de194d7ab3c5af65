"""Responses: each carries the names of both revisions, unless the server serves one alone."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from typing import Any

from browser_use_local.records import File, Session, Share, Step, Task
from browser_use_local.settings import Contract

ONLY_FLAT = {"output", "createdAt", "cost", "judgement", "judgeVerdict", "suggestions", "duration", "recordingUrl",
             "keepAlive", "persistMemory", "proxyUsedMb", "proxyCost"}  # fmt: skip
ONLY_NESTED = {"doneOutput", "session", "isScheduled", "userUploadedFiles", "recordUrl"}
SERVER_VERSION = "local"

JsonObject = dict[str, Any]


class Links:
    """URLs that open without the API key: each carries a signature that only this server can make.

    Args:
        base: The URL of the server, as the client wrote it.
    """

    _key = secrets.token_bytes(32)

    def __init__(self, base: str) -> None:
        self._base = base.rstrip("/")

    def to(self, path: str) -> str:
        """The signed URL of a path."""
        return f"{self._base}{path}?signature={self.signature(path)}"

    def plain(self, path: str) -> str:
        """The URL of a path that is open to anyone."""
        return f"{self._base}{path}"

    @classmethod
    def signature(cls, path: str) -> str:
        """What proves that this server gave the URL out."""
        return hmac.new(cls._key, path.encode(), hashlib.sha256).hexdigest()[:40]

    @classmethod
    def is_valid(cls, path: str, signature: str) -> bool:
        """Whether the signature is the one of the path."""
        return hmac.compare_digest(cls.signature(path).encode(), signature.encode())


def task_item(task: Task) -> JsonObject:
    """A task as it stands in lists."""
    return {
        "id": task.id,
        "sessionId": task.session_id,
        "llm": task.llm,
        "task": task.task,
        "status": task.status,
        "isScheduled": False,
        "createdAt": task.created_at,
        # v2-nested knows no task that has not started.
        "startedAt": task.started_at or (task.created_at if task.revision == "v2-nested" else None),
        "finishedAt": task.finished_at,
        "output": task.output,
        "doneOutput": task.output,
        "isSuccess": task.is_success,
        "metadata": task.metadata,
        "browserUseVersion": SERVER_VERSION,
        "cost": None if task.is_live else "0",
        "judgement": None,
        "judgeVerdict": None,
        "suggestions": None,
    }


def task_view(task: Task, session: Session, steps: list[Step], files: list[File], links: Links) -> JsonObject:
    """A task with its steps and files."""
    return {
        **task_item(task),
        "session": {
            key: session_item(session, links)[key] for key in ("id", "status", "liveUrl", "startedAt", "finishedAt")
        },
        "steps": [step_view(step, links) for step in steps],
        "outputFiles": [{"id": file.id, "fileName": file.name} for file in files if file.is_output],
        "userUploadedFiles": [{"id": file.id, "fileName": file.name} for file in files if not file.is_output],
    }


def task_status(task: Task) -> JsonObject:
    """What v2-flat clients poll."""
    item = task_item(task)
    return {key: item[key] for key in ("id", "status", "output", "finishedAt", "isSuccess", "cost")}


def step_view(step: Step, links: Links) -> JsonObject:
    """A step of a task."""
    return {
        "number": step.number,
        "memory": step.memory,
        "evaluationPreviousGoal": step.evaluation,
        "nextGoal": step.goal,
        "url": step.url,
        "screenshotUrl": links.to(f"/screenshots/{step.task_id}/{step.number}.jpg") if step.has_screenshot else None,
        "actions": step.actions,
        "duration": step.duration,
    }


def session_item(session: Session, links: Links) -> JsonObject:
    """A session as it stands in lists."""
    return {
        "id": session.id,
        "status": session.status,
        "liveUrl": links.to(f"/live/{session.id}"),
        "recordUrl": None,
        "recordingUrl": None,
        "startedAt": session.started_at,
        "finishedAt": session.finished_at,
        "persistMemory": session.persist_memory,
        "keepAlive": session.keep_alive,
        "proxyUsedMb": "0",
        "proxyCost": "0",
    }


def session_view(session: Session, tasks: list[Task], share: Share | None, links: Links) -> JsonObject:
    """A session with its tasks."""
    return {
        **session_item(session, links),
        "publicShareUrl": links.plain(f"/share/{share.token}") if share else None,
        "tasks": [task_item(task) for task in tasks],
    }


def share_view(share: Share, links: Links) -> JsonObject:
    """The public link of a session."""
    return {
        "shareToken": share.token,
        "shareUrl": links.plain(f"/share/{share.token}"),
        "viewCount": share.views,
        "lastViewedAt": share.last_viewed_at,
    }


def in_contract(body: Any, contract: Contract) -> Any:
    """The body without the names of the revision that this server does not serve."""
    hidden = {"v2-nested": ONLY_FLAT, "v2-flat": ONLY_NESTED, "both": set()}[contract]
    if isinstance(body, dict):
        return {
            key: value if key == "metadata" else in_contract(value, contract)
            for key, value in body.items()
            if key not in hidden
        }
    if isinstance(body, list):
        return [in_contract(item, contract) for item in body]
    return body
