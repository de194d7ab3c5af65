"""Events of Browser Use tasks, for automations."""

from __future__ import annotations

from typing import Any

from prefect.events import emit_event


def emit(what: str, task_id: str, session_id: str, **payload: Any) -> None:
    """Emits `browser-use.task.{what}`; Prefect relates it to the run by itself.

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
