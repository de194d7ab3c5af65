"""Settling runs in the processes that see them end, the scheduler and the API server, which must not wait for it."""

from __future__ import annotations

import logging
import os
import queue
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from airflow.models.dagrun import DagRun
from airflow.models.renderedtifields import RenderedTaskInstanceFields
from airflow.models.taskinstance import TaskInstance
from airflow.models.taskinstancehistory import TaskInstanceHistory
from airflow.utils.session import create_session
from sqlalchemy import select

from airflow_browser_use.hooks import BrowserUseHook
from airflow_browser_use.identity import ENDS_WITH_RUN, name_of_instance, name_of_run, possible_keys
from airflow_browser_use.settlement import settle

if TYPE_CHECKING:
    from collections.abc import Collection

log = logging.getLogger(__name__)

SETTLE_AFTER_SECONDS = 15.0
"""From the end of a run until it is settled: it is in the database by then, and workers and triggerers are done."""

ENDED_RUN_STATES = {"success", "failed"}


@dataclass(frozen=True)
class EndedRun:
    """A run that has ended.

    Attributes:
        dag_id: The DAG.
        run_id: The run.
    """

    dag_id: str
    run_id: str


class Settler:
    """One thread that settles one run after the other. What it has not done when its process ends, a sweep finds."""

    def __init__(self) -> None:
        self._due: queue.SimpleQueue[tuple[float, EndedRun]] = queue.SimpleQueue()
        self.pid = os.getpid()
        threading.Thread(target=self._work, name="browser-use-settler", daemon=True).start()

    def settle_soon(self, run: EndedRun) -> None:
        """Settle a run, after `SETTLE_AFTER_SECONDS`; returns at once."""
        self._due.put((time.monotonic() + SETTLE_AFTER_SECONDS, run))

    def _work(self) -> None:
        while True:
            due, run = self._due.get()
            time.sleep(max(due - time.monotonic(), 0.0))
            try:
                settle_now(run)
            except Exception:
                log.warning("What run %s of %s left open could not be closed.", run.run_id, run.dag_id, exc_info=True)


_settlers: list[Settler] = []


def settle_soon(run: EndedRun) -> None:
    """Let this process's thread settle a run. A process that was forked has none of its parent's threads."""
    if not _settlers or _settlers[0].pid != os.getpid():
        _settlers[:] = [Settler()]
    _settlers[0].settle_soon(run)


def settle_now(run: EndedRun) -> None:
    """Settle a run with each connection that its tasks have used. It is left alone if it goes on meanwhile."""
    started = _start_of(run)
    if started is None or not (connections := _connections_of(run)):
        return
    name = name_of_run(run.dag_id, run.run_id, started)
    keys, sessions = _keys(run, connections, name), _sessions(run, connections)
    for conn_id in set[str]().union(*connections.values()):
        with BrowserUseHook(conn_id).new_client() as client:
            settle(client, name, keys, since=started, started=sessions, has_ended=lambda: _start_of(run) == started)


def _start_of(run: EndedRun) -> Any:
    """When a run began, if it has ended and nothing of it goes on; else None."""
    with create_session() as session:
        found = session.execute(
            select(DagRun.state, DagRun.start_date).where(DagRun.dag_id == run.dag_id, DagRun.run_id == run.run_id)
        ).first()
    return found.start_date if found and found.state in ENDED_RUN_STATES else None


def _connections_of(run: EndedRun) -> dict[str, set[str]]:
    """The connections of each of the run's tasks that uses a browser, as they were rendered.

    Those of tasks that never ran are of no matter.
    """
    fields = RenderedTaskInstanceFields
    with create_session() as session:
        rows = session.execute(
            select(fields.task_id, fields.rendered_fields).where(
                fields.dag_id == run.dag_id, fields.run_id == run.run_id
            )
        ).all()
    connections: dict[str, set[str]] = {}
    for row in rows:
        if conn_id := (row.rendered_fields or {}).get("browser_use_conn_id"):
            connections.setdefault(row.task_id, set()).add(conn_id)
    return connections


def _keys(run: EndedRun, task_ids: Collection[str], name: str) -> list[str]:
    """All keys under which its task instances can have created remote tasks, in all of their tries."""
    max_tries: dict[tuple[str, int], set[int]] = {}
    latest: dict[tuple[str, int], int] = {}
    with create_session() as session:
        of_run = (DagRun.dag_id == run.dag_id, DagRun.run_id == run.run_id)
        clears = session.scalars(select(DagRun.clear_number).where(*of_run)).one()
        for each in (TaskInstance, TaskInstanceHistory):
            rows = session.execute(
                select(each.task_id, each.map_index, each.try_number, each.max_tries).where(
                    each.dag_id == run.dag_id, each.run_id == run.run_id, each.task_id.in_(task_ids)
                )
            )
            for row in rows:
                instance = (row.task_id, row.map_index)
                max_tries.setdefault(instance, set()).add(row.max_tries)
                latest[instance] = max(latest.get(instance, 0), row.try_number)
    return [
        key
        for instance, tries in latest.items()
        for key in possible_keys(
            name_of_instance(name, *instance),
            max_tries=max_tries[instance],
            clears=clears,
            try_numbers=range(1, tries + 1),
        )
    ]


def _sessions(run: EndedRun, task_ids: Collection[str]) -> set[str]:
    """Sessions that end with the run though no key of a remote task says so."""
    from airflow.models import xcom

    XCom = getattr(xcom, "XComModel", None) or xcom.XCom  # noqa: N806 - a class, by another name in Airflow 2
    with create_session() as session:
        rows = session.scalars(
            select(XCom).where(
                XCom.dag_id == run.dag_id,
                XCom.run_id == run.run_id,
                XCom.task_id.in_(task_ids),
                XCom.key == ENDS_WITH_RUN,
            )
        ).all()
        return {str(XCom.deserialize_value(row)) for row in rows}
