"""The queue of a session in v4."""

from __future__ import annotations

import time

from tests.local.running_server import Json, LocalServer

from .test_runs import STRANGER, close


def send(server: LocalServer, session: str, text: str, **body: object) -> Json:
    answer = server.v4.post(f"/sessions/{session}/queue", json={"text": text, **body})
    assert answer.status_code == 200, answer.text
    return answer.json()


def consumed(server: LocalServer, message: Json) -> Json:
    """The run that a message becomes, when it has ended."""
    path = f"/sessions/{message['sessionId']}/queue/{message['id']}"
    while (now := server.v4.get(path).json())["status"] == "pending":
        time.sleep(0.1)
    assert now["status"] == "consumed"
    return server.ended_run(now["runId"])


def test_messages_become_runs_one_after_the_other_in_the_same_browser(server: LocalServer) -> None:
    run = server.run_v4("Wait 0.1 seconds.")
    session = run["sessionId"]
    at_once = send(server, session, "Wait 1 second.")
    assert (at_once["status"], at_once["mode"]) == ("consumed", "queue")
    waiting = send(server, session, "Wait 0.2 seconds.")
    assert (waiting["status"], waiting["runId"]) == ("pending", None)
    queue = server.v4.get(f"/sessions/{session}/queue").json()["queue"]
    assert [message["id"] for message in queue] == [waiting["id"]]
    ended = consumed(server, waiting)
    assert (ended["task"], ended["status"], ended["model"]) == ("Wait 0.2 seconds.", "completed", run["model"])
    assert server.events(ended["id"])[1]["type"] == "browser.reattached"
    assert server.v4.get(f"/sessions/{session}/queue").json()["queue"] == []
    assert server.v4.delete(f"/sessions/{session}/queue/{waiting['id']}").status_code == 409
    close(server, run)


def test_a_message_that_interrupts_cancels_the_run_and_goes_before_the_others(server: LocalServer) -> None:
    run = server.start_run("Wait 60 seconds.")
    session = run["sessionId"]
    later = send(server, session, "Wait 0.1 seconds.")
    urgent = send(server, session, "Wait 60 seconds.", interrupt=True)
    assert (urgent["status"], urgent["mode"]) == ("consumed", "interrupt")
    assert server.v4.get(f"/runs/{run['id']}").json()["status"] == "cancelled"
    removed = server.v4.delete(f"/sessions/{session}/queue/{later['id']}").json()
    assert (removed["status"], removed["runId"]) == ("cancelled", None)
    assert server.v4.delete(f"/sessions/{session}").status_code == 204


def test_the_same_message_waits_once_where_that_is_asked_for_and_a_queue_has_an_end(server: LocalServer) -> None:
    session = server.start_run("Wait 60 seconds.")["sessionId"]
    path = f"/sessions/{session}/queue"
    once = {"X-V4-Queue-Deduplicate": "exact-text-v1"}
    first = send(server, session, "x")
    assert server.v4.post(path, json={"text": "x"}, headers=once).json()["id"] == first["id"]
    for _ in range(19):
        send(server, session, "x")
    assert server.v4.post(path, json={"text": "y"}).status_code == 429
    server.v4.delete(f"/sessions/{session}")


def test_what_the_contract_does_not_know_is_refused(server: LocalServer) -> None:
    session = server.run_v4("no step at all")["sessionId"]
    path = f"/sessions/{session}/queue"
    for body in ({}, {"text": ""}, {"text": "x", "model": "x"}, {"text": "x", "attachedFileIds": ["x"]}):
        assert server.v4.post(path, json=body).status_code == 422
    assert server.v4.get(f"{path}/x").status_code == 422
    assert server.v4.get(f"{path}/999999").status_code == 404
    assert server.v4.get(f"/sessions/{STRANGER}/queue").status_code == 404
