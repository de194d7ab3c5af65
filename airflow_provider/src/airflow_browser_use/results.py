"""What of a remote task goes into XCom and into the log."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.module_loading import import_string

from browser_use_client import InvalidRequestError

if TYPE_CHECKING:
    from airflow_browser_use.pages import InstancePage
    from browser_use_client import Session, Step, Task

MAX_LOG_CHARACTERS = 1000
"""Characters of an output that go into the log, where it does not fit its schema."""


def return_value(task: Task, session: Session | None, output_schema: Any, page: InstancePage) -> dict[str, Any]:
    """The XCom `return_value` of a finished task: plain JSON.

    Args:
        task: The task.
        session: Its session, as it was when the task had finished; None if it could not be read.
        output_schema: What the output was asked to look like, or None for text.
        page: Of the task instance; says what stands for the live URL.

    Raises:
        OutputSchemaError: The output does not fit the schema.
    """
    return {
        "task_id": task.id,
        "session_id": task.session_id,
        "status": task.status,
        "is_success": task.is_success,
        "output": task.parse_json(output_schema) if output_schema is not None else task.output,
        "output_path": None,
        "steps": [{"number": step.number, "goal": step.goal, "url": step.url} for step in task.steps],
        "live_url": page.in_xcom((session and session.live_url) or task.live_url),
        "share_url": (session and session.share_url) or task.share_url,
        "cost": None if task.cost is None else float(task.cost),
        "output_files": [{"id": file.id, "name": file.name} for file in task.output_files],
    }


def schema_from(output_schema: Any) -> Any:
    """An operator's `output_schema`, with a dotted path followed to what it names.

    Raises:
        InvalidRequestError: It names nothing.
    """
    if not isinstance(output_schema, str) or output_schema.lstrip().startswith("{"):
        return output_schema
    try:
        return import_string(output_schema)
    except ImportError as error:
        raise InvalidRequestError(
            f"`output_schema` {output_schema!r} is neither a JSON schema nor the path of one: {error}."
        ) from None


def log_step(log: Any, step: Step) -> None:
    """One line for a step of the agent."""
    log.info("Step %d: %s%s", step.number, step.goal or "(no goal given)", f" - {step.url}" if step.url else "")


def log_end(log: Any, task: Task) -> None:
    """One line for a remote task that has ended: how, after how long, in how many steps, for how much.

    Of one that did not do its work it says where its agent was last, with a picture if the server has one.
    """
    began = task.started_at or task.created_at
    parts = [
        f"after {timedelta(seconds=round((task.finished_at - began).total_seconds()))}"
        if began and task.finished_at
        else "",
        f"{len(task.steps)} steps",
        "" if task.cost is None else f"{task.cost} USD",
    ]
    where = "" if task.has_succeeded else f" {last_page(task)}".rstrip()
    log.info("Remote task %s ended as `%s`: %s.%s", task.id, task.status, ", ".join(filter(None, parts)), where)


def last_page(task: Task) -> str:
    """Where the agent was last, for whoever looks for the reason of a failure; empty if the server does not say."""
    url = next((step.url for step in reversed(task.steps) if step.url), None)
    picture = next((step.screenshot_url for step in reversed(task.steps) if step.screenshot_url), None)
    return ". ".join(f"{what}: {it}" for what, it in (("Last page", url), ("Its picture", picture)) if it)


def shortened(text: str) -> str:
    """A text of any length as something to read in a log."""
    left_out = len(text) - MAX_LOG_CHARACTERS
    return text if left_out <= 0 else f"{text[:MAX_LOG_CHARACTERS]}... ({left_out:,} more characters)"
