"""The example that pauses a deployment when a day's cost passes a limit, with a real Prefect server."""

from __future__ import annotations

from demo.waiting import until
from tests.fake_api import FakeApiProcess

from .running_prefect import ROOT, RunningPrefect

EXAMPLE = ROOT / "examples" / "prefect" / "pause_when_dear.py"


def number_of_costs(prefect: RunningPrefect, deployment: str) -> int:
    """How many of its tasks have told Prefect what they cost."""
    of_deployment = {
        "event": {"name": ["browser-use.task.finished"]},
        "related": {"id": [f"prefect.deployment.{prefect.deployment(deployment)}"]},
    }
    return len(prefect.post("/events/filter", {"filter": of_deployment})["events"])


def test_a_deployment_that_was_too_dear_today_is_paused_and_another_one_is_not(
    prefect_server: RunningPrefect,
) -> None:
    with FakeApiProcess() as api:
        api.script(cost="0.30")
        environment = {"BROWSER_USE_API_KEY": api.api_key, "BROWSER_USE_BASE_URL": api.base_url}
        prefect_server.start("serve", "-m", "tests.prefect.flows", "serve", **environment)
        runs = [prefect_server.run_deployment(name) for name in ("own-tasks", "blocked-by-task")]
        for run in runs:
            assert prefect_server.ended(run)["state_type"] == "COMPLETED"

        # Prefect's server writes events down in batches, some seconds after they came.
        costs = {"own-tasks": 5, "blocked-by-task": 1}
        until("all costs are written", lambda: {name: number_of_costs(prefect_server, name) for name in costs} == costs)

        for name in costs:  # five tasks for 1.50 US dollars, and one for 0.30
            prefect_server.start(f"watch-{name}", str(EXAMPLE), f"{name}/{name}", "1.00")

        dear, cheap = (f"/deployments/{prefect_server.deployment(name)}" for name in ("own-tasks", "blocked-by-task"))
        until(lambda: prefect_server.log("watch-own-tasks"), lambda: prefect_server.get(dear)["paused"], 120)
        until(
            "the other one was looked at",
            lambda: "has cost 0.30 of 1.00" in prefect_server.log("watch-blocked-by-task"),
        )
        assert not prefect_server.get(cheap)["paused"]
