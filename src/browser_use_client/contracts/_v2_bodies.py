"""The bodies that both revisions of v2 write and read alike."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from browser_use_client.contracts._refusing import refuse
from browser_use_client.limits import time_of
from browser_use_client.models import CreateTaskRequest, Share, UploadSlot
from browser_use_client.models.keys import KEY_NAME

_NO_AGENT_SETTINGS = {"model_params": "Choose another model with `agent_settings.llm`."}
_NO_BROWSER_SETTINGS = {
    "custom_proxy": "Use a proxy of Browser Use by its country: `proxy_country_code` of the session or of its profile.",
    "keep_alive_seconds": "`keep_session=True` leaves the session open, until it is stopped or found idle.",
}
_NO_OPTIONS = {
    "secret_domains": "Say with `allowed_domains` of the agent where it may go at all.",
    "workspace_id": "Pass the files to the task, as `files`.",
}


def common_body(contract: str, request: CreateTaskRequest) -> dict[str, Any]:
    """The fields of POST /tasks that both revisions name alike.

    Raises:
        UnsupportedOptionError: The request has what only v4 knows.
    """
    refuse(contract, request.agent_settings, "agent_settings.", _NO_AGENT_SETTINGS)
    refuse(contract, request.browser_settings, "browser_settings.", _NO_BROWSER_SETTINGS)
    refuse(contract, request, "", _NO_OPTIONS)
    return {
        "task": request.task,
        "metadata": dict(request.metadata) or None,
        "secrets": {name: secret.get_secret_value() for name, secret in request.secrets.items()} or None,
    }


def without_nones(body: Mapping[str, Any]) -> dict[str, Any]:
    """What was not set is left to the server."""
    return {name: value for name, value in body.items() if value is not None}


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
        "key": key_of(body),
        "steps": tuple(_step(step) for step in body.get("steps") or ()),
        "output_files": tuple({"id": file["id"], "name": file["fileName"]} for file in body.get("outputFiles") or ()),
    }


def session_fields(body: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a session view that both revisions name alike."""
    return {
        "id": body["id"],
        "status": body["status"],
        "live_url": body.get("liveUrl"),
        "share_url": body.get("publicShareUrl"),
        "started_at": body.get("startedAt"),
        "finished_at": body.get("finishedAt"),
    }


def key_of(item: Any) -> str | None:
    """The idempotency key of a task of which nothing else may be readable."""
    metadata = item.get("metadata") if isinstance(item, dict) else None
    key = metadata.get(KEY_NAME) if isinstance(metadata, dict) else None
    return key if isinstance(key, str) else None


def upload_slot(body: Mapping[str, Any]) -> UploadSlot:
    """Where a file goes: a form to POST, which names it."""
    return UploadSlot(method="POST", url=body["url"], fields=body["fields"], reference=body["fileName"])


def download_url_of(body: Mapping[str, Any]) -> str:
    """Where a file can be had."""
    return str(body["downloadUrl"])


def share(body: Mapping[str, Any]) -> Share:
    """The public link of a session."""
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


def wire_time(name: str, moment: datetime | None) -> str | None:
    """Always with Z: some servers reject naive times, and some clients what they echo."""
    return None if moment is None else time_of(name, moment).isoformat().replace("+00:00", "Z")
