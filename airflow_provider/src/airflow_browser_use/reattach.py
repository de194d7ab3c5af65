"""Finding what earlier tries of a task instance have left on the server."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING

from browser_use_client import CreatedTask, NotFoundError

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_browser_use.identity import RemoteIdentity
    from airflow_browser_use.record import Memory
    from browser_use_client import BrowserUseClient, Task

LISTS_LAG_SECONDS = 15.0
"""How late the server's lists may show a task."""


def earlier_tasks(
    client: BrowserUseClient,
    identity: RemoteIdentity,
    memory: Memory | None,
    session_id: str | None,
    *,
    remembers: bool,
    sleep: Callable[[float], object],
) -> list[Task]:
    """The latest remote tasks of earlier tries, the oldest first. What came before them was stopped when they began.

    Where the task instance remembers the last one, that is one request. Else the server's list is read, the newest
    first: until it shows the latest, as far back as the last try can have begun, and of a follow-up's session only. The
    last try may have ended while it created its task, just now: the list is given time to show that, if it does not
    yet.

    Args:
        client: Of the server.
        identity: Of the try that is running.
        memory: What an earlier try wrote down, where there is such a thing.
        session_id: The session to continue, if there is one.
        remembers: No memory means that no earlier try has begun to create a task.
        sleep: Pauses for so many seconds.
    """
    if memory and memory.task_id and memory.made:
        try:
            task = client.get_task(CreatedTask(id=memory.task_id, session_id=str(memory.session_id)))
            return [task.model_copy(update={"key": memory.key})]
        except NotFoundError:
            pass
    keys = identity.earlier_keys()
    since = memory.since if memory else identity.since
    found = client.find_tasks(keys, after=since, session_id=session_id, latest_only=True)
    if not any(identity.made_in_last_try(task) for task in found):
        began = memory.since if memory else None if remembers else identity.last_try_ended
        lag = LISTS_LAG_SECONDS - (datetime.now(timezone.utc) - began).total_seconds() if began else 0.0
        if lag > 0:
            sleep(lag)
            found = client.find_tasks(keys, after=since, session_id=session_id, latest_only=True)
    return found
