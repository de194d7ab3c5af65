"""What the pages of the live view show of sessions and tasks."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request

from browser_use_local.api.http import links, local
from browser_use_local.api.views import task_view
from browser_use_local.live.output import as_table
from browser_use_local.records import Session, Task

LISTED_SESSIONS = 50
RANKS = {"idle": 1, "stopped": 2}
# How the engines say that a step did not do what it should.
FAILED = ("failed", "verdict: failure")


def listed_sessions(request: Request) -> list[dict[str, Any]]:
    """The sessions of the list: those that run first, then the idle ones, then those that were stopped."""
    store = local(request).store
    sessions = [
        *store.select(Session, {"status": "active"}, order="started_at DESC"),
        *store.select(Session, {"status": "stopped"}, order="started_at DESC", limit=LISTED_SESSIONS),
    ]
    listed = [_listed(request, session) for session in sessions]
    return sorted(listed, key=lambda session: RANKS.get(session["state"], 0))


def session_view(request: Request, session: Session, tasks: list[Task]) -> dict[str, Any]:
    """What both pages show of a session, and the signed URLs of what lies beneath it."""
    latest = tasks[-1] if tasks else None
    if session.status == "stopped":
        state, since = "stopped", session.finished_at
    elif latest and latest.is_live:
        state, since = _state(latest), latest.created_at
    else:
        state, since = "idle", latest.finished_at if latest else session.started_at
    url, _, signature = links(request).to(f"/live/{session.id}").partition("?")
    return {
        "id": session.id,
        "status": session.status,
        "state": state,
        "since": since,
        "liveUrl": f"{url}?{signature}",
        **{f"{name}Url": f"{url}/{name}?{signature}" for name in ("picture", "stop", "control")},
    }


def tasks_view(request: Request, session: Session, tasks: list[Task], *, is_shared: bool) -> list[dict[str, Any]]:
    """The tasks of a session, the newest first."""
    return [_task(request, task, session, is_shared=is_shared) for task in reversed(tasks)]


def _listed(request: Request, session: Session) -> dict[str, Any]:
    here = local(request)
    tasks = here.store.select(Task, {"session_id": session.id}, order="created_at")
    current = here.tasks.current_step(tasks[-1].id) if tasks else None
    return {
        **session_view(request, session, tasks),
        "task": tasks[-1].task if tasks else None,
        "tasks": len(tasks),
        "step": current.goal if current else None,
        "tokens": _tokens(tasks),
    }


def _task(request: Request, task: Task, session: Session, *, is_shared: bool) -> dict[str, Any]:
    """A task with the step that it is at, and the URLs of its files."""
    here, to = local(request), links(request).to
    files = here.files_of(task)
    current = here.tasks.current_step(task.id)
    view = task_view(task, session, here.steps(task), files, links(request))
    for step in view["steps"]:
        step["failed"] = step["evaluationPreviousGoal"].lower().startswith(FAILED)
    return {
        **view,
        "state": _state(task),
        "isLive": task.is_live,
        "since": task.created_at if task.is_live else task.finished_at,
        "tokens": _tokens([task]),
        "currentStep": current,
        "table": as_table(task.output),
        "downloads": [
            {"name": file.name, "url": to(f"/downloads/{file.id}")}
            for file in files
            if file.is_output and not is_shared
        ],
    }


def _state(task: Task) -> str:
    """The status of a task, in one word for people."""
    if task.status == "finished":
        return "successful" if task.is_success else "unsuccessful"
    return {"created": "waiting", "started": "running"}.get(task.status, task.status)


def _tokens(tasks: list[Task]) -> tuple[int, int] | None:
    """What a model read and wrote for the tasks; None where no model was asked."""
    asked = [task for task in tasks if task.input_tokens is not None]
    if not asked:
        return None
    return sum(task.input_tokens or 0 for task in asked), sum(task.output_tokens or 0 for task in asked)
