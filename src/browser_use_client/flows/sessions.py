"""Stopping what runs, in a way that is fine with its having ended already."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import Any, TypeVar

from browser_use_client.contracts import Contract
from browser_use_client.effects import Call, Flow
from browser_use_client.errors import BadRequestError, BrowserUseError, NotFoundError
from browser_use_client.models import Task
from browser_use_client.retrying import retried

log = logging.getLogger("browser_use_client")

T = TypeVar("T")

FAREWELL = 4.0
"""Seconds that clean-up may take for a caller who is being ended: who ends it waits no longer."""


def stop_task(contract: Contract, task_id: str, *, stop_session: bool = False, known: bool = False) -> Flow[Task]:
    """Stops a task. One that has ended already stays as it ended, and is returned.

    Args:
        contract: What the server speaks.
        task_id: The task.
        stop_session: Whether its session is stopped as well.
        known: Whether the task is known to exist, so that a 404 or 401 can pass.
    """
    try:
        return (yield from retried(contract.stop_task(task_id, with_session=stop_session), known=known))
    except BadRequestError:
        task = yield from retried(contract.get_task(task_id), known=known)
        if not task.has_ended:
            raise
        return task


def stop_session(contract: Contract, session_id: str, *, known: bool = False) -> Flow[None]:
    """Stops a session and what runs in it. One that is stopped or gone already is left in peace.

    Args:
        contract: What the server speaks.
        session_id: The session.
        known: Whether the session is known to exist, so that it is not taken for gone at the first 404.
    """
    try:
        yield from retried(contract.stop_session(session_id), known=known)
    except NotFoundError:
        return
    except BadRequestError:
        session = yield from retried(contract.get_session(session_id), known=known)
        if session.status == "active":
            raise


def at_once(request: Call[T]) -> Call[T]:
    """A stop for a caller who is being ended: one try, and at most `FAREWELL` seconds."""
    return replace(request, timeout=FAREWELL)


def quietly(clean_up: Flow[Any], warning: str) -> Flow[None]:
    """Clean-up whose failure must not hide what it cleans up after: it is logged instead."""
    try:
        yield from clean_up
    except BrowserUseError as error:
        log.warning("%s %s", warning, error)
