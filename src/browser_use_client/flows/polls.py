"""What the answers to the polls of one task mean, for a wait of its own and for a watcher of many."""

from __future__ import annotations

from typing import Any

from browser_use_client.effects import Clock
from browser_use_client.errors import BrowserUseError, TaskUnreachableError
from browser_use_client.models import AnyTask, id_of
from browser_use_client.retrying import Attempts, can_try_again


def polls_of(task: AnyTask, *, limit: int, clock: Clock) -> Attempts:
    """The polls of a task, of which so many in a row may fail.

    A task that an earlier answer showed is known to exist. Of an id alone the first good poll has to show it: a 404 may
    be a wrong id, a 401 a wrong key.
    """
    if isinstance(task, str):
        return Attempts(limit)
    seen_at = getattr(task, "seen_at", None)
    return Attempts(limit, known=True, age=None if seen_at is None else lambda: clock() - seen_at)


def given_up(task: AnyTask, polls: Attempts, error: BrowserUseError) -> BrowserUseError:
    """The error to give a task up with, after an answer that was final: says what became of the task."""
    if not polls.known and not can_try_again(error):
        error.task_id = id_of(task)
        return error
    times = f", {polls.failures} times in a row" if polls.failures > 1 else ""
    return TaskUnreachableError(
        f"{named(task)} may still run and cost: the server did not say how it stands{times}. {_remedy(task)}"
        f" The last answer: {error}",
        **ids_of(task),
    )


def named(task: AnyTask) -> str:
    """The task and its session, where that is known, as messages begin."""
    return f"Task {task}" if isinstance(task, str) else f"Task {task.id} in session {task.session_id}"


def ids_of(task: AnyTask) -> dict[str, Any]:
    """What an error carries of a task."""
    return {"task_id": id_of(task), "session_id": None if isinstance(task, str) else task.session_id}


def _remedy(task: AnyTask) -> str:
    if isinstance(task, str) or task.key is None:
        return "Wait for it again, or stop it."
    return f"Run it again with the key {task.key!r} to reattach to it, or stop it."
