from __future__ import annotations

from pathlib import Path

from tests.local.running_server import LocalServer


def test_a_session_is_deleted_with_its_run_its_browser_and_its_files_and_its_workspace_stays(
    server: LocalServer,
) -> None:
    run = server.run_v4(f"Open {server.site}/shop/ and report the heading.")
    more = server.start_run("Wait 60 seconds.", sessionId=run["sessionId"])
    pictures = Path(server.data_dir, "tasks", run["id"])
    assert pictures.exists()
    assert server.v4.delete(f"/sessions/{run['sessionId']}").status_code == 204
    for path in (f"/sessions/{run['sessionId']}", f"/runs/{run['id']}", f"/runs/{more['id']}"):
        assert server.v4.get(path).status_code == 404
    assert not pictures.exists()
    assert server.v4.get("/browsers", params={"agentSessionId": run["sessionId"]}).json()["totalItems"] == 0
    assert server.v4.get(f"/workspaces/{run['workspaceId']}").status_code == 200


def test_the_budget_of_a_session_is_the_one_that_was_said_last(server: LocalServer) -> None:
    run = server.run_v4("no step at all", maxCostUsd=2)
    path = f"/sessions/{run['sessionId']}/cost-cap"
    assert server.v4.get(path).json()["maxCostUsd"] == "2"
    server.run_v4("no step at all", sessionId=run["sessionId"])
    assert server.v4.get(path).json()["maxCostUsd"] == "2"
    server.run_v4("no step at all", sessionId=run["sessionId"], maxCostUsd="0.5")
    assert server.v4.get(path).json()["maxCostUsd"] == "0.5"
    assert server.v4.patch(path, json={"maxCostUsd": 0}).status_code == 422
    assert server.v4.patch(path, json={"maxCostUsd": 7, "currency": "EUR"}).status_code == 422
    assert server.v4.patch(path, json={"maxCostUsd": 7}).json()["maxCostUsd"] == "7"
