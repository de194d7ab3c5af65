"""Responses of v4."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from browser_use_local.api.views import Links
from browser_use_local.records import Conversation, Run, Step, Task, WorkspaceFile

JsonObject = dict[str, Any]

CONTEXT_LIMIT = 200_000
# The ids of events: before the first step are the start of the run and its browser.
BEFORE_STEPS = 2


def run_status(task: Task) -> str:
    """A status in the words of v4, which has none for a task that ended without doing what it was asked: `failed`."""
    if task.status == "finished":
        return "completed" if task.is_success else "failed"
    return {"created": "queued", "failed": "failed", "stopped": "cancelled"}.get(task.status, "running")


def run_view(run: Run, task: Task, conversation: Conversation) -> JsonObject:
    """A run (RunSummary)."""
    status = run_status(task)
    has_value = status == "completed" and run.output_schema is not None
    return {
        "id": task.id,
        "task": task.task,
        "title": None,
        "model": task.llm,
        "modelParams": run.model_params,
        "contextLimit": CONTEXT_LIMIT,
        "status": status,
        "result": task.output if status == "completed" else None,
        "output": json.loads(task.output or "null") if has_value else None,
        "outputSchema": run.output_schema,
        "error": task.output if status == "failed" else None,
        "sessionId": run.conversation_id,
        "workspaceId": conversation.workspace_id,
        "attachedFileIds": run.attached_file_ids,
        "judgement": None,
        "totalInputTokens": task.input_tokens or 0,
        "totalOutputTokens": task.output_tokens or 0,
        "totalCostUsd": "0",
        "createdAt": task.created_at,
        "updatedAt": task.finished_at or task.started_at or task.created_at,
    }


def attachment_view(file: WorkspaceFile) -> JsonObject:
    """A file that was attached to a run (RunAttachment)."""
    return {
        "id": file.id,
        "name": file.name,
        "contentType": file.content_type,
        "sizeBytes": file.size,
        "status": "uploaded" if file.is_uploaded else "pending",
    }


def session_view(conversation: Conversation, latest: Task) -> JsonObject:
    """A session, with its latest run (SessionInfo)."""
    return {
        "sessionId": conversation.id,
        "workspaceId": conversation.workspace_id,
        "latestRunId": latest.id,
        "task": latest.task,
        "title": conversation.title,
        "status": run_status(latest),
        "createdAt": conversation.created_at,
        "updatedAt": latest.finished_at or latest.started_at or latest.created_at,
    }


def events(task: Task, steps: list[Step], links: Links, *, is_reattached: bool) -> Iterator[JsonObject]:
    """What has happened in a run, in order.

    Each event has its id by what it is: 1 the start, 2 the browser, then the steps, and last the end.
    """

    def event(number: int, at: str, kind: str, **data: Any) -> JsonObject:
        return {"runId": task.id, "id": number, "ts": at, "type": kind, "data": data}

    yield event(1, task.created_at, "run.created")
    if task.started_at:
        kind = "browser.reattached" if is_reattached else "browser.ready"
        url = links.to(f"/live/{task.session_id}")
        yield event(2, task.started_at, kind, browser_session_id=task.session_id, live_view_url=url)
    for step in steps:
        yield event(BEFORE_STEPS + step.number, step.at, "core.event", type="tool_use", part=_tool_part(step))
    if task.finished_at:
        status = run_status(task)
        error = {"error": task.output} if status == "failed" else {}
        yield event(BEFORE_STEPS + len(steps) + 1, task.finished_at, f"run.{status}", status=status, **error)


def _tool_part(step: Step) -> JsonObject:
    """A step as v4 tells of it: the call of a tool."""
    failed = step.evaluation.startswith("Failed")
    return {
        "type": "tool",
        "tool": "browser_execute",
        "callID": f"step-{step.number}",
        "state": {
            "status": "error" if failed else "completed",
            "title": step.goal,
            "input": {
                "description": step.goal,
                "url": step.url,
                "actions": [json.loads(action) for action in step.actions],
            },
            "output": step.evaluation if failed else step.memory,
            "duration": step.duration,
        },
    }
