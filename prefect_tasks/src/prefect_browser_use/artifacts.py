"""What of a task is shown in Prefect's UI, as artifacts and events."""

from __future__ import annotations

import json
import re
from typing import Any

from prefect.artifacts import Artifact, ImageArtifact, LinkArtifact, MarkdownArtifact, ProgressArtifact, TableArtifact
from prefect.events import emit_event

from browser_use_client import CreatedTask, Task

KEY = "browser-use"
"""Artifacts of one kind share a key, so that the UI lists them as versions of one thing: `browser-use-result` ..."""


def live_view(created: CreatedTask, live_url: str) -> Artifact:
    """The link to the running browser."""
    return LinkArtifact(
        key=f"{KEY}-live-view",
        link=live_url,
        link_text="Watch the browser",
        description=f"Task {created.id} in session {created.session_id}",
    )


def progress(percent: float, description: str) -> Artifact:
    """How far a task is."""
    return ProgressArtifact(key=f"{KEY}-progress", progress=percent, description=description)


def of_ended_task(task: Task, *, screenshots: bool) -> list[Artifact]:
    """The steps as a table, the result with its cost, and pictures of the steps if asked for."""
    found: list[Artifact] = [
        MarkdownArtifact(key=f"{KEY}-result", markdown=_result(task), description=f"What task {task.id} returned")
    ]
    if task.steps:
        rows = [
            {
                "Step": step.number,
                "Goal": inline(step.goal),
                "Page": inline(step.url),
                "Judged the step before": inline(step.evaluation),
            }
            for step in task.steps
        ]
        found.append(TableArtifact(key=f"{KEY}-steps", table=rows, description=f"What task {task.id} did"))
    if screenshots:
        found += [
            ImageArtifact(
                key=f"{KEY}-screenshot",
                image_url=step.screenshot_url,
                description=inline(f"Step {step.number}: {step.goal}"),
            )
            for step in task.steps
            if step.screenshot_url
        ]
    return found


def _result(task: Task) -> str:
    facts = [
        f"**{outcome(task)}**",
        f"{len(task.steps)} steps",
        f"{seconds:.0f} s" if (seconds := seconds_of_run(task)) is not None else "",
        f"{task.cost} USD" if task.cost is not None else "",
    ]
    files = "".join(f"\n- {inline(file.name)}" for file in task.output_files)
    return "\n\n".join(
        [
            " · ".join(filter(None, facts)),
            _shown(task.output or "(no output)"),
            f"Files:{files}" if files else "",
            f"Task `{task.id}` in session `{task.session_id}`",
        ]
    )


def _shown(output: str) -> str:
    try:
        return _fenced(json.dumps(json.loads(output), indent=2, ensure_ascii=False), "json")
    except (ValueError, RecursionError):
        return _fenced(output, "text")


def _fenced(text: str, language: str) -> str:
    """Text as it is, in Markdown: pages that a task read must not bring pictures and links of their own."""
    fence = "`" * max(3, _longest_fence(text) + 1)
    return f"{fence}{language}\n{text}\n{fence}"


def _longest_fence(text: str) -> int:
    return max(map(len, re.findall("`+", text)), default=0)


def inline(text: str) -> str:
    """Text as it is, in a line of Markdown, as descriptions of artifacts and cells of tables are."""
    if not text:
        return text
    fence = "`" * (_longest_fence(text) + 1)
    return f"{fence} {' '.join(text.split())} {fence}"


def outcome(task: Task) -> str:
    """`finished`, `failed` or `stopped`; a task whose agent says that it did not succeed has failed."""
    return "failed" if task.status == "finished" and task.is_success is False else task.status


def seconds_of_run(task: Task) -> float | None:
    """How long a task took; None if the server does not say."""
    began = task.started_at or task.created_at
    return (task.finished_at - began).total_seconds() if task.finished_at and began else None


def emit(what: str, task_id: str, session_id: str, **payload: Any) -> None:
    """Emits `browser-use.task.{what}`, for automations; Prefect relates it to the run by itself.

    Args:
        what: `created`, `finished`, `failed` or `stopped`.
        task_id: The task.
        session_id: Its session.
        payload: What else is known, such as its cost.
    """
    emit_event(
        event=f"browser-use.task.{what}",
        resource={
            "prefect.resource.id": f"browser-use.task.{task_id}",
            "prefect.resource.name": f"Browser Use task {task_id}",
            "browser-use.session.id": session_id,
        },
        payload={"task_id": task_id, "session_id": session_id, **payload},
    )
