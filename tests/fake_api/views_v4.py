"""What the fake shows of runs, sessions, browsers and workspaces, in the words of v4."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress

from .tasks import Browser, Session, Task
from .views_v2 import Json, moment
from .workspaces import Attachment, File, Workspace
from .world import World

STATUSES = {"created": "queued", "started": "running", "finished": "completed", "stopped": "cancelled"}
"""v4's words; what stands not here is called the same."""

BROWSER_USD_AN_HOUR = 0.02


def status(task: Task) -> str:
    """How a run stands."""
    return STATUSES.get(task.status, task.status)


def created_run(task: Task, session: Session, missing: list[str]) -> Json:
    """The answer to POST /runs."""
    return {
        "id": task.id,
        "status": "queued",
        "model": task.llm,
        "sessionId": task.session_id,
        "workspaceId": session.workspace.id,
        "eventsUrl": f"/api/v4/runs/{task.id}/events",
        "missingFileIds": missing,
        "skippedVaultItems": [],
    }


def run(world: World, task: Task) -> Json:
    """A run, as GET /runs/{id} shows it."""
    session = world.sessions.get(task.session_id)
    text = task.script.output if not task.is_live and task.status != "stopped" else None
    schema = task.body.get("outputSchema")
    output = None
    if schema is not None and text is not None and not task.script.in_result:
        with suppress(ValueError):
            output = json.loads(text)
    judged = task.body.get("judge") is not None and task.status == "finished"
    return {
        "id": task.id,
        "task": task.prompt,
        "title": None,
        "model": task.llm,
        "modelParams": task.body.get("modelParams"),
        "contextLimit": 200_000,
        "status": status(task),
        "result": text,
        "output": output,
        "outputSchema": schema,
        "error": "The agent gave up." if task.status == "failed" else None,
        "sessionId": task.session_id,
        "workspaceId": session.workspace.id if session else None,
        "attachedFileIds": task.body.get("attachedFileIds"),
        "judgement": {"verdict": task.script.is_success} if judged else None,
        "totalInputTokens": 0 if task.is_live else 1200,
        "totalOutputTokens": 0 if task.is_live else 300,
        "totalCostUsd": "0" if task.is_live else task.script.cost or "0",
        "createdAt": moment(task.stamp / 1e6),
        "updatedAt": moment(task.finished_at or task.stamp / 1e6),
    }


def listed_run(world: World, task: Task) -> Json:
    """A run in a list, which may shorten its prompt."""
    view = run(world, task)
    return view | {"task": view["task"][: task.script.shortened]} | dict(task.script.odd)


def session(world: World, latest: Task) -> Json:
    """A session, told by its latest run."""
    shown = listed_run(world, latest)
    names = ("sessionId", "workspaceId", "task", "title", "status", "createdAt", "updatedAt")
    return {name: shown[name] for name in names} | {"latestRunId": latest.id}


def session_cost(world: World, of: Session) -> Json:
    """GET /sessions/{id}/cost: what its runs cost, and its browsers by the minute."""
    runs = sum(float(task.script.cost or 0) for task in of.tasks if not task.is_live)
    hours = sum(((one.finished_at or world.now) - one.started_at) // 60 / 60 for one in of.browsers)
    browsers = round(hours * BROWSER_USD_AN_HOUR, 6)
    return {
        "sessionId": of.id,
        "numRuns": len(of.tasks),
        "llmCostUsd": f"{runs:.4f}",
        "searchCostUsd": "0",
        "browserCostUsd": f"{browsers:.6f}",
        "proxyCostUsd": "0.01",
        "proxyUsedMb": "2",
        "totalCostUsd": f"{runs + browsers + 0.01:.6f}",
    }


def share(of: Session, origin: str, *, is_active: bool) -> Json:
    """A session's public link."""
    return {
        "id": of.id,
        "shareToken": of.share_token,
        "sessionId": of.id,
        "isActive": is_active,
        "viewCount": 0,
        "createdAt": moment(of.started_at),
        "shareUrl": f"{origin}/share/{of.share_token}",
    }


def browser(world: World, of: Session, one: Browser, origin: str) -> Json:
    """A browser; it can be watched as soon as its session shows it."""
    return {
        "id": one.id,
        "status": one.status,
        "liveUrl": world.live_url(of, origin) if one.status == "active" and world.shows(of) else None,
        "cdpUrl": None,
        "timeoutAt": moment(one.started_at + 4 * 3600),
        "startedAt": moment(one.started_at),
        "finishedAt": moment(one.finished_at),
        "proxyUsedMb": "0",
        "proxyCost": "0",
        "browserCost": "0",
        "agentSessionId": of.id,
        "recordingUrl": world.recording_url(of),
        "metadata": {},
        "extensions": None,
    }


def workspace(one: Workspace) -> Json:
    """A workspace."""
    return {
        "id": one.id,
        "name": one.name,
        "archived": one.archived,
        "createdAt": moment(one.created_at),
        "updatedAt": moment(one.updated_at),
    }


def workspace_file(path: str, file: File, url: str | None) -> Json:
    """A file of a workspace."""
    return {"path": path, "size": len(file.content), "lastModified": moment(file.modified_at), "url": url}


def attachment(one: Attachment, files: dict[str, File]) -> Json:
    """An upload that was asked for, and whether it came."""
    return {
        "id": one.id,
        "name": one.name,
        "contentType": one.content_type,
        "sizeBytes": one.size,
        "status": "uploaded" if one.path in files else "pending",
    }


def events(world: World, task: Task, origin: str) -> list[Json]:
    """The events of a run so far. Each keeps its id once somebody has seen it."""
    known = {(event["type"], event["data"].get("step")) for event in task.events}
    for kind, data in _happened(world, task, origin):
        if (kind, data.get("step")) not in known:
            seen = {"runId": task.id, "id": 100 + 7 * len(task.events), "ts": moment(world.now)}
            task.events.append(seen | {"type": kind, "data": data})
    return task.events


def _happened(world: World, task: Task, origin: str) -> Iterator[tuple[str, Json]]:
    yield "run.created", {}
    if task.status == "created":
        return
    yield "run.dispatched", {}
    session_of = world.sessions[task.session_id]
    if world.now - task.created_at >= task.script.unseen:
        kind = "browser.reattached" if task.reattached else "browser.ready"
        yield kind, {"browser_session_id": task.browser_id, "live_view_url": world.live_url(session_of, origin)}
    for number in range(1, task.steps_at(world.now) + 1):
        yield "llm.request", {"step": number}
        yield "core.event", {"step": number, "type": "tool_use", "part": _tool_part(task, number)}
        yield "llm.response", {"step": number}
    if not task.is_live:
        yield f"run.{status(task)}", {}


def _tool_part(task: Task, number: int) -> Json:
    goal = f"{task.script.goal} {number}"
    return {
        "type": "tool",
        "tool": "browser_execute",
        "callID": f"call_{number}",
        "state": {
            "status": "completed",
            "title": goal,
            "input": {"description": goal, "code": f"click({number})"},
            "output": "Success",
            "time": {"start": 1000 * number, "end": 1000 * number + 500},
        },
    }
