from __future__ import annotations

import hashlib
import hmac
import json
import signal
import sqlite3
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from .running_server import Json, LocalServer

SECRET = "whsec_of_the_tests"


class Receiver(ThreadingHTTPServer):
    """A webhook; it refuses the first `refusals` calls."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Call)
        self.calls: list[tuple[dict[str, str], bytes]] = []
        self.refusals = 0
        self.slow: set[str] = set()
        self.go_on = threading.Event()

    def events(self, task_id: str, number: int) -> list[tuple[dict[str, str], Json]]:
        """What came for a task, as soon as it is so many."""
        while True:
            events = [(headers, json.loads(body)) for headers, body in self.calls]
            found = [(headers, body) for headers, body in events if body["payload"]["task_id"] == task_id]
            if len(found) >= number:
                return found
            time.sleep(0.05)


class Call(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.calls.append((dict(self.headers.items()), body))
        if json.loads(body)["payload"]["task_id"] in self.server.slow:
            self.server.go_on.wait()
        refused = self.server.refusals > 0
        self.server.refusals -= refused
        self.send_response(503 if refused else 200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    with Receiver() as receiver:
        thread = threading.Thread(target=receiver.serve_forever)
        thread.start()
        yield receiver
        receiver.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def telling(receiver: Receiver, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalServer]:
    running = telling_server(receiver, tmp_path_factory.mktemp("telling"))
    yield running
    assert running.end() == 0


def telling_server(receiver: Receiver, folder: Path) -> LocalServer:
    url = f"http://127.0.0.1:{receiver.server_port}/hook"
    return LocalServer(folder / "data", "--webhook-url", url, "--webhook-secret", SECRET, "--max-sessions", "4")


def statuses(events: list[tuple[dict[str, str], Json]]) -> list[str]:
    return [event["payload"]["status"] for _, event in events]


def told_until(receiver: Receiver, task_id: str, status: str) -> list[str]:
    """What came for a task, as soon as this status has."""
    while status not in (found := statuses(receiver.events(task_id, 1))):
        time.sleep(0.05)
    return found


def signed(part: Json, headers: dict[str, str]) -> bool:
    text = json.dumps(part, sort_keys=True, separators=(",", ":"))
    message = f"{headers['X-Browser-Use-Timestamp']}.{text}"
    return hmac.new(SECRET.encode(), message.encode(), hashlib.sha256).hexdigest() == headers["X-Browser-Use-Signature"]


@pytest.mark.parametrize(("body", "part"), [({"agentSettings": {}}, "payload"), ({"maxSteps": 3}, "whole")])
def test_each_status_is_told_in_order_and_signed_as_the_revision_does(
    telling: LocalServer, receiver: Receiver, body: Json, part: str
) -> None:
    task = telling.run("Wait 0 seconds.", metadata={"dag": "größe"}, **body)
    events = receiver.events(task["id"], 2)
    assert [event["payload"]["status"] for _, event in events] == ["started", "finished"]
    for headers, event in events:
        assert event["type"] == "agent.task.status_update"
        assert event["payload"]["session_id"] == task["sessionId"]
        assert event["payload"]["metadata"] == {"dag": "größe"}
        assert signed(event["payload"] if part == "payload" else event, headers)
    telling.http.delete(f"/sessions/{task['sessionId']}")


def test_a_call_that_fails_is_tried_again_and_all_of_it_is_in_the_log(telling: LocalServer, receiver: Receiver) -> None:
    receiver.refusals = 2
    task = telling.run("no step at all")
    receiver.events(task["id"], 3)
    with sqlite3.connect(telling.data_dir / "local.sqlite3") as database:
        rows: list[tuple[int, str]] = []
        while len(rows) < 3:
            rows = database.execute(
                "SELECT attempt, result FROM deliveries WHERE task_id = ? ORDER BY at", [task["id"]]
            ).fetchall()
    database.close()
    assert rows == [(1, "503"), (2, "503"), (3, "200")]
    assert SECRET.encode() not in telling.everything_written()


def test_what_is_slow_to_take_the_news_of_one_task_delays_no_other(telling: LocalServer, receiver: Receiver) -> None:
    slow = telling.create("Wait 60 seconds.")["id"]
    receiver.slow.add(slow)
    telling.wait(slow, {"started"})
    telling.http.patch(f"/tasks/{slow}", json={"action": "stop"})
    try:
        receiver.events(slow, 1)
        other = telling.run("no step at all")["id"]
        assert statuses(receiver.events(other, 1)) == ["finished"]
        assert statuses(receiver.events(slow, 1)) == ["started"]
    finally:
        receiver.go_on.set()
    assert statuses(receiver.events(slow, 2))[:2] == ["started", "stopped"]


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGKILL])
def test_tasks_that_the_end_of_the_server_has_ended_are_told_of(
    tmp_path: Path, receiver: Receiver, end: signal.Signals
) -> None:
    server = telling_server(receiver, tmp_path)
    flat, nested = server.create("Wait 60 seconds.")["id"], server.create("Wait 60 seconds.", agentSettings={})["id"]
    for task in (flat, nested):
        receiver.events(task, 1)
    server.end(end)
    again = telling_server(receiver, tmp_path)
    try:
        # A call that was answered as the server was killed may not have been noted, and comes again.
        assert list(dict.fromkeys(told_until(receiver, flat, "failed"))) == ["started", "failed"]
        assert list(dict.fromkeys(told_until(receiver, nested, "stopped"))) == ["started", "stopped"]
    finally:
        again.end()
