"""What the two revisions of v2 have in common: endpoints, and most names of what comes back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

from browser_use_client.contracts._pages import page_of
from browser_use_client.effects import Call
from browser_use_client.errors import InvalidRequestError, UnsupportedOptionError
from browser_use_client.limits import time_of
from browser_use_client.models import (
    BrowserSettings,
    CreateTaskRequest,
    Page,
    Session,
    Share,
    Task,
    UploadSlot,
)
from browser_use_client.models.tasks import KEY_NAME

T = TypeVar("T")

PAGE_SIZE = 100


def uuid_of(name: str, text: str) -> str:
    """The id in its usual form.

    Raises:
        InvalidRequestError: It is no UUID; nothing was sent.
    """
    try:
        return str(UUID(text))
    except (ValueError, AttributeError, TypeError):
        raise InvalidRequestError(
            f"{name} {text!r} is no UUID. Take it from the task or session that it names."
        ) from None


def refuse(contract: str, settings: Any, prefix: str, alternatives: Mapping[str, str]) -> None:
    """Refuses options that were set and that the contract has no place for: none is dropped in silence."""
    for option, alternative in alternatives.items():
        if _is_set(settings, option):
            raise UnsupportedOptionError(
                f"`{prefix}{option}` cannot be sent: the server speaks the contract {contract}, which has no such"
                f" option. {alternative}"
            )


def refuse_session_settings_of_follow_up(settings: BrowserSettings) -> None:
    """A session that exists keeps the settings that it was started with."""
    ignored = sorted(option for option in settings.model_fields_set - {"session_id"} if _is_set(settings, option))
    if settings.session_id and ignored:
        raise UnsupportedOptionError(
            f"{', '.join(f'`browser_settings.{option}`' for option in ignored)} cannot be set for a follow-up:"
            f" session {settings.session_id} exists and keeps its settings. Leave them out, or start a new session."
        )


def _is_set(settings: Any, option: str) -> bool:
    """None is as good as left out, but for the proxy, which it switches off."""
    return getattr(settings, option) is not None or (
        option == "proxy_country_code" and option in settings.model_fields_set
    )


def common_body(request: CreateTaskRequest) -> dict[str, Any]:
    """The fields of POST /tasks that both revisions name alike."""
    return {
        "task": request.task,
        "metadata": dict(request.metadata) or None,
        "secrets": {name: secret.get_secret_value() for name, secret in request.secrets.items()} or None,
    }


def without_nones(body: Mapping[str, Any]) -> dict[str, Any]:
    """What was not set is left to the server."""
    return {name: value for name, value in body.items() if value is not None}


def list_tasks(
    parse_task: Callable[[Any], Task],
    page: int,
    session_id: str | None,
    status: str | None,
    after: datetime | None,
    before: datetime | None,
) -> Call[Page[Task]]:
    """GET /tasks."""
    params = {
        "pageSize": PAGE_SIZE,
        "pageNumber": page,
        "sessionId": session_id,
        "filterBy": status,
        "after": _wire_time("after", after),
        "before": _wire_time("before", before),
    }

    return Call("GET", "/tasks", page_of("/tasks", parse_task, _key_of), params=params)


def list_task_ids(status: str, page: int) -> Call[Page[str]]:
    """GET /tasks, read for the ids only: that is much cheaper than a hundred tasks."""
    params = {"pageSize": PAGE_SIZE, "pageNumber": page, "filterBy": status}
    return Call("GET", "/tasks", page_of("/tasks", lambda item: str(item["id"])), params=params)


def update_task(parse_task: Callable[[Any], Task], task_id: str, action: str) -> Call[Task]:
    """PATCH /tasks/{id}."""
    return Call("PATCH", f"/tasks/{uuid_of('task_id', task_id)}", parse_task, json={"action": action})


def stop_task(parse_task: Callable[[Any], Task], task_id: str, with_session: bool) -> Call[Task]:
    """PATCH /tasks/{id} to stop it."""
    return update_task(parse_task, task_id, "stop_task_and_session" if with_session else "stop")


def get_log_url(task_id: str) -> Call[str]:
    """GET /tasks/{id}/logs."""
    return Call("GET", f"/tasks/{uuid_of('task_id', task_id)}/logs", _download_url)


def get_file_url(path: str) -> Call[str]:
    """GET of one file's view."""
    return Call("GET", path, _download_url)


def list_sessions(parse_session: Callable[[Any], Session], page: int, status: str | None) -> Call[Page[Session]]:
    """GET /sessions."""
    params = {"pageSize": PAGE_SIZE, "pageNumber": page, "filterBy": status}
    return Call("GET", "/sessions", page_of("/sessions", parse_session), params=params)


def delete_session(session_id: str) -> Call[None]:
    """DELETE /sessions/{id}."""
    return Call("DELETE", f"/sessions/{uuid_of('session_id', session_id)}", _nothing)


def get_share(session_id: str) -> Call[Share]:
    """GET /sessions/{id}/public-share."""
    return Call("GET", f"/sessions/{uuid_of('session_id', session_id)}/public-share", _share)


def share_session(session_id: str) -> Call[Share]:
    """POST /sessions/{id}/public-share."""
    return Call("POST", f"/sessions/{uuid_of('session_id', session_id)}/public-share", _share)


def unshare_session(session_id: str) -> Call[None]:
    """DELETE /sessions/{id}/public-share."""
    return Call("DELETE", f"/sessions/{uuid_of('session_id', session_id)}/public-share", _nothing)


def upload_slot(path: str, file_name: str, content_type: str, size: int) -> Call[UploadSlot]:
    """POST for a presigned address."""

    def parse(body: Any) -> UploadSlot:
        return UploadSlot(url=body["url"], fields=body["fields"], file_name=body["fileName"])

    return Call("POST", path, parse, json={"fileName": file_name, "contentType": content_type, "sizeBytes": size})


def task_fields(body: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a task view that both revisions name alike."""
    return {
        "id": body["id"],
        "session_id": body["sessionId"],
        "task": body.get("task") or "",
        "llm": body.get("llm"),
        "status": body["status"],
        "is_success": body.get("isSuccess"),
        "started_at": body.get("startedAt"),
        "finished_at": body.get("finishedAt"),
        "metadata": body.get("metadata") or {},
        "steps": tuple(_step(step) for step in body.get("steps") or ()),
        "output_files": tuple({"id": file["id"], "name": file["fileName"]} for file in body.get("outputFiles") or ()),
    }


def _key_of(item: Any) -> str | None:
    """The idempotency key of a task of which nothing else may be readable."""
    metadata = item.get("metadata") if isinstance(item, dict) else None
    key = metadata.get(KEY_NAME) if isinstance(metadata, dict) else None
    return key if isinstance(key, str) else None


def _download_url(body: Mapping[str, Any]) -> str:
    return str(body["downloadUrl"])


def _nothing(body: Any) -> None:  # noqa: ARG001 - a parser takes a body
    return None


def _share(body: Mapping[str, Any]) -> Share:
    return Share(url=body["shareUrl"], views=body.get("viewCount") or 0, last_viewed_at=body.get("lastViewedAt"))


def _step(body: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "number": body["number"],
        "goal": body.get("nextGoal") or "",
        "evaluation": body.get("evaluationPreviousGoal") or "",
        "memory": body.get("memory") or "",
        "url": body.get("url") or "",
        "actions": body.get("actions") or (),
        "screenshot_url": body.get("screenshotUrl"),
        "duration": body.get("duration"),
    }


def _wire_time(name: str, moment: datetime | None) -> str | None:
    """Always with Z: some servers reject naive times, and some clients what they echo."""
    return None if moment is None else time_of(name, moment).isoformat().replace("+00:00", "Z")
