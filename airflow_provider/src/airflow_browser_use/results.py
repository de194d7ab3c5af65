"""What of a remote task goes into XCom and into the log."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.module_loading import import_string

from browser_use_client import InvalidRequestError

if TYPE_CHECKING:
    from browser_use_client import Session, Step, Task


def return_value(task: Task, session: Session | None, output_schema: Any) -> dict[str, Any]:
    """The XCom `return_value` of a finished task: plain JSON.

    Args:
        task: The task.
        session: Its session, as it was when the task had finished; None if it could not be read.
        output_schema: What the output was asked to look like, or None for text.

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
        "live_url": (session and session.live_url) or task.live_url,
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
