"""Pause a deployment when what its Browser Use tasks cost in a day passes a limit.

Each task ends with an event that says what it cost. Prefect's automations count events, but do not add up what is in
them: so this flow does, and tells the sum. It emits `browser-use.budget.passed`, on which an automation pauses the
deployment, in Prefect's server: no flow run of it starts until somebody resumes it, in the UI or with
`prefect deployment resume`.

    python examples/prefect/pause_when_dear.py FLOW/DEPLOYMENT 5.00

makes the automation once, and then looks every ten minutes. Prefect's server writes events down in batches: what ended
in the last seconds before a look may count at the next one only. Needs PREFECT_API_URL in its environment.
"""

from __future__ import annotations

import datetime as dt
import sys
import time

from prefect import flow, get_client
from prefect.automations import Automation
from prefect.events import EventTrigger, emit_event
from prefect.events.actions import PauseDeployment
from prefect.events.filters import EventFilter, EventNameFilter, EventOccurredFilter, EventRelatedFilter
from prefect.logging import get_run_logger

PASSED = "browser-use.budget.passed"
EVERY_SECONDS = 600


def spent_today(deployment_id: str) -> float:
    """US dollars that the tasks of a deployment have cost since midnight, UTC.

    Args:
        deployment_id: The deployment.
    """
    midnight = dt.datetime.now(dt.timezone.utc).replace(hour=0, minute=0, second=0, microsecond=0)
    of_deployment = EventFilter(
        event=EventNameFilter(prefix=["browser-use.task."]),
        occurred=EventOccurredFilter(since=midnight),
        related=EventRelatedFilter(id=[f"prefect.deployment.{deployment_id}"]),
    )
    with get_client(sync_client=True) as client:
        page = client.read_events(of_deployment, limit=50)
        events = page.events
        while page.next_page:
            page = client.read_events_page(str(page.next_page))
            events += page.events
    return sum(event.payload.get("cost") or 0.0 for event in events)


@flow
def check_budget(deployment: str, limit_usd: float) -> float:
    """Tell the automation if a deployment has cost more today than it may.

    Args:
        deployment: `FLOW/DEPLOYMENT`.
        limit_usd: US dollars a day.

    Returns:
        What it has cost today.
    """
    with get_client(sync_client=True) as client:
        deployment_id = str(client.read_deployment_by_name(deployment).id)
    spent = spent_today(deployment_id)
    get_run_logger().info("%s has cost %.2f of %.2f US dollars today", deployment, spent, limit_usd)
    if spent > limit_usd:
        resource = {"prefect.resource.id": f"prefect.deployment.{deployment_id}"}
        emit_event(event=PASSED, resource=resource, payload={"spent_usd": spent, "limit_usd": limit_usd})
    return spent


def make_automation(deployment: str) -> None:
    """Make the automation of a deployment, unless it is there.

    Args:
        deployment: `FLOW/DEPLOYMENT`.
    """
    name = f"Pause {deployment} when it is dear"
    with get_client(sync_client=True) as client:
        deployment_id = client.read_deployment_by_name(deployment).id
    try:
        Automation.read(name=name)
    except ValueError:  # there is none of this name
        Automation(
            name=name,
            trigger=EventTrigger(
                expect={PASSED}, match={"prefect.resource.id": f"prefect.deployment.{deployment_id}"}, threshold=1
            ),
            actions=[PauseDeployment(source="selected", deployment_id=deployment_id)],
        ).create()


if __name__ == "__main__":
    make_automation(sys.argv[1])
    while True:
        check_budget(sys.argv[1], float(sys.argv[2]))
        time.sleep(EVERY_SECONDS)
