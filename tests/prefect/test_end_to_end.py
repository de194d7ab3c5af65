"""The example, served as its file says, against a real Prefect server."""

from __future__ import annotations

from demo.waiting import until
from tests.fake_api import FakeApiProcess

from .running_prefect import ROOT, RunningPrefect, files_with

PASSWORD = "hunter2-of-the-shop"
ORDERS = """{"orders": [
    {"number": "A-1007", "customer": "Margaret", "placed": "2026-11-10", "status": "open", "amount": 310.25}
]}"""
SHIPPING = '{"carrier": "UPS", "tracking_number": "1Z999", "expected_date": "2026-11-28"}'


def test_the_example_runs_from_its_deployment_and_shows_no_secret(prefect_server: RunningPrefect) -> None:
    with FakeApiProcess("v2-nested", api_key="bu_key_of_the_example") as api:
        api.script("read the Orders table", output=ORDERS)
        api.script("report its carrier", output=SHIPPING)
        served = prefect_server.start(
            "example",
            str(ROOT / "examples" / "prefect" / "shop_orders.py"),
            BROWSER_USE_API_KEY=api.api_key,
            BROWSER_USE_BASE_URL=api.base_url,
            SHOP_URL="https://shop.example/",
            SHOP_USER="ann-the-buyer",
            SHOP_PASSWORD=PASSWORD,
        )
        deployment = prefect_server.get(f"/deployments/{prefect_server.deployment('every-morning')}")
        assert [schedule["schedule"]["cron"] for schedule in deployment["schedules"]] == ["0 6 * * *"]
        flow_run = prefect_server.run_deployment("every-morning")
        assert prefect_server.ended(flow_run)["state_type"] == "COMPLETED"
        prefect_server.end(served)
        tasks = api.tasks()

    assert [task["status"] for task in tasks] == ["finished"] * 3
    assert len({task["session_id"] for task in tasks}) == 1
    assert tasks[0]["body"]["secrets"] == {"shop_user": "ann-the-buyer", "shop_password": PASSWORD}
    until("the step is in the log", lambda: any("Step 1: Do step 1" in line for line in prefect_server.logs(flow_run)))
    for secret in (PASSWORD, "bu_key_of_the_example"):
        assert files_with(prefect_server.home, secret) == []
