"""The session of a `browser_session` where the server starts a session with its first task only (`v2-nested`, `v4`).

The setup task then gives out a name in place of an id. The first task of the group begins the session; the others, and
the teardown, find it in the XComs of those before them.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from airflow_browser_use import task_states
from airflow_browser_use.cleanup import ENDED
from browser_use_client import SessionBusyError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping

    from airflow_browser_use.follow_ups import SessionUse

_NAME = "begins-with-its-first-task:"

BEGUN_FOR = "session_begun_for"
"""In XCom: the name of the group's session that a task has begun, or goes on in."""

SETTINGS_KEY = "browser_settings"
"""In XCom of the setup task: the settings of the browser."""

POLL_SECONDS = 2.0
"""Seconds from one poll for whether another task has begun the session to the next."""


def new_name() -> str:
    """A name for a session that is still to begin."""
    return f"{_NAME}{uuid4()}"


def is_name(session_id: Any) -> bool:
    """Whether this is such a name, and not the id of a session."""
    return isinstance(session_id, str) and session_id.startswith(_NAME)


def sessions_begun(name: str, ti: Any, instances: Iterable[tuple[str, int]]) -> Iterator[str]:
    """The ids of sessions that task instances have begun under a name: one, but where two were the first."""
    for task_id, map_index in instances:
        if ti.xcom_pull(task_ids=task_id, key=BEGUN_FOR, map_indexes=map_index) == name:
            yield str(ti.xcom_pull(task_ids=task_id, key="session_id", map_indexes=map_index))


def who_begins(
    own: tuple[str, int], states: Mapping[tuple[str, int], str | None], beside: Collection[str]
) -> tuple[str, int]:
    """The task instance that begins the session of a group: the first by its name of those that have not ended.

    Args:
        own: The one that asks, by task id and map index.
        states: How those of the group stand.
        beside: The tasks that nothing puts in an order with it.
    """
    return min(each for each in (own, *states) if each == own or (each[0] in beside and states[each] not in ENDED))


def session_to_continue(
    name: str, ti: Any, use: SessionUse, *, wait: float, sleep: Callable[[float], object]
) -> str | None:
    """The session of the group; None if this task is the one to begin it.

    Of tasks that nothing puts in an order, the first by its name begins it, and the others wait.

    Args:
        name: What the setup task has given out.
        ti: The task instance.
        use: Which tasks of the DAG work in the session.
        wait: Seconds to wait until another one has begun it.
        sleep: Pauses for so many seconds, unless the worker receives SIGTERM.

    Raises:
        SessionBusyError: No other one has begun it in time.
    """
    own = (ti.task_id, ti.map_index)
    until = time.monotonic() + wait
    while True:
        instances = task_states.instances_of(ti, use.sharing)
        others = [instance for instance in instances if instance != own]
        if (found := next(sessions_begun(name, ti, others), None)) is not None:
            return found
        first = who_begins(own, instances, use.beside)
        if first == own:
            return None
        if time.monotonic() >= until:
            raise SessionBusyError(
                f"The session of the group begins with task {first[0]!r}, which has not begun it yet. Put the tasks in"
                " an order, or let this one wait with `wait_when_busy`."
            )
        sleep(POLL_SECONDS)
