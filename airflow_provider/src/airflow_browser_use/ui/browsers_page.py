"""*Browsers*: what runs now and what ran lately, over all DAGs that the user may read, and what that has cost."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from airflow.utils.session import create_session

from airflow_browser_use.ui import instances, service
from airflow_browser_use.ui.access import ReadableDags
from airflow_browser_use.ui.service import Look

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow_browser_use.ui.instances import BrowserInstance, DagCosts

ROWS_PER_PAGE = 25
DAGS_WITH_COSTS = 20
LIST_LOOK_SECONDS = 3.0
"""How long the list waits for what is only nice to have there."""


@dataclass(frozen=True)
class Listing:
    """A page of the list, as Airflow's database has it."""

    rows: list[BrowserInstance]
    costs: Sequence[DagCosts]
    total: int
    page: int
    dag_id: str
    state: str

    @property
    def pages(self) -> int:
        """How many pages there are."""
        return max(-(-self.total // ROWS_PER_PAGE), 1)

    def query(self, page: int) -> str:
        """What leads to another page with the same filters."""
        chosen = {"dag": self.dag_id, "state": self.state, "page": page if page > 1 else ""}
        return urlencode({name: value for name, value in chosen.items() if value})


def listing(dag_ids: ReadableDags, dag: str = "", state: str = "", page: int = 1) -> Listing:
    """Read a page of the list."""
    page, state = max(page, 1), state if state in instances.STATES else ""
    with create_session(scoped=False) as session:
        rows, total = instances.recent(
            session, dag_ids, dag_id=dag, state=state, offset=ROWS_PER_PAGE * (page - 1), limit=ROWS_PER_PAGE
        )
        costs = instances.costs(session, dag_ids, now=datetime.now(timezone.utc), limit=DAGS_WITH_COSTS)
    return Listing(rows, costs, total, page, dag, state)


async def fill(listing: Listing) -> dict[str, Any]:
    """What the template is filled with; what runs is asked of the service, all at once."""
    running = [row.record for row in listing.rows if row.runs and row.record]
    looks = await service.look_at_all(running, LIST_LOOK_SECONDS)
    return {
        "listing": listing,
        "states": instances.STATES,
        "rows": [(row, looks.get(row.record, Look()) if row.record else Look()) for row in listing.rows],
        "changes": any(row.runs for row in listing.rows),
    }
