"""What a run of a DAG has left on the server once it has ended: found by the owner in tasks' metadata, and stopped."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from airflow_browser_use.identity import LEFT_NAME, OWNER_NAME, run_of
from browser_use_client import BrowserUseError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable
    from datetime import datetime

    from browser_use_client import BrowserUseClient, Session, Task

log = logging.getLogger(__name__)

FEW_SESSIONS = 5
"""Open sessions of the account up to which each is asked for its tasks; of more, all tasks since the run began."""


@dataclass(frozen=True)
class Leftovers:
    """What is to be stopped: tasks that nobody waits for, and sessions with what runs in them."""

    tasks: tuple[str, ...] = ()
    sessions: tuple[str, ...] = ()


def leftovers(run: str, tasks: Iterable[Task], open_sessions: Collection[str], started: Collection[str]) -> Leftovers:
    """Decide what a run that has ended leaves behind. Pure.

    A session is left open where the user wants it open (`keep_session=True`), where a task runs in it that the user
    wants left running, and where one runs that is not this run's.

    Args:
        run: The run, see `identity.name_of_run`.
        tasks: Tasks of the account, at least all in those sessions.
        open_sessions: Ids of sessions that are open.
        started: Of these, the ones that the run started without a task, to be stopped with the run.
    """
    own_prefix = f"{run}/"
    owned, needed, orphans = set(started), set(), {}
    for task in tasks:
        mine = (task.key or "").startswith(own_prefix)
        if str(task.metadata.get(OWNER_NAME, "")).startswith(own_prefix):
            owned.add(task.session_id)
        elif mine:
            needed.add(task.session_id)
        if not task.has_ended:
            if mine and LEFT_NAME not in task.metadata:
                orphans[task.id] = task.session_id
            else:
                needed.add(task.session_id)
    closed = [session_id for session_id in open_sessions if session_id in owned - needed]
    return Leftovers(tuple(task_id for task_id, where in orphans.items() if where not in closed), tuple(closed))


def settle(
    client: BrowserUseClient,
    run: str,
    *,
    since: datetime,
    started: Collection[str],
    has_ended: Callable[[], bool],
) -> None:
    """Stop what a run has left behind. One request where no session of the account is open.

    Args:
        client: Of the server.
        run: The run, see `identity.name_of_run`.
        since: When it began.
        started: Sessions that it started without a task, to be stopped with it.
        has_ended: Asked again before anything is stopped: a run that is cleared begins anew.
    """
    try:
        open_sessions = [session.id for session in client.list_sessions(status="active")]
        left = leftovers(run, _tasks_in(client, open_sessions, since), open_sessions, started)
        for task_id in left.tasks:
            if has_ended():
                client.stop_task(task_id)
                log.warning("Remote task %s was stopped: its run %s has ended.", task_id, run)
        for session_id in left.sessions:
            if has_ended():
                client.stop_session(session_id)
                log.info("Session %s was closed: its run %s has ended.", session_id, run)
    except BrowserUseError as error:
        log.warning("What run %s left open could not be closed; it may still cost. %s", run, error)


def _tasks_in(client: BrowserUseClient, session_ids: Collection[str], since: datetime) -> Iterable[Task]:
    if len(session_ids) > FEW_SESSIONS:
        return client.list_tasks(after=since)
    return [task for session_id in session_ids for task in client.list_tasks(session_id=session_id)]


def sessions_without_a_run(
    client: BrowserUseClient, is_live: Callable[[str, str], bool]
) -> Iterable[tuple[Session, str, str]]:
    """Find open sessions that a run began which is over, for a DAG that sweeps them from time to time.

    Args:
        client: Of the server.
        is_live: Whether a run is not over, by its DAG's id and its own.

    Yields:
        A session, and the ids of the DAG and the run.
    """
    for session in list(client.list_sessions(status="active")):
        tasks = list(client.list_tasks(session_id=session.id))
        owners = {str(task.metadata[OWNER_NAME]) for task in tasks if OWNER_NAME in task.metadata}
        for run, dag_id, run_id in filter(None, map(run_of, owners)):
            if session.id in leftovers(run, tasks, [session.id], ()).sessions and not is_live(dag_id, run_id):
                yield session, dag_id, run_id
                break
