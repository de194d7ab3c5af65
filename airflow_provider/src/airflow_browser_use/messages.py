"""What whoever is on call reads of an error: what happened, what became of the remote task, what a retry will do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_browser_use.failures import ResultNotKeptError
from airflow_browser_use.results import shortened
from browser_use_client import (
    BrowserNotReusedError,
    BrowserUseError,
    CreationUnknownError,
    NotFoundError,
    OutputSchemaError,
    SessionStoppedError,
    TaskError,
    TaskTimeoutError,
    TaskUnreachableError,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow_browser_use.follow_ups import SessionUse
    from browser_use_client import Task


def explain(
    error: BrowserUseError, *, retries: bool, became: Task | None, continues: SessionUse | None, live_view: str | None
) -> str:
    """All that is known about an error.

    Args:
        error: The error.
        retries: Airflow retries the task.
        became: The remote task as it ended, if it was stopped because of the error.
        continues: What the DAG says about the session, if another task has begun it.
        live_view: Where the session can be seen by who may.
    """
    gone = isinstance(error, (BrowserNotReusedError, SessionStoppedError, NotFoundError))
    parts = [
        f"Remote task {became.id} {_end_of(became, error)}." if became else str(error),
        f"It returned: {shortened(error.raw)}" if isinstance(error, OutputSchemaError) and error.raw else "",
        whose_session(continues) if gone and continues else "",
        f"Live view: {live_view}" if live_view else "",
        what_next(error, retries=retries),
    ]
    return " ".join(part for part in parts if part)


def what_next(error: BrowserUseError, *, retries: bool) -> str:
    """A sentence for whoever reads the log at night."""
    if isinstance(error, ResultNotKeptError):
        if retries:
            return "Airflow's retry reattaches to the finished task and tries only this again."
        return "Airflow does not retry it. A clear would start a new task; `BrowserUseTaskSensor` can read this one."
    if not retries:
        return "Airflow does not retry it."
    if isinstance(error, (TaskUnreachableError, CreationUnknownError)):
        return "Airflow's retry reattaches to the same remote task."
    return "Airflow's retry starts a new remote task." if isinstance(error, TaskError) else "Airflow retries it."


def whose_session(use: SessionUse) -> str:
    """Which task has to keep the session that a follow-up names, and what to clear for a new one."""
    if not use.continues:
        return ""
    begun_by = use.begun_by or tuple(filter(None, [use.group]))
    return (
        f"The session is that of task {_either(use.continues)}, which has to keep it open."
        f" To begin a new one, clear task {_either(begun_by)} and all that follows it."
    )


def _either(task_ids: Sequence[str]) -> str:
    return " or ".join(map(repr, task_ids))


def _end_of(task: Task, error: BrowserUseError) -> str:
    """What became of a remote task that was to be stopped because of an error."""
    if task.status != "stopped":
        return f"had ended as `{task.status}`"
    if isinstance(error, TaskUnreachableError):
        return "was stopped: the server did not say how it stood, and nobody would have waited for it any more"
    if isinstance(error, TaskTimeoutError):
        return "was stopped: it was late"
    return f"was stopped: {str(error).rstrip('.')}"
