"""The page of a task instance: what Airflow knows of it, what the service says of its browser, put together."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Annotated, Any

from airflow.utils.session import create_session
from fastapi import Depends, HTTPException

from airflow_browser_use.ui import instances, service
from airflow_browser_use.ui.browser_view import view_of
from airflow_browser_use.ui.instances import BrowserInstance
from airflow_browser_use.ui.output_table import output_from
from airflow_browser_use.ui.service import Look

if TYPE_CHECKING:
    from datetime import timedelta

    from browser_use_client import Step


@dataclass(frozen=True)
class Known:
    """What Airflow knows: the task instance, those in its session, and what it returned."""

    instance: BrowserInstance
    in_session: list[BrowserInstance]
    returned: Any


def instance(dag_id: str, run_id: str, task_id: str, map_index: str = "-1") -> BrowserInstance:
    """What the path names. Its database session is over before the service is asked, which may take seconds.

    Raises:
        HTTPException: 404, there is no such task instance.
    """
    index = int(map_index) if map_index.isascii() and map_index.isdigit() else -1  # `{MAP_INDEX}` of an unmapped one
    with create_session(scoped=False) as session:
        found = instances.find(session, dag_id, run_id, task_id, index)
    if found is None:
        raise HTTPException(404)
    return found


Instance = Annotated[BrowserInstance, Depends(instance)]


def known(instance: Instance) -> Known:
    """What Airflow's database knows of it."""
    with create_session(scoped=False) as session:
        return Known(instance, instances.in_same_session(session, instance), instances.returned(session, instance))


async def look_at(instance: BrowserInstance) -> Look:
    """Ask the service about the remote task, if there is one yet."""
    return await service.look(instance.record) if instance.record else Look()


async def fill(known: Known) -> dict[str, Any]:
    """What the template is filled with, once the service has been asked."""
    return values_of(known, await look_at(known.instance))


def values_of(known: Known, look: Look) -> dict[str, Any]:
    """What the template is filled with."""
    instance = known.instance
    task, session, record = look.task, look.session, instance.record
    runs = not task.has_ended if task else instance.runs
    steps = task.steps if task else ()
    return {
        "instance": instance,
        "in_session": known.in_session if len(known.in_session) > 1 else [],
        "problem": look.problem,
        "status": _status(known, look),
        "prompt": task.task if task else "",
        "view": view_of(look),
        "steps": steps,
        "last": _last_seen(steps),
        "runs": runs,
        "changes": runs or instance.runs or (session is not None and session.status == "active"),
        "output": output_from(_output(known, look)),
        "said": task.output if task and task.has_ended and not task.has_succeeded else None,
        "took": _took(look),
        "cost": float(task.cost) if task and task.cost is not None else record and record.cost,
        "session_id": (session and session.id) or (record and record.session_id),
        "session_status": session.status if session else None,
        "share_url": session.share_url if session else None,
        "recording_url": session.recording_url if session else None,
    }


def _status(known: Known, look: Look) -> str:
    """How the remote task stands, in one word."""
    record = known.instance.record
    if look.task is None:
        return (record and record.status) or ""
    is_told_otherwise = look.task.status == "finished" and not look.task.has_succeeded
    return "unsuccessful" if is_told_otherwise else look.task.status


def _output(known: Known, look: Look) -> Any:
    if isinstance(known.returned, dict) and known.returned.get("output") is not None:
        return known.returned["output"]
    return look.task.output if look.task and look.task.has_succeeded else None


def _last_seen(steps: tuple[Step, ...]) -> Step | None:
    """The last step of which there is a picture; else the last with a page."""
    for of_interest in ("screenshot_url", "url"):
        if step := next((step for step in reversed(steps) if getattr(step, of_interest)), None):
            return step
    return None


def _took(look: Look) -> timedelta | None:
    task = look.task
    began = (task.started_at or task.created_at) if task else None
    return ((task.finished_at if task else None) or datetime.now(timezone.utc)) - began if began else None
