"""What the fake shows of tasks and sessions, in the words of either revision of v2."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from typing import Any

from .tasks import Session, Task
from .world import World

Json = dict[str, Any]


def moment(seconds: float | None) -> str | None:
    """A time on the wire."""
    if seconds is None:
        return None
    return datetime.fromtimestamp(seconds, timezone.utc).isoformat().replace("+00:00", "Z")


def task_item(world: World, task: Task) -> Json:
    """A task in a list."""
    ended = not task.is_live
    common: Json = {
        "id": task.id,
        "sessionId": task.session_id,
        "llm": task.llm,
        "task": task.prompt,
        "status": task.status,
        "startedAt": moment(task.created_at) if task.status != "created" else None,
        "finishedAt": moment(task.finished_at),
        "metadata": task.metadata,
        "isSuccess": task.script.is_success if task.status == "finished" else None,
        "browserUseVersion": "0.13.14",
    }
    output = task.script.output if ended and task.status != "stopped" else None
    if world.contract == "v2-nested":
        return common | {"isScheduled": False, "doneOutput": output}
    return common | {
        "createdAt": moment(task.created_at),
        "output": output,
        "cost": task.cost_at(world.now),
        "judgement": None,
        "judgeVerdict": None,
        "suggestions": None,
    }


def whole_task(world: World, task: Task, origin: str) -> Json:
    """A whole task."""
    view = task_item(world, task) | {
        "steps": [_step(task, number, origin) for number in range(1, task.steps_at(world.now) + 1)],
        "outputFiles": [
            {"id": file_id, "fileName": name} for name, file_id in task.file_ids.items() if file_id in world.downloads
        ],
    }
    if world.contract == "v2-nested":
        view["session"] = session_item(world, world.sessions[task.session_id], origin)
        view["userUploadedFiles"] = []
    return view


def task_status(world: World, task: Task) -> Json:
    """What GET /tasks/{id}/status says (v2-flat)."""
    item = task_item(world, task)
    return {name: item[name] for name in ("id", "status", "output", "finishedAt", "isSuccess", "cost")}


def session_item(world: World, session: Session, origin: str) -> Json:
    """A session in a list."""
    view: Json = {
        "id": session.id,
        "status": session.status,
        "liveUrl": world.live_url(session, origin) if world.shows(session) else None,
        "startedAt": moment(session.started_at),
        "finishedAt": moment(session.finished_at),
    }
    if world.contract == "v2-flat":
        view |= {
            "recordingUrl": world.recording_url(session),
            "persistMemory": True,
            "keepAlive": session.keep_alive,
            "proxyUsedMb": "0",
            "proxyCost": "0",
        }
    return view


def whole_session(world: World, session: Session, origin: str) -> Json:
    """A whole session."""
    view = session_item(world, session, origin) | {
        "tasks": [task_item(world, task) for task in session.tasks],
        "publicShareUrl": share(session, origin)["shareUrl"] if session.share_token else None,
    }
    if world.contract == "v2-nested":
        view["recordUrl"] = world.recording_url(session)
    return view


def share(session: Session, origin: str) -> Json:
    """A session's public link."""
    return {
        "shareToken": session.share_token,
        "shareUrl": f"{origin}/share/{session.share_token}",
        "viewCount": 0,
        "lastViewedAt": None,
    }


def account(world: World) -> Json:
    """What is left to spend."""
    if world.contract == "v2-nested":
        return {
            "monthlyCreditsBalanceUsd": world.credits,
            "additionalCreditsBalanceUsd": 0.0,
            "signedUpAt": moment(world.now - 1e6),
            "email": None,
            "name": "Ada",
        }
    plan = dict.fromkeys(
        ("subscriptionStatus", "subscriptionId", "subscriptionCurrentPeriodEnd", "subscriptionCanceledAt")
    )
    # Newer than the published contract.
    room = {"concurrentSessionLimit": world.max_sessions, "activeSessionCount": world.active_sessions()}
    return {
        **(room if world.max_sessions is not None else {}),
        "name": "Ada",
        "totalCreditsBalanceUsd": world.credits,
        "monthlyCreditsBalanceUsd": world.credits,
        "additionalCreditsBalanceUsd": 0.0,
        "rateLimit": 25,
        "planInfo": {"planName": "Fake", **plan},
        "isFreeTier": False,
        "projectId": "00000000-0000-4000-8000-000000000000",
    }


def _step(task: Task, number: int, origin: str) -> Json:
    picture = task.script.picture
    return {
        "number": number,
        "memory": f"I remember step {number}.",
        "evaluationPreviousGoal": "Success" if number > 1 else "Unknown",
        "nextGoal": f"{task.script.goal} {number}",
        "url": f"https://shop.example/{number}",
        "screenshotUrl": picture and picture.format(origin=origin, task_id=task.id, number=number),
        "actions": [json.dumps({"click": {"index": number}})],
    }
