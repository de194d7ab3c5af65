"""Requests in the words of both revisions, good and bad, without much of a browser."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from . import web
from .running_server import Json, LocalServer

STRANGER = "3c90c3cc-0d44-4b50-8888-8dd25736052a"
# Understood by no engine, so that a task of it ends at once and needs no browser.
NOTHING = "no step at all"


@pytest.mark.parametrize(
    ("headers", "said"),
    [
        ({}, "The API key is missing: send it in the header X-Browser-Use-API-Key"),
        ({"X-Browser-Use-API-Key": "bu_other"}, "The API key is wrong"),
    ],
)
def test_without_the_key_everything_is_401(server: LocalServer, headers: dict[str, str], said: str) -> None:
    for path in ("/tasks", "/sessions", f"/tasks/{STRANGER}", "/billing/account", "/nowhere"):
        answer = web.get(server.url + path, headers=headers)
        assert answer.status_code == 401
        assert answer.json()["detail"].startswith(said)


def test_health_needs_no_key(server: LocalServer) -> None:
    healthy = {"status": "ok", "contract": "both", "brokenBrowsers": []}
    assert web.get(server.site + "/health").json() == healthy


@pytest.mark.parametrize("address", ["127.0.0.1", "127.0.0.2", "::1", "localhost"])
def test_a_server_of_this_machine_answers_to_its_own_names_only(tmp_path: Path, address: str) -> None:
    running = LocalServer(tmp_path / "data", "--host", address)
    port = running.site.rpartition(":")[2]
    try:
        for name in ("localhost", "LOCALHOST.", "127.0.0.1", "127.9.9.9", "[::1]"):
            for host in (name, f"{name}:{port}"):
                assert web.get(f"{running.site}/health", headers={"Host": host}).status_code == 200, host
        for name in ("evil.test", "127.0.0.1.evil.test", "localhost.evil.test", "[::2]", "192.0.2.1", "[", ""):
            for host in (name, f"{name}:{port}"):
                assert web.get(f"{running.site}/health", headers={"Host": host}).status_code == 400, host
    finally:
        running.end()


@pytest.mark.parametrize(
    ("body", "location"),
    [
        ({}, ["body", "task"]),
        ({"task": ""}, ["body", "task"]),
        ({"task": "  \n"}, ["body", "task"]),
        ({"task": "x" * 50_001}, ["body", "task"]),
        ({"task": "x", "sessionId": "no-uuid"}, ["body", "sessionId"]),
        ({"task": "x", "browserSettings": {"sessionId": "no-uuid"}}, ["body", "browserSettings", "sessionId"]),
        ({"task": "x", "structuredOutput": "{"}, ["body", "structuredOutput"]),
        ({"task": "x", "structuredOutput": "[]"}, ["body", "structuredOutput"]),
        ({"task": "x", "structuredOutputJson": '{"type": "no type"}'}, ["body", "structuredOutputJson"]),
        ({"task": "x", "llm": "gpt-4o"}, ["body", "llm"]),
        ({"task": "x", "agentSettings": {"llm": "browser-use-2.0"}}, ["body", "agentSettings", "llm"]),
        ({"task": "x", "startUrl": "file:///etc/passwd"}, ["body", "startUrl"]),
        ({"task": "x", "agentSettings": {"startUrl": " da\tta:text/html,x"}}, ["body", "agentSettings", "startUrl"]),
        ({"task": "x", "maxSteps": 0}, ["body", "maxSteps"]),
        ({"task": "x", "metadata": {"a": 1}}, ["body", "metadata", "a"]),
        ({"task": "x", "metadata": {str(number): "" for number in range(11)}}, ["body", "metadata"]),
        ({"task": "x", "secrets": ["hunter2-the-secret"]}, ["body", "secrets"]),
        ({"task": "x", "llm": "o3", "agentSettings": {}}, ["body"]),
    ],
)
def test_a_body_outside_the_contract_is_422_in_both_documented_shapes(
    server: LocalServer, body: Json, location: list[str]
) -> None:
    before = server.http.get("/sessions").json()["totalItems"]
    answer = server.http.post("/tasks", json=body)
    assert answer.status_code == 422
    fault = answer.json()
    assert fault["detail"][0]["loc"] == location
    assert {key: fault[key] for key in ("loc", "msg", "type")} == fault["detail"][0]
    assert "hunter2" not in answer.text
    assert server.http.get("/sessions").json()["totalItems"] == before


def test_a_session_starts_on_the_web_only(server: LocalServer) -> None:
    answer = server.http.post("/sessions", json={"startUrl": "view-source:file:///etc/passwd"})
    assert (answer.status_code, answer.json()["loc"]) == (422, ["body", "startUrl"])


def test_what_is_no_json_is_422(server: LocalServer) -> None:
    assert server.http.post("/tasks", content=b"{").status_code == 422
    assert server.http.post("/tasks", json=[1]).status_code == 422


def test_unknown_ids_are_404_and_ids_that_are_none_422(server: LocalServer) -> None:
    for path in (f"/tasks/{STRANGER}", f"/tasks/{STRANGER}/status", f"/tasks/{STRANGER}/logs"):
        assert (server.http.get(path).status_code, server.http.get(path).json()) == (404, {"detail": "Task not found"})
    for path in (f"/sessions/{STRANGER}", f"/sessions/{STRANGER}/public-share"):
        assert server.http.get(path).json() == {"detail": "Session not found"}
    assert server.http.post("/tasks", json={"task": "x", "sessionId": STRANGER}).status_code == 404
    assert server.http.get("/tasks/abc").status_code == 422
    assert server.http.patch(f"/tasks/{STRANGER}", json={"action": "stop"}).status_code == 404


def test_the_names_of_both_revisions_are_in_every_task(server: LocalServer) -> None:
    task = server.run(NOTHING, metadata={"team": "ops"})
    assert task["output"] == task["doneOutput"]
    assert task["session"] == {
        "id": task["sessionId"],
        "status": "stopped",
        "liveUrl": task["session"]["liveUrl"],
        "startedAt": task["session"]["startedAt"],
        "finishedAt": task["session"]["finishedAt"],
    }
    assert (task["llm"], task["metadata"], task["cost"]) == ("browser-use-2.0", {"team": "ops"}, "0")
    assert all(task[name].endswith("Z") for name in ("createdAt", "finishedAt"))
    assert server.http.get(f"/tasks/{task['id']}/status").json()["isSuccess"] is False


def test_tasks_are_listed_newest_first_by_session_status_time_and_page(server: LocalServer) -> None:
    session = server.session()
    start = datetime.now(timezone.utc)
    ids = [
        server.run(f"{NOTHING} {number}", sessionId=session, metadata={"key": str(number)})["id"] for number in range(5)
    ]

    def listed(**params: object) -> list[str]:
        page = server.http.get("/tasks", params={"sessionId": session, **params}).raise_for_status().json()
        assert page["pageSize"] == params.get("pageSize", 10)
        return [item["id"] for item in page["items"]]

    assert listed() == ids[::-1]
    assert listed(pageSize=2, pageNumber=2) == ids[::-1][2:4]
    assert listed(filterBy="finished") == ids[::-1]
    assert listed(filterBy="stopped") == []
    assert listed(after=start.isoformat()) == ids[::-1]
    assert listed(after=(start + timedelta(hours=1)).isoformat()) == []
    assert listed(before=start.replace(tzinfo=None).isoformat()) == []
    middle = server.task(ids[2])["createdAt"]
    assert listed(after=middle, before=middle) == [ids[2]]
    everything = server.http.get("/tasks", params={"sessionId": session, "pageSize": 2}).json()
    assert (everything["totalItems"], everything["items"][0]["metadata"]) == (5, {"key": "4"})
    server.http.patch(f"/sessions/{session}", json={"action": "stop"})


@pytest.mark.parametrize(
    "query", ["pageSize=101", "pageSize=0", "pageNumber=0", "filterBy=running", "sessionId=1", "after=now"]
)
def test_a_query_outside_the_contract_is_422(server: LocalServer, query: str) -> None:
    answer = server.http.get(f"/tasks?{query}")
    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"] == ["query", query.split("=")[0]]


def test_the_account_is_there_in_both_revisions_and_costs_nothing(server: LocalServer) -> None:
    assert server.http.get("/billing/account").json()["totalCreditsBalanceUsd"] == 0
    assert server.http.get("/users/me").json()["name"] == "local"


def test_a_public_link_shows_the_session_without_the_key_until_it_is_taken_back(server: LocalServer) -> None:
    session = server.session()
    path = f"/sessions/{session}/public-share"
    assert server.http.get(path).json() == {"detail": "Public share not found"}
    share = server.http.post(path).json()
    assert server.http.post(path).json()["shareToken"] == share["shareToken"]
    assert server.http.get(f"/sessions/{session}").json()["publicShareUrl"] == share["shareUrl"]
    assert web.get(share["shareUrl"]).status_code == 200
    # What the page asks for again and again is no view more.
    assert session in web.get(share["shareUrl"], headers={"X-Browser-Use-Live": "1"}).text
    seen = server.http.get(path).json()
    assert (share["viewCount"], seen["viewCount"]) == (0, 1)
    assert seen["lastViewedAt"].endswith("Z")
    assert server.http.delete(path).status_code == 204
    assert web.get(share["shareUrl"]).status_code == 404
    server.http.delete(f"/sessions/{session}")


def test_a_live_view_opens_only_with_the_signature_of_its_url(server: LocalServer) -> None:
    session = server.session()
    address = server.http.get(f"/sessions/{session}").json()["liveUrl"]
    assert web.get(address).status_code == 200
    assert web.get(address.split("?")[0]).status_code == 404
    assert web.get(f"{server.site}/live").status_code == 404
    server.http.delete(f"/sessions/{session}")


@pytest.fixture(scope="module")
def nested(tmp_path_factory: pytest.TempPathFactory) -> LocalServer:
    running = LocalServer(tmp_path_factory.mktemp("nested") / "data", "--contract", "v2-nested")
    yield running
    running.end()


def test_a_server_of_the_older_revision_knows_nothing_of_the_later_one(nested: LocalServer) -> None:
    for path in ("/billing/account", f"/tasks/{STRANGER}/status", "/profiles"):
        assert nested.http.get(path).json() == {"detail": "Not Found"}
    assert nested.http.post("/sessions", json={}).status_code == 405
    task = nested.run(NOTHING, sessionId=STRANGER, llm="gpt-4o")
    assert task["sessionId"] != STRANGER
    assert task["llm"] == "o3"
    assert not {"output", "createdAt", "cost"} & set(task)
    assert json.dumps(nested.http.get("/sessions").json()).count("keepAlive") == 0


def test_its_sessions_stay_after_their_task(nested: LocalServer) -> None:
    task = nested.run(NOTHING)
    assert task["session"]["status"] == "active"
    nested.http.patch(f"/sessions/{task['sessionId']}", json={"action": "stop"})


@pytest.fixture(scope="module")
def flat(tmp_path_factory: pytest.TempPathFactory) -> LocalServer:
    running = LocalServer(tmp_path_factory.mktemp("flat") / "data", "--contract", "v2-flat")
    yield running
    running.end()


def test_a_server_of_the_later_revision_knows_nothing_of_the_older_one(flat: LocalServer) -> None:
    assert flat.http.get("/users/me").status_code == 404
    task = flat.run(NOTHING, agentSettings={"llm": "gpt-4o"}, browserSettings={"sessionId": STRANGER})
    assert task["llm"] == "browser-use-2.0"
    assert not {"doneOutput", "session", "isScheduled"} & set(task)
    assert flat.http.get(f"/sessions/{task['sessionId']}").json()["status"] == "stopped"
    assert flat.http.patch(f"/tasks/{task['id']}", json={"action": "pause"}).status_code == 422
    assert flat.http.get("/tasks?filterBy=paused").status_code == 422
