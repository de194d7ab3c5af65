"""Finding what earlier tries of a task instance have left on the server."""

from __future__ import annotations

from typing import TYPE_CHECKING

from browser_use_client import NotFoundError

if TYPE_CHECKING:
    from airflow_browser_use.identity import RemoteIdentity
    from airflow_browser_use.record import Memory
    from browser_use_client import BrowserUseClient, Task


def earlier_tasks(
    client: BrowserUseClient, identity: RemoteIdentity, memory: Memory | None, session_id: str | None
) -> list[Task]:
    """The remote tasks of earlier tries, the oldest first.

    Where the task instance remembers the last one, that is one request; what came before it was stopped then. Else the
    server's list is read: as far back as the last try can have begun, and of a follow-up's session only.

    Args:
        client: Of the server.
        identity: Of the try that is running.
        memory: What an earlier try wrote down, where there is such a thing.
        session_id: The session to continue, if there is one.
    """
    if memory and memory.task_id:
        try:
            return [client.get_task(memory.task_id)]
        except NotFoundError:
            pass
    since = memory.since if memory else identity.since
    return client.find_tasks(f"{identity.instance}/", after=since, session_id=session_id)
