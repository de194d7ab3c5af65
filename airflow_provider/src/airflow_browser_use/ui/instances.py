"""Task instances that have or had a browser, as Airflow's database knows them. No query is repeated per row."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from airflow.models.taskinstance import TaskInstance
from airflow.models.xcom import XComModel
from sqlalchemy import and_, case, func, select

from airflow_browser_use.pages import RECORD_KEY, PageRecord, path_of_page, root_path

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from sqlalchemy import ColumnElement, Select
    from sqlalchemy.orm import Session

STATES: dict[str, tuple[str, ...]] = {
    "running": ("running", "deferred", "queued", "scheduled", "restarting", "up_for_reschedule"),
    "success": ("success",),
    "failed": ("failed", "upstream_failed", "up_for_retry"),
}
"""By what the list is filtered, and the states of Airflow that this means."""

_COLUMNS = ("dag_id", "run_id", "task_id", "map_index", "state", "start_date", "end_date")


@dataclass(frozen=True)
class BrowserInstance:
    """A task instance, and what it has told of its remote task; `record` is None before it has one."""

    dag_id: str
    run_id: str
    task_id: str
    map_index: int
    state: str | None
    start_date: datetime | None
    end_date: datetime | None
    record: PageRecord | None

    @property
    def page(self) -> str:
        """The path of its page, below that of this application."""
        return path_of_page(self.dag_id, self.run_id, self.task_id, self.map_index)

    @property
    def in_airflow(self) -> str:
        """The path of its details in Airflow's UI."""
        mapped = f"/mapped/{self.map_index}" if self.map_index >= 0 else ""
        path = path_of_page(self.dag_id, self.run_id, self.task_id)
        return f"{root_path()}/{path}{mapped}"

    @property
    def name(self) -> str:
        """What people call it."""
        return f"{self.task_id} [{self.map_index}]" if self.map_index >= 0 else self.task_id

    @property
    def runs(self) -> bool:
        """Whether Airflow may still change its state by itself."""
        return self.state is None or self.state in STATES["running"]


@dataclass(frozen=True)
class DagCosts:
    """What the tasks of a DAG have cost, in US dollars, since a day, a week and a month ago."""

    dag_id: str
    day: float
    week: float
    month: float


def find(session: Session, dag_id: str, run_id: str, task_id: str, map_index: int) -> BrowserInstance | None:
    """One task instance, whether it has a browser or not; None if there is no such one."""
    query = _instances(outer=True).where(
        TaskInstance.dag_id == dag_id,
        TaskInstance.run_id == run_id,
        TaskInstance.task_id == task_id,
        TaskInstance.map_index == map_index,
    )
    row = session.execute(query).first()
    return None if row is None else _instance(row)


def in_same_session(session: Session, of: BrowserInstance) -> list[BrowserInstance]:
    """The task instances of its run that work in its session, in the order in which they began."""
    if of.record is None or of.record.session_id is None:
        return []
    query = (
        _instances()
        .where(TaskInstance.dag_id == of.dag_id, TaskInstance.run_id == of.run_id)
        .where(XComModel.value["session_id"].as_string() == of.record.session_id)
        .order_by(TaskInstance.start_date)
    )
    return [_instance(row) for row in session.execute(query)]


def returned(session: Session, of: BrowserInstance) -> Any:
    """Its XCom `return_value`; None if there is none."""
    query = select(XComModel.value).where(*_is_xcom_of(of), XComModel.key == "return_value")
    return session.scalar(query)


def recent(
    session: Session, dag_ids: Collection[str], *, dag_id: str, state: str, offset: int, limit: int
) -> tuple[list[BrowserInstance], int]:
    """A page of the list: what runs first, then what began last.

    Args:
        session: Of the database.
        dag_ids: The DAGs that may be shown.
        dag_id: The only DAG to show; empty for all.
        state: One of `STATES`; empty for all.
        offset: How many to pass over.
        limit: How many to show at most.

    Returns:
        Them, and how many there are in all.
    """
    wanted: list[ColumnElement[bool]] = [TaskInstance.dag_id.in_(dag_ids)]
    if dag_id:
        wanted.append(TaskInstance.dag_id == dag_id)
    if state:
        wanted.append(TaskInstance.state.in_(STATES[state]))
    runs_first = case((TaskInstance.state.in_(STATES["running"]), 0), else_=1)
    query = _instances().where(*wanted)
    total = session.scalar(select(func.count()).select_from(query.subquery())) or 0
    shown = query.order_by(runs_first, TaskInstance.start_date.desc(), TaskInstance.id).offset(offset).limit(limit)
    return [_instance(row) for row in session.execute(shown)], total


def costs(session: Session, dag_ids: Collection[str], *, now: datetime, limit: int) -> Sequence[DagCosts]:
    """What each DAG has cost, the dearest of the month first. The last try of each task instance counts."""
    cost = XComModel.value["cost"].as_float()
    day, week, month = (
        func.sum(case((XComModel.timestamp >= now - timedelta(days=days), cost), else_=0.0)) for days in (1, 7, 30)
    )
    query = (
        select(XComModel.dag_id, day, week, month)
        .where(XComModel.key == RECORD_KEY, XComModel.timestamp >= now - timedelta(days=30))
        .where(XComModel.dag_id.in_(dag_ids), cost.is_not(None))
        .group_by(XComModel.dag_id)
        .order_by(month.desc())
        .limit(limit)
    )
    return [DagCosts(*row) for row in session.execute(query)]


def _instances(*, outer: bool = False) -> Select[Any]:
    columns = [getattr(TaskInstance, name) for name in _COLUMNS]
    told = and_(*_is_xcom_of(TaskInstance), XComModel.key == RECORD_KEY)
    return select(*columns, XComModel.value).join_from(TaskInstance, XComModel, told, isouter=outer)


def _is_xcom_of(of: Any) -> tuple[ColumnElement[bool], ...]:
    return tuple(getattr(XComModel, name) == getattr(of, name) for name in ("dag_id", "run_id", "task_id", "map_index"))


def _instance(row: Any) -> BrowserInstance:
    known = {name: getattr(row, name) for name in _COLUMNS}
    return BrowserInstance(**known, record=PageRecord.from_xcom(row.value))
