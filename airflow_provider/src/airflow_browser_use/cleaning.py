"""Requests that clean up, or fetch what is nice to have: one that fails is a warning, and the try ends as it would."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from browser_use_client import BrowserUseError

if TYPE_CHECKING:
    from browser_use_client import BrowserUseClient, CreatedTask, Session, SessionCost, Task


def stop_task(client: BrowserUseClient, task: CreatedTask, log: Any, *, stop_session: bool = False) -> Task | None:
    """The task as it ended; None if the server could not be told to stop it."""
    try:
        return client.stop_task(task, stop_session=stop_session)
    except BrowserUseError as error:
        log.warning("Could not stop task %s; it may still run and cost. %s", task.id, error)
        return None


def close_session(client: BrowserUseClient, session_id: str, log: Any) -> bool:
    """Whether the session is closed now."""
    try:
        client.stop_session(session_id)
    except BrowserUseError as error:
        log.warning("Could not close session %s; it may still cost. %s", session_id, error)
        return False
    return True


def read_session(client: BrowserUseClient, session_id: str, log: Any) -> Session | None:
    """The session, for what must not fail a task that was paid for; None if it could not be read."""
    try:
        return client.get_session(session_id)
    except BrowserUseError as error:
        log.warning("Session %s could not be read. %s", session_id, error)
        return None


def read_cost(client: BrowserUseClient, session_id: str, log: Any) -> SessionCost | None:
    """What a session has cost, browser and all; None if it could not be read, or the contract does not say."""
    if client.lacks("the cost of sessions"):
        return None
    try:
        return client.get_session_cost(session_id)
    except BrowserUseError as error:
        log.warning("What session %s has cost could not be read. %s", session_id, error)
        return None
