"""Remote tasks that nobody waits for any more, in a session that somebody needs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_browser_use import metrics, task_states
from airflow_browser_use.cleanup import Fate, fate_of
from airflow_browser_use.identity import LEFT_NAME

if TYPE_CHECKING:
    from airflow_browser_use.identity import RemoteIdentity
    from browser_use_client import BrowserUseClient


def stop_abandoned(client: BrowserUseClient, session_id: str, identity: RemoteIdentity, ti: Any, log: Any) -> bool:
    """Stop what runs in a session although its task instance, of this run, was marked or cleared.

    A trigger stops it too, but some seconds later, when the next task is already there.

    Args:
        client: Of the server.
        session_id: The session.
        identity: Of the try that is running.
        ti: Its task instance.
        log: Of the task instance.

    Returns:
        Whether the session is free now.
    """
    free = True
    for task in client.list_tasks(session_id=session_id):
        if task.has_ended:
            continue
        maker = identity.other_instance(task)
        state = _state_of(ti, *maker) if maker else None
        if maker is None or LEFT_NAME in task.metadata or fate_of(state) is Fate.GOES_ON:
            free = False
            continue
        metrics.count_stop(ti, client.stop_task(task.id), metrics.reason_of(state))
        log.info("Remote task %s was stopped: %s is %s.", task.id, maker[0], state or "cleared")
    return free


def _state_of(ti: Any, task_id: str, map_index: int) -> str | None:
    states = task_states.states_of(ti, [task_id], map_index=map_index)
    return next(iter(states.values()), None)
