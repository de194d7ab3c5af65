"""Runs that have ended, and what Airflow's database says of what they can have left on a server."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple

from airflow.models.dagrun import DagRun
from airflow.models.renderedtifields import RenderedTaskInstanceFields
from airflow.models.taskinstance import TaskInstance
from airflow.models.taskinstancehistory import TaskInstanceHistory
from airflow.utils.session import create_session
from sqlalchemy import Text, and_, cast, select

from airflow_browser_use.identity import ENDS_WITH_RUN, name_of_instance, name_of_run, possible_keys
from airflow_browser_use.pages import HAS_PAGES, RECORD_KEY, PageRecord
from airflow_browser_use.settlement import Traces

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping
    from datetime import datetime, timedelta
    from typing import Any

ENDED_RUN_STATES = ("success", "failed")

_CONN_ID = "browser_use_conn_id"


class EndedRun(NamedTuple):
    """A run that has ended. One that is cleared, and ends again, has another start."""

    dag_id: str
    run_id: str
    started: datetime


Runs = dict[EndedRun, set[str]]
"""Runs that have used a browser, and which of their tasks have."""


def this_one(dag_id: str, run_id: str) -> Any:
    """For `find`: one run."""
    return and_(DagRun.dag_id == dag_id, DagRun.run_id == run_id)


def ended_within(interval: timedelta, *, before: datetime) -> Any:
    """For `find`: the runs that have ended in an interval before a moment."""
    return and_(DagRun.end_date >= before - interval, DagRun.end_date <= before)


def find(which: Any) -> Mapping[str, Runs]:
    """Those runs that have ended and used a browser, by each connection that one of their tasks has used.

    Airflow keeps what was rendered for the newest 30 runs of a DAG only, by default, so an older one that was cleared
    is known by what it has told the pages (3.1 and newer).

    Args:
        which: A condition on runs.
    """
    tasks: Runs = defaultdict(set)
    connections: dict[str, set[EndedRun]] = defaultdict(set)
    with create_session() as session:
        for run, task_id, conn_id in (*_rendered(which, session), *_told(which, session)):
            tasks[run].add(task_id)
            connections[conn_id].add(run)
    return {conn_id: {run: tasks[run] for run in runs} for conn_id, runs in connections.items()}


def _rendered(which: Any, session: Any) -> Iterator[tuple[EndedRun, str, str]]:
    fields = RenderedTaskInstanceFields
    contains_name = cast(fields.rendered_fields, Text).contains(_CONN_ID)
    for run, task_id, rendered in _with_task(which, session, fields, fields.rendered_fields, contains_name):
        if conn_id := rendered.get(_CONN_ID):
            yield run, task_id, conn_id


def _told(which: Any, session: Any) -> Iterator[tuple[EndedRun, str, str]]:
    if HAS_PAGES:
        from airflow.models.xcom import XComModel

        is_record = XComModel.key == RECORD_KEY
        for run, task_id, value in _with_task(which, session, XComModel, XComModel.value, is_record):
            if record := PageRecord.from_xcom(value):
                yield run, task_id, record.conn_id


def _with_task(which: Any, session: Any, table: Any, value: Any, condition: Any) -> Iterator[tuple[EndedRun, str, Any]]:
    query = (
        select(DagRun.dag_id, DagRun.run_id, DagRun.start_date, table.task_id, value)
        .join(table, and_(table.dag_id == DagRun.dag_id, table.run_id == DagRun.run_id))
        .where(which, condition, DagRun.state.in_(ENDED_RUN_STATES), DagRun.start_date.is_not(None))
    )
    for dag_id, run_id, started, task_id, found in session.execute(query):
        yield EndedRun(dag_id, run_id, started), task_id, found


def traces_of(runs: Runs) -> Iterator[Traces]:
    """What each of the runs can have left, one after the other."""
    for run, task_ids in runs.items():
        name = name_of_run(*run)
        keys, sessions = _keys(run, task_ids, name), _sessions(run, task_ids)
        yield Traces(name, keys, sessions, has_ended=lambda run=run: _has_ended(run))  # type: ignore[misc]


def _has_ended(run: EndedRun) -> bool:
    """Whether nothing of it goes on: neither has it been cleared, nor has it ended once more since."""
    with create_session() as session:
        query = select(DagRun.state, DagRun.start_date).where(this_one(run.dag_id, run.run_id))
        found = session.execute(query).first()
    return found is not None and found.state in ENDED_RUN_STATES and found.start_date == run.started


def _keys(run: EndedRun, task_ids: Collection[str], name: str) -> list[str]:
    """All keys under which its task instances can have created remote tasks, in all of their tries."""
    max_tries: dict[tuple[str, int], set[int]] = {}
    latest: dict[tuple[str, int], int] = {}
    with create_session() as session:
        clears = session.scalars(select(DagRun.clear_number).where(this_one(run.dag_id, run.run_id))).one()
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
