"""What Airflow's own metrics (StatsD, OpenTelemetry) learn of remote tasks. The table is in `docs/airflow.md`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import Stats

if TYPE_CHECKING:
    from collections.abc import Mapping

    from browser_use_client import Task, Traffic


def count_created(ti: Any, *, reattached: bool) -> None:
    """A try has a remote task: a new one, or that of an earlier try or another task instance."""
    Stats.incr(f"browser_use.task.{'reattached' if reattached else 'created'}", tags=_tags_of(ti))


def count_end(ti: Any, task: Task) -> None:
    """A remote task has ended, by itself or not: how, after how long, in how many steps, for how much."""
    tags = _tags_of(ti)
    Stats.incr(f"browser_use.task.ended.{task.status}", tags=tags)
    began = task.started_at or task.created_at
    if began and task.finished_at:
        Stats.timing("browser_use.task.duration", task.finished_at - began, tags=tags)
    if task.steps:
        Stats.incr("browser_use.task.steps", len(task.steps), tags=tags)
    if task.cost:
        cost: Any = float(task.cost)  # counters of StatsD and OpenTelemetry take fractions; Airflow's type says `int`
        Stats.incr("browser_use.task.cost_usd", cost, tags=tags)


def count_stop(ti: Any, task: Task, why: str) -> None:
    """This provider was to stop a remote task, which is as it is now; it may just have ended by itself.

    Args:
        ti: The task instance that it belongs to.
        task: The remote task.
        why: One word.
    """
    if task.status == "stopped":
        Stats.incr("browser_use.task.stop", tags={**_tags_of(ti), "reason": why})
    count_end(ti, task)


def reason_of(state: str | None) -> str:
    """Why a remote task is stopped whose task instance has this state; None for one that was cleared."""
    if state in (None, "scheduled", "queued", "restarting", "up_for_retry"):
        return "cleared"
    if state == "skipped":  # as Airflow sets what is unfinished when `dagrun_timeout` has passed
        return "timeout"
    return "marked" if state in ("success", "failed") else "shut_down"


def count_requests(tags: Mapping[str, str], traffic: Traffic) -> None:
    """Requests that were made to the API, and waits to ask again."""
    for name in ("requests", "retries"):
        if count := getattr(traffic, name):
            Stats.incr(f"browser_use.{name}", count, tags=dict(tags))


def count_requests_of(ti: Any, traffic: Traffic) -> None:
    """Those of one try."""
    count_requests(_tags_of(ti), traffic)


def _tags_of(ti: Any) -> dict[str, str]:
    """Airflow's own; in the triggerer, a task instance has only its ids."""
    tags: dict[str, str] = getattr(ti, "stats_tags", None) or {"dag_id": ti.dag_id, "task_id": ti.task_id}
    return tags
