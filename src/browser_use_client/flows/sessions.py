"""Stopping tasks and sessions: one that has ended already is no error."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import Any, TypeVar

from browser_use_client.contracts import Contract
from browser_use_client.effects import Call, Flow, within
from browser_use_client.errors import BadRequestError, BrowserUseError
from browser_use_client.flows.polls import named
from browser_use_client.models import CreatedTask, Task
from browser_use_client.retrying import retried

log = logging.getLogger("browser_use_client")

T = TypeVar("T")

STOP_GRACE_SECONDS = 4.0
"""The grace period: what clean-up may take while its caller is being ended, since who ends it waits no longer."""


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


def stop_session(contract: Contract, session_id: str, *, known: bool = False, is_idle: bool = False) -> Flow[None]:
    """Stops a session and what runs in it. One that is stopped or gone already is left in peace.

    Args:
        contract: What the server speaks.
        session_id: The session.
        known: Whether the session is known to exist, so that it is not taken for gone at the first 404.
        is_idle: Whether its tasks are known to have ended.
    """
    yield from retried(contract.stop_session(session_id, is_idle=is_idle), known=known)


def close_session(contract: Contract, session_id: str) -> Flow[None]:
    """Stops a session of the client's own after its task. Failing here must not lose what was paid for."""
    yield from quietly(stop_session(contract, session_id, known=True, is_idle=True), may_be_open(session_id))


def may_be_open(session_id: str) -> str:
    """The warning about a session that could not be stopped."""
    return f"Session {session_id} may be open still; stop it if so."


def at_once(request: Call[T]) -> Call[T]:
    """A stop for a caller who is being ended: one try, and at most `STOP_GRACE_SECONDS` seconds."""
    return replace(request, timeout=STOP_GRACE_SECONDS)


def close_at_once(contract: Contract, session_id: str) -> Flow[None]:
    """Stops a session of the client's own for a caller who is being ended."""
    yield from quietly(within(STOP_GRACE_SECONDS, contract.stop_session(session_id)), may_be_open(session_id))


def stop_at_once(contract: Contract, created: CreatedTask, *, with_session: bool) -> Flow[None]:
    """Stops a task for a caller who is being ended, and its session if asked. What fails is logged."""
    stop = _stop_or_close(contract, created, with_session)
    yield from quietly(stop, f"{named(created)} may still run and cost; stop it.")


def _stop_or_close(contract: Contract, created: CreatedTask, with_session: bool) -> Flow[None]:
    try:
        yield from within(STOP_GRACE_SECONDS, contract.stop_task(created.id, with_session=with_session))
    except BadRequestError:  # it has just ended by itself
        if with_session and not created.session_ends_with_task:
            yield from within(STOP_GRACE_SECONDS, contract.stop_session(created.session_id))


def quietly(clean_up: Flow[Any], warning: str) -> Flow[None]:
    """Clean-up whose failure must not hide what it cleans up after: it is logged instead."""
    try:
        yield from clean_up
    except BrowserUseError as error:
        log.warning("%s %s", warning, error)
