"""What a run of a DAG has left on the server once it has ended: found by the keys of its tasks, and stopped."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from airflow_browser_use.identity import TaskKey, run_of
from browser_use_client import BrowserUseError
from browser_use_client.flows.lookup import Keys

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable
    from datetime import datetime

    from browser_use_client import BrowserUseClient, Session, Task

log = logging.getLogger(__name__)

FEW_SESSIONS = 5
"""Open sessions of the account up to which each is asked for its tasks; of more, all tasks since the run began."""


@dataclass(frozen=True)
class Traces:
    """What tells whether something was left behind by a run that has ended.

    Attributes:
        name: The run, for the log.
        keys: All under which it can have created tasks.
        sessions: Those that end with it though no key says so.
        has_ended: Asked again before anything is stopped: a run that is cleared begins anew.
    """

    name: str
    keys: Collection[str]
    sessions: Collection[str]
    has_ended: Callable[[], bool]


@dataclass(frozen=True)
class Leftovers:
    """What is to be stopped: tasks that nobody waits for, and sessions with what runs in them.

    Attributes:
        tasks: The tasks.
        sessions: The sessions.
        more_to_come: A session is to be closed as well, but only once a task in it has ended.
    """

    tasks: tuple[str, ...] = ()
    sessions: tuple[str, ...] = ()
    more_to_come: bool = False


def leftovers(
    tasks: Iterable[tuple[Task, TaskKey | None]], open_sessions: Collection[str], started: Collection[str]
) -> Leftovers:
    """Decide what a run that has ended leaves behind. Pure.

    A session is left open where the user wants it open (`keep_session=True`), where a task runs in it that the user
    wants left running, and where one runs that is not this run's.

    Args:
        tasks: Tasks of the account, at least all in those sessions, each with its key if it is one of the run.
        open_sessions: Ids of sessions that are open.
        started: Of these, the ones that end with the run though no key says so.
    """
    owned, kept, busy = set(started), set[str](), set[str]()
    orphans: dict[str, str] = {}
    for task, key in tasks:
        if key:
            (owned if key.ends_with_run else kept).add(task.session_id)
        if not task.has_ended:
            if key and not key.left:
                orphans[task.id] = task.session_id
            else:
                busy.add(task.session_id)
    ending = [session_id for session_id in open_sessions if session_id in owned - kept]
    closed = tuple(session_id for session_id in ending if session_id not in busy)
    stopped = tuple(task_id for task_id, where in orphans.items() if where not in closed)
    return Leftovers(stopped, closed, more_to_come=len(closed) < len(ending))


def settle(client: BrowserUseClient, runs: Iterable[Traces], *, since: datetime) -> bool:
    """Stop what runs have left behind. One request, and the runs are not looked at, where no session is open.

    Args:
        client: Of the server.
        runs: The runs.
        since: When the first of them began.

    Returns:
        Whether nothing is left to be stopped. Where that did not go well, it is logged.
    """
    try:
        open_sessions = [session.id for session in client.list_sessions(status="active")]
        tasks = list(_tasks_in(client, open_sessions, since))
    except BrowserUseError as error:
        log.warning("What ended runs left open could not be closed; it may still cost. %s", error)
        return False
    if not open_sessions:
        return True
    are_settled = [_settle_one(client, run, tasks, open_sessions) for run in runs]
    return all(are_settled)


def _settle_one(client: BrowserUseClient, run: Traces, tasks: Iterable[Task], open_sessions: Collection[str]) -> bool:
    mine = Keys(run.keys)
    left = leftovers(((task, TaskKey.read(mine.key_of(task))) for task in tasks), open_sessions, run.sessions)
    try:
        for task_id in left.tasks:
            if run.has_ended():
                client.stop_task(task_id)
                log.warning("Remote task %s was stopped: its run %s has ended.", task_id, run.name)
        for session_id in left.sessions:
            if run.has_ended():
                client.stop_session(session_id)
                log.info("Session %s was closed: its run %s has ended.", session_id, run.name)
    except BrowserUseError as error:
        log.warning("What run %s left open could not be closed; it may still cost. %s", run.name, error)
        return False
    return not left.more_to_come


def _tasks_in(client: BrowserUseClient, session_ids: Collection[str], since: datetime) -> Iterable[Task]:
    if len(session_ids) > FEW_SESSIONS:
        return client.read_task_lists(after=since).tasks
    return [task for session_id in session_ids for task in client.list_tasks(session_id=session_id)]


def sessions_without_a_run(
    client: BrowserUseClient, is_live: Callable[[str, str], bool]
) -> Iterable[tuple[Session, str, str]]:
    """Find open sessions that a run began which is over, for a DAG that sweeps them from time to time.

    They are told by the keys that their tasks were created under. `v4` does not send these back, so none is found
    there; its browsers stop by themselves within 4 hours.

    Args:
        client: Of the server.
        is_live: Whether a run is not over, by its DAG's id and its own.

    Yields:
        A session, and the ids of the DAG and the run.
    """
    for session in list(client.list_sessions(status="active")):
        tasks = [(task, TaskKey.read(task.key)) for task in client.list_tasks(session_id=session.id)]
        runs = {task.id: run_of(key.instance) for task, key in tasks if key}
        for run in filter(None, set(runs.values())):
            own = [(task, key if runs.get(task.id) == run else None) for task, key in tasks]
            _, dag_id, run_id = run
            if session.id in leftovers(own, [session.id], ()).sessions and not is_live(dag_id, run_id):
                yield session, dag_id, run_id
                break
