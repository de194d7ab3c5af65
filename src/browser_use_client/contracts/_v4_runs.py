"""What v4 shows of a run, in our words."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Mapping
from typing import Any

from browser_use_client.models import CreatedTask, Task, TaskState
from browser_use_client.models.keys import without_tag
from browser_use_client.models.tasks import ENDED_STATUSES, LIVE_STATUSES

log = logging.getLogger("browser_use_client")

STATUSES = {
    "queued": "created",
    "dispatching": "created",
    "running": "started",
    "completed": "finished",
    "cancelled": "stopped",
}
"""The server's words that are not ours; a word that is in neither vocabulary is kept as it came."""

_JSON_BLOCK = re.compile(r"```(?:json)?\s*\n(?P<json>.*?)\n\s*```", re.DOTALL)


def status_of(body: Mapping[str, Any]) -> str:
    """Where a run stands."""
    status = str(body["status"])
    return STATUSES.get(status, status)


def task_of(body: Mapping[str, Any]) -> Task:
    """A run (RunSummary)."""
    prompt, tag = without_tag(body.get("task") or "")
    status = status_of(body)
    return Task(
        id=body["id"],
        session_id=body["sessionId"],
        workspace_id=body.get("workspaceId"),
        tag=tag,
        task=prompt,
        llm=body.get("model"),
        status=status,
        is_success=_verdict(body.get("judgement")),
        output=_output(body),
        cost=body.get("totalCostUsd"),
        created_at=body.get("createdAt"),
        finished_at=body.get("updatedAt") if _has_ended(status, body) else None,
    )


def _has_ended(status: str, body: Mapping[str, Any]) -> bool:
    """Whether a run has ended: if its status is a new one, its result or its error tells."""
    is_new = status not in ENDED_STATUSES | LIVE_STATUSES
    return status in ENDED_STATUSES or (is_new and (body.get("result") or body.get("error")) is not None)


def latest_run(body: Mapping[str, Any]) -> TaskState:
    """The latest run of a session (SessionInfo), as a list or a poll shows it."""
    return TaskState(id=body["latestRunId"], status=status_of(body))


def tag_in(item: Any) -> str | None:
    """The tag of a run of which nothing else may be readable."""
    prompt = item.get("task") if isinstance(item, dict) else None
    return without_tag(prompt)[1] if isinstance(prompt, str) else None


def created_task_of(body: Mapping[str, Any]) -> CreatedTask:
    """The answer to POST /runs (RunCreateResponse). What the run goes without is logged."""
    created = CreatedTask(id=body["id"], session_id=body["sessionId"])
    if missing := body.get("missingFileIds"):
        log.warning("Task %s runs without files that the server does not know: %s", created.id, ", ".join(missing))
    if skipped := body.get("skippedVaultItems"):
        log.warning("Task %s runs without vault items that name no website: %s", created.id, ", ".join(skipped))
    return created


def _output(body: Mapping[str, Any]) -> str | None:
    """The result as text.

    `output` is the JSON that the server has validated. Where the agent could not meet the schema, its JSON may stand in
    `result`, bare or in a code block; whether it fits, `Task.parse` says.
    """
    result = body.get("result")
    if body.get("outputSchema") is not None:
        if body.get("output") is not None:
            return json.dumps(body["output"], ensure_ascii=False)
        if isinstance(result, str):
            return _json_in(result)
    if result is None and body.get("output") is not None:
        return json.dumps(body["output"], ensure_ascii=False)
    return result if result is not None else body.get("error")


def _json_in(text: str) -> str:
    """The one JSON value of a text in prose; the whole text if there is none, or several."""
    blocks = _JSON_BLOCK.findall(text)
    return blocks[0] if len(blocks) == 1 and _is_json(blocks[0]) and not _is_json(text) else text


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _verdict(judgement: Any) -> bool | None:
    """What the judge found, where it says so in a way that is known: the shape of its answer is not documented."""
    verdict = judgement.get("verdict") if isinstance(judgement, Mapping) else None
    return verdict if isinstance(verdict, bool) else None
