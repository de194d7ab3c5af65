from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from browser_use_local.profiles import Profiles
from browser_use_local.records import Session
from browser_use_local.sessions import Sessions, TooManySessionsError
from browser_use_local.settings import Settings
from browser_use_local.store import Store

from .running_server import LocalServer, chromiums

WAIT = "Wait 60 seconds."


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalServer]:
    """A server with room for two sessions."""
    running = LocalServer(tmp_path_factory.mktemp("small") / "data", "--demo-site")
    yield running
    assert running.end() == 0


def status(server: LocalServer, session: str) -> str:
    return str(server.http.get(f"/sessions/{session}").json()["status"])


def test_a_session_of_the_later_revision_closes_with_its_task(small: LocalServer) -> None:
    for body in ({"task": "Report the heading."}, {"task": "Report the heading.", "maxSteps": 3}):
        task = small.run(**body, startUrl=f"{small.site}/shop/")
        assert (task["isSuccess"], status(small, task["sessionId"])) == (True, "stopped")


def test_a_session_of_the_older_revision_stays_and_goes_on_in_the_same_page(small: LocalServer) -> None:
    first = small.run("Report the heading.", agentSettings={"startUrl": f"{small.site}/shop/"})
    assert status(small, first["sessionId"]) == "active"
    more = small.run("Report the page address.", browserSettings={"sessionId": first["sessionId"]})
    assert more["output"] == f"page address: {small.site}/shop/"
    stopped = small.http.patch(f"/sessions/{first['sessionId']}", json={"action": "stop"}).json()
    assert (stopped["status"], len(stopped["tasks"])) == ("stopped", 2)
    assert not chromiums(small.data_dir)


def test_a_session_without_keep_alive_closes_with_its_first_task(small: LocalServer) -> None:
    session = small.session(keepAlive=False, startUrl=f"{small.site}/shop/")
    assert small.run("Report the heading.", sessionId=session)["output"] == "heading: Sign in"
    assert status(small, session) == "stopped"


def test_a_stopped_session_takes_no_task(small: LocalServer) -> None:
    session = small.session()
    small.http.patch(f"/sessions/{session}", json={"action": "stop"})
    answer = small.http.post("/tasks", json={"task": "Go back", "sessionId": session})
    assert (answer.status_code, answer.json()["detail"][:26]) == (400, "Browser session is stopped")


def test_a_busy_session_takes_no_second_task_and_stop_frees_it(small: LocalServer) -> None:
    session = small.session()
    task = small.create(WAIT, sessionId=session)
    answer = small.http.post("/tasks", json={"task": "Go back", "sessionId": session})
    assert (answer.status_code, answer.json()["detail"][:45]) == (400, "Agent session already has a running task. Ple")
    stopped = small.http.patch(f"/tasks/{task['id']}", json={"action": "stop"}).json()
    assert (stopped["status"], stopped["isSuccess"], stopped["output"]) == ("stopped", None, None)
    assert small.run("Wait 0 seconds", sessionId=session)["isSuccess"]
    again = small.http.patch(f"/tasks/{task['id']}", json={"action": "stop"}).json()
    assert again["finishedAt"] == stopped["finishedAt"]
    small.http.delete(f"/sessions/{session}")


def test_stopping_task_and_session_stops_both(small: LocalServer) -> None:
    task = small.create(WAIT, agentSettings={})
    stopped = small.http.patch(f"/tasks/{task['id']}", json={"action": "stop_task_and_session"}).json()
    assert (stopped["status"], stopped["session"]["status"]) == ("stopped", "stopped")


def test_stopping_a_session_stops_the_task_in_it(small: LocalServer) -> None:
    session = small.session()
    task = small.create(WAIT, sessionId=session)
    small.http.patch(f"/sessions/{session}", json={"action": "stop"})
    assert small.task(task["id"])["status"] == "stopped"


def test_more_sessions_than_there_is_room_for_are_refused_with_a_time_to_come_back(small: LocalServer) -> None:
    sessions = [small.session(), small.session()]
    for path, body in (("/sessions", {}), ("/tasks", {"task": "Go back"})):
        answer = small.http.post(path, json=body)
        assert (answer.status_code, answer.headers["retry-after"]) == (429, "5")
        assert answer.json()["detail"].startswith("Too many concurrent active sessions")
    follow_up = small.http.post("/tasks", json={"task": "Go back", "sessionId": sessions[0]})
    assert follow_up.status_code == 202
    for session in sessions:
        small.http.delete(f"/sessions/{session}")
    assert small.http.post("/sessions", json={}).status_code == 201


def test_who_gets_no_session_is_told_which_are_idle_and_how_to_free_one(small: LocalServer) -> None:
    for session in small.http.get("/sessions?filterBy=active").json()["items"]:
        small.http.delete(f"/sessions/{session['id']}")
    idle, busy = small.session(), small.create(WAIT, agentSettings={})["sessionId"]
    said = small.http.post("/sessions", json={}).json()["detail"]
    assert "2 of 2 are in use, 1 by running tasks. 1 is idle: free one with `browser-use-local stop" in said
    for session in (idle, busy):
        small.http.delete(f"/sessions/{session}")


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_the_session_that_was_idle_for_longest_gives_way_after_a_minute(tmp_path: Path) -> None:
    async def scenario() -> None:
        store, clock = Store(tmp_path / "local.sqlite3"), Clock()
        settings = Settings(data_dir=tmp_path, max_sessions=2)
        playwright: Any = None  # no session of this test gets as far as a browser
        sessions = Sessions(settings, store, Profiles(tmp_path / "profiles", store), playwright, clock)
        busy, idle = (sessions.get(sessions.open(keep_alive=True).id) for _ in range(2))
        assert busy
        assert idle
        busy.running_task = "a task"
        clock.now += 59
        with pytest.raises(TooManySessionsError, match=r"in 1 s the one that was idle for longest gives way"):
            sessions.open(keep_alive=True)
        clock.now += 2
        newest = sessions.open(keep_alive=True)
        assert sessions.get(idle.id) is None
        assert [(one.id, one.status) for one in store.select(Session, {"id": idle.id})] == [(idle.id, "stopped")]
        with pytest.raises(TooManySessionsError):
            sessions.open(keep_alive=True)
        clock.now += 1000
        sessions.end_task(busy)  # it has just become idle, and the other one is older
        assert sessions.open(keep_alive=True)
        assert sessions.get(newest.id) is None
        assert sessions.get(busy.id)
        await sessions.close()
        store.close()

    asyncio.run(scenario())


def test_a_paused_task_takes_no_step_until_it_is_resumed(small: LocalServer) -> None:
    task = small.create("Wait 0.4 seconds, wait 0.3 seconds, wait 0.2 seconds.", agentSettings={})
    small.wait(task["id"], {"started"})
    paused = small.http.patch(f"/tasks/{task['id']}", json={"action": "pause"}).json()
    assert paused["status"] == "paused"
    time.sleep(1.5)  # longer than all steps together
    seen = small.task(task["id"])
    assert seen["status"] == "paused"
    assert len(seen["steps"]) <= 1
    assert [item["id"] for item in small.http.get("/tasks?filterBy=paused").json()["items"]] == [task["id"]]
    small.http.patch(f"/tasks/{task['id']}", json={"action": "resume"})
    ended = small.wait(task["id"])
    assert (ended["status"], len(ended["steps"])) == ("finished", 3)
    small.http.delete(f"/sessions/{task['sessionId']}")


def test_a_paused_task_can_be_stopped(small: LocalServer) -> None:
    task = small.create("Wait 0.1 seconds, wait 0.1 seconds.", agentSettings={})
    small.http.patch(f"/tasks/{task['id']}", json={"action": "pause"})
    small.http.patch(f"/tasks/{task['id']}", json={"action": "stop_task_and_session"})
    assert small.task(task["id"])["status"] == "stopped"


def test_the_list_of_sessions_can_be_filtered(small: LocalServer) -> None:
    session = small.session()
    active = small.http.get("/sessions?filterBy=active").json()
    assert session in [item["id"] for item in active["items"]]
    assert {item["status"] for item in active["items"]} == {"active"}
    small.http.delete(f"/sessions/{session}")
    assert session not in [item["id"] for item in small.http.get("/sessions?pageSize=100").json()["items"]]


def test_an_idle_session_is_stopped_and_one_with_a_task_is_not(tmp_path_factory: pytest.TempPathFactory) -> None:
    server = LocalServer(tmp_path_factory.mktemp("idle") / "data", "--idle-timeout", "1")
    try:
        idle = server.session()
        task = server.create("Wait 4 seconds.", agentSettings={})
        ended = server.wait(task["id"])
        assert (ended["status"], ended["isSuccess"], ended["session"]["status"]) == ("finished", True, "active")
        assert status(server, idle) == "stopped"
        while status(server, task["sessionId"]) == "active":
            time.sleep(0.1)
    finally:
        server.end()
