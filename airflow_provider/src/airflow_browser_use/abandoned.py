"""Remote tasks that nobody waits for any more, in a session that somebody needs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_browser_use import metrics, task_states
from airflow_browser_use.cleanup import Outcome, outcome_of

if TYPE_CHECKING:
    from airflow_browser_use.follow_ups import SessionUse
    from browser_use_client import BrowserUseClient


def stop_abandoned(client: BrowserUseClient, session_id: str, use: SessionUse, ti: Any, log: Any) -> bool:
    """Stop what runs in a session although its task instance, of this run, was marked or cleared.

    A trigger stops it too, but some seconds later, when the next task is already there. Whose a remote task is, Airflow
    remembers in the `task_id` of its XComs.

    Args:
        client: Of the server.
        session_id: The session.
        use: Which tasks of the DAG work in it.
        ti: The task instance of the try that is running.
        log: Of the task instance.

    Returns:
        Whether the session is free now.
    """
    running = {task.id for task in client.list_tasks(session_id=session_id) if not task.has_ended}
    if not running:
        return True
    for (task_id, map_index), state in task_states.instances_of(ti, use.sharing).items():
        if (
            (task_id, map_index) == (ti.task_id, ti.map_index)
            or task_id in use.left
            or outcome_of(state) is Outcome.GOES_ON
        ):
            continue
        remote = ti.xcom_pull(task_ids=task_id, key="task_id", map_indexes=map_index)
        if remote in running:
            metrics.count_stop(ti, client.stop_task(remote), metrics.reason_of(state))
            running.remove(remote)
            log.info("Remote task %s was stopped: %s is %s.", remote, task_id, state or "cleared")
    return not running
