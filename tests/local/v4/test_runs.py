"""Runs and sessions of v4."""

from __future__ import annotations

import signal
import time
from datetime import datetime

import httpx
import pytest

from tests.local import web
from tests.local.running_server import Json, LocalServer

STRANGER = "3c90c3cc-0d44-4b50-8888-8dd25736052a"
NOTHING = "no step at all"


def kinds(server: LocalServer, run_id: str) -> list[str]:
    return [event["type"] for event in server.events(run_id)]


def close(server: LocalServer, run: Json) -> None:
    """Stops the browser of a session."""
    found = server.v4.get("/browsers", params={"agentSessionId": run["sessionId"], "filterBy": "active"}).json()
    for browser in found["items"]:
        stopped = server.v4.patch(f"/browsers/{browser['id']}", json={"action": "stop"})
        assert (stopped.status_code, stopped.json()["status"]) == (200, "stopped")


def test_a_run_tells_its_steps_as_events_and_its_follow_up_finds_the_page_as_it_was(server: LocalServer) -> None:
    first = server.run_v4(f"Open {server.site}/shop/ and report the heading.")
    assert (first["status"], first["result"], first["error"]) == ("completed", "heading: Sign in", None)
    events = server.events(first["id"])
    assert [event["type"] for event in events] == [
        "run.created",
        "browser.ready",
        "core.event",
        "core.event",
        "run.completed",
    ]
    assert [event["data"]["part"]["state"]["title"] for event in events[2:4]] == [
        f"Open {server.site}/shop/",
        "report the heading",
    ]
    assert web.get(events[1]["data"]["live_view_url"]).status_code == 200
    more = server.run_v4("Report the heading.", sessionId=first["sessionId"])
    assert (more["result"], more["sessionId"], more["workspaceId"]) == (
        "heading: Sign in",
        first["sessionId"],
        first["workspaceId"],
    )
    assert kinds(server, more["id"]) == ["run.created", "browser.reattached", "core.event", "run.completed"]
    assert server.events(more["id"])[1]["data"]["browser_session_id"] == events[1]["data"]["browser_session_id"]
    close(server, more)
    again = server.run_v4("Report the page address.", sessionId=first["sessionId"])
    assert (again["result"], kinds(server, again["id"])[1]) == ("page address: about:blank", "browser.ready")
    close(server, again)


def test_a_browser_stays_for_two_minutes_or_as_long_as_the_last_run_said(server: LocalServer) -> None:
    def stays(run: Json) -> float:
        """From the end of the run on, in seconds."""
        params = {"agentSessionId": run["sessionId"], "filterBy": "active"}
        [browser] = server.v4.get("/browsers", params=params).raise_for_status().json()["items"]
        closes, ended = (
            datetime.fromisoformat(moment.replace("Z", "+00:00")) for moment in (browser["timeoutAt"], run["updatedAt"])
        )
        return (closes - ended).total_seconds()

    first = server.run_v4("Wait 0 seconds.")
    follow_up = {"task": "Wait 0 seconds.", "sessionId": first["sessionId"]}
    assert stays(first) == 120
    assert stays(server.run_v4(**follow_up, keepAlive=600)) == 600
    assert stays(server.run_v4(**follow_up)) == 600
    assert stays(server.run_v4(**follow_up, keepAlive=None)) == 120
    close(server, first)


def test_events_come_from_where_the_reader_was(server: LocalServer) -> None:
    run = server.run_v4("Wait 0.1 seconds, wait 0.1 seconds.")
    path = f"/runs/{run['id']}/events"
    page = server.v4.get(path, params={"limit": 2}).json()
    assert ([event["id"] for event in page["events"]], page["nextAfter"], page["hasMore"]) == ([1, 2], 2, True)
    page = server.v4.get(path, params={"after": 2, "limit": 3}).json()
    assert ([event["id"] for event in page["events"]], page["nextAfter"], page["hasMore"]) == ([3, 4, 5], 5, False)
    assert server.v4.get(path, params={"after": 5}).json() == {"events": [], "nextAfter": None, "hasMore": False}
    close(server, run)


def test_a_run_that_does_not_do_what_it_was_asked_has_failed_and_says_why(server: LocalServer) -> None:
    run = server.run_v4(NOTHING)
    assert (run["status"], run["result"], NOTHING in run["error"]) == ("failed", None, True)
    assert kinds(server, run["id"]) == ["run.created", "run.failed"]


def test_a_session_runs_one_run_at_a_time_and_a_cancelled_run_frees_it(server: LocalServer) -> None:
    run = server.start_run("Wait 60 seconds.")
    assert run["status"] == "queued"
    busy = server.v4.post("/runs", json={"task": NOTHING, "sessionId": run["sessionId"]})
    assert (busy.status_code, busy.json()["detail"].split(":")[0]) == (409, "The session has an active run")
    for _ in range(2):
        cancelled = server.v4.post(f"/runs/{run['id']}/cancel")
        assert (cancelled.status_code, cancelled.json()["status"]) == (200, "cancelled")
    assert kinds(server, run["id"])[-1] == "run.cancelled"
    assert server.v4.get(f"/sessions/{run['sessionId']}").json()["status"] == "cancelled"
    more = server.run_v4("Wait 0.1 seconds.", sessionId=run["sessionId"])
    assert more["status"] == "completed"
    close(server, more)


def test_an_output_schema_is_held_and_comes_back_with_its_value(server: LocalServer) -> None:
    schema = {"type": "object", "properties": {"heading": {"type": "string"}}, "required": ["heading"]}
    run = server.run_v4(f"Open {server.site}/shop/ and report the heading.", outputSchema=schema)
    assert (run["output"], run["outputSchema"]) == ({"heading": "Sign in"}, schema)
    schema["properties"] = {"turnover": {"type": "number"}}
    schema["required"] = ["turnover"]
    missing = server.run_v4("Report the heading.", sessionId=run["sessionId"], outputSchema=schema)
    assert (missing["status"], missing["output"], "turnover" in missing["error"]) == ("failed", None, True)
    close(server, missing)


def test_runs_and_sessions_are_listed_newest_first_from_a_cursor_on(server: LocalServer) -> None:
    first = server.run_v4(f"{NOTHING} 1")
    session = first["sessionId"]
    ids = [first["id"], *(server.run_v4(f"{NOTHING} {n}", sessionId=session)["id"] for n in (2, 3))]
    page = server.v4.get("/runs", params={"sessionId": session, "limit": 2}).json()
    assert ([run["id"] for run in page["runs"]], page["hasMore"]) == (ids[:0:-1], True)
    rest = server.v4.get("/runs", params={"sessionId": session, "cursor": page["nextCursor"]}).json()
    assert ([run["id"] for run in rest["runs"]], rest["hasMore"], rest["nextCursor"]) == ([ids[0]], False, None)
    other = server.run_v4(NOTHING)
    page = server.v4.get("/sessions", params={"limit": 1}).json()
    assert [row["sessionId"] for row in page["sessions"]] == [other["sessionId"]]
    page = server.v4.get("/sessions", params={"limit": 1, "cursor": page["nextCursor"]}).json()
    assert [(row["sessionId"], row["latestRunId"]) for row in page["sessions"]] == [(session, ids[2])]
    titled = server.v4.patch(f"/sessions/{session}", json={"title": "Orders"}).json()
    assert (titled["title"], server.v4.get(f"/sessions/{session}").json()["title"]) == ("Orders", "Orders")
    assert server.v4.get("/runs", params={"cursor": "x"}).status_code == 400


@pytest.mark.parametrize(
    ("body", "location"),
    [
        ({}, ["body", "task"]),
        ({"task": " "}, ["body", "task"]),
        ({"task": "x", "metadata": {}}, ["body", "metadata"]),
        ({"task": "x", "browserSettings": {"record": True, "profile": "x"}}, ["body", "browserSettings", "profile"]),
        ({"task": "x", "keepAlive": 119}, ["body", "keepAlive"]),
        ({"task": "x", "outputSchema": {"type": "no type"}}, ["body", "outputSchema"]),
        ({"task": "x", "outputSchema": "{}"}, ["body", "outputSchema"]),
        ({"task": "x", "judge": {"model": "x"}}, ["body", "judge", "model"]),
    ],
)
def test_what_the_contract_does_not_know_is_422(server: LocalServer, body: Json, location: list[str]) -> None:
    answer = server.v4.post("/runs", json=body)
    assert (answer.status_code, answer.json()["detail"][0]["loc"]) == (422, location)


def test_a_budget_is_more_than_nothing(server: LocalServer) -> None:
    for cost in (0, -1, "0", "no number"):
        assert server.v4.post("/runs", json={"task": "x", "maxCostUsd": cost}).status_code == 422
    server.run_v4(NOTHING, maxCostUsd="0.5")


def test_what_is_not_there_is_404_and_what_is_not_the_session_s_400(server: LocalServer) -> None:
    for path in (f"/runs/{STRANGER}", f"/runs/{STRANGER}/status", f"/runs/{STRANGER}/events", f"/sessions/{STRANGER}"):
        assert server.v4.get(path).status_code == 404
    assert server.v4.get(f"/runs/{server.run(NOTHING)['id']}").status_code == 404
    profiles = {"profileId": STRANGER}
    for body in ({"sessionId": STRANGER}, {"workspaceId": STRANGER}, {"browserSettings": profiles}):
        assert server.v4.post("/runs", json={"task": "x", **body}).status_code == 404
    run = server.run_v4(NOTHING)
    other = server.run_v4(NOTHING)
    for body in ({"workspaceId": other["workspaceId"]}, {"browserSettings": profiles}):
        answer = server.v4.post("/runs", json={"task": "x", "sessionId": run["sessionId"], **body})
        assert answer.status_code == 400


def test_without_the_key_everything_is_401(server: LocalServer) -> None:
    assert web.get(f"{server.site}/api/v4/runs").status_code == 401


def test_faults_are_there_for_the_paths_of_v4_too(tmp_path_factory: pytest.TempPathFactory) -> None:
    faulty = LocalServer(tmp_path_factory.mktemp("faulty") / "data", "--faults")

    def set_faults(*rules: Json) -> None:
        faulty.http.put(f"{faulty.site}/_faults", json=list(rules)).raise_for_status()

    try:
        set_faults({"method": "POST", "path": "/runs", "work": "done"})
        with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
            faulty.v4.post("/runs", json={"task": NOTHING})
        assert len(faulty.v4.get("/runs").json()["runs"]) == 1
        set_faults({"path": "/api/v4/sessions", "status": 503, "times": None})
        assert faulty.v4.get("/sessions").status_code == 503
        assert faulty.http.get("/sessions").status_code == 200
        set_faults({"path": "/runs", "method": "GET", "hide": 600, "times": None})
        assert faulty.v4.get("/runs").json()["runs"] == []
    finally:
        faulty.end()


def test_a_server_that_is_killed_has_failed_its_runs_and_their_session_goes_on_in_a_new_browser(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    data = tmp_path_factory.mktemp("killed") / "data"
    running = LocalServer(data)
    run = running.start_run("Wait 60 seconds.")
    while running.v4.get(f"/runs/{run['id']}").json()["status"] != "running":
        time.sleep(0.05)
    running.end(signal.SIGKILL)
    running = LocalServer(data)
    try:
        ended = running.v4.get(f"/runs/{run['id']}").json()
        assert (ended["status"], "died" in ended["error"]) == ("failed", True)
        more = running.run_v4("Wait 0.1 seconds.", sessionId=run["sessionId"])
        assert (more["status"], kinds(running, more["id"])[1]) == ("completed", "browser.ready")
    finally:
        running.end()
