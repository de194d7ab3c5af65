"""The commands that talk to a running server: `run`, `sessions`, `stop` and `status`."""

from __future__ import annotations

import argparse
import json
import os
import time
from datetime import datetime, timezone
from typing import Any

import httpx

LIVE = ("created", "started", "paused")
LOOKS_EVERY = 0.3
LONGEST_TASK = 80


class ServerError(Exception):
    """The server cannot be reached, or refuses. The message is for the user."""


class Server:
    """A running local server, as its clients see it. Another server is refused: there, tasks cost money.

    Args:
        url: The base URL of its API.
        key: The API key.

    Raises:
        ServerError: No server answers, or it is not a local one.
    """

    def __init__(self, url: str, key: str) -> None:
        self._url = url.rstrip("/")
        self._http = httpx.Client(headers={"X-Browser-Use-API-Key": key}, timeout=30)
        health = self._request("GET", self._url.partition("/api/")[0] + "/health")
        try:
            self.contract: str = health.json()["contract"]
        except (ValueError, KeyError, TypeError):
            raise ServerError(
                f"{self._url} is not a local server: name one with --url, or unset BROWSER_USE_BASE_URL."
            ) from None

    def call(self, method: str, path: str, **request: Any) -> Any:
        """One request; what it answers.

        Raises:
            ServerError: It does not answer, or not well.
        """
        answer = self._request(method, self._url + path, **request)
        if answer.is_error:
            raise ServerError(f"{method} {path} was refused with HTTP {answer.status_code}: {_detail(answer)}")
        return answer.json()

    def sessions(self) -> list[Any]:
        """The sessions that are active, the newest first."""
        found: list[Any] = self.call("GET", "/sessions", params={"filterBy": "active", "pageSize": 100})["items"]
        return found

    def tasks(self, session_id: str) -> list[Any]:
        """The tasks of a session, the newest first."""
        found: list[Any] = self.call("GET", "/tasks", params={"sessionId": session_id, "pageSize": 100})["items"]
        return found

    def stop(self, session_id: str) -> None:
        """Stops a session, and the task that runs in it."""
        self.call("PATCH", f"/sessions/{session_id}", json={"action": "stop"})

    def _request(self, method: str, url: str, **request: Any) -> httpx.Response:
        try:
            return self._http.request(method, url, **request)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise ServerError(
                f"No server answers at {self._url} ({error}): start one with `browser-use-local up`, or name another"
                " address with --url."
            ) from error


def status(options: argparse.Namespace) -> int:
    """Says what runs: each active session with its tasks."""
    server = Server(options.url, options.api_key)
    found = server.sessions()
    print(f"{options.url} is up; {len(found)} active session(s).")
    for session in found:
        print(f"\n{session['id']}  since {session['startedAt']}\n  {session['liveUrl']}")
        for task in server.tasks(session["id"]):
            print(f"  {task['status']:9} {task['task']}")
    return 0


def sessions(options: argparse.Namespace) -> int:
    """Lists the active sessions, one a line: what each does, or for how long it is idle."""
    server = Server(options.url, options.api_key)
    found = server.sessions()
    for session in found:
        print(f"{session['id']}  {_doing(session, server.tasks(session['id']))}")
    if not found:
        print("No session is active.")
    return 0


def stop(options: argparse.Namespace) -> int:
    """Stops sessions, and the tasks that run in them."""
    if bool(options.session) == options.all:
        raise ServerError("Name the session to stop, or give --all; `browser-use-local sessions` lists them.")
    server = Server(options.url, options.api_key)
    for session_id in options.session or [session["id"] for session in server.sessions()]:
        server.stop(session_id)
        print(f"Stopped {session_id}.")
    return 0


def run(options: argparse.Namespace) -> int:
    """Runs one task, prints its steps as they come, and its output. Returns 1 if it did not succeed.

    Without --keep its session is stopped at the end, also one that --session names.
    """
    server = Server(options.url, options.api_key)
    secrets = {}
    for name in options.secret:
        if name not in os.environ:
            raise ServerError(f"The environment has no variable {name}, from which the secret was to be taken.")
        secrets[name] = os.environ[name]
    created = server.call("POST", "/tasks", json=_body(server, options, secrets))
    session_id = created["sessionId"]
    try:
        task = _follow(server, created["id"])
    except KeyboardInterrupt:
        server.call("PATCH", f"/tasks/{created['id']}", json={"action": "stop_task_and_session"})
        print("\nStopped.")
        return 130
    output = task["doneOutput"] if server.contract == "v2-nested" else task["output"]
    print(f"\n{output or task['status']}")
    if options.keep:
        print(
            f"\nThe session stays open. Go on in it: browser-use-local run --session {session_id} TASK"
            f"\nClose it: browser-use-local stop {session_id}"
        )
    else:
        server.stop(session_id)
    return 0 if task["isSuccess"] else 1


def _body(server: Server, options: argparse.Namespace, secrets: dict[str, str]) -> dict[str, Any]:
    """The request, in the words of the server's contract. A session to be kept is made before its task."""
    session_id = options.session
    if server.contract == "v2-nested":  # where all sessions stay, and none is made by itself
        settings = {"agentSettings": {"startUrl": options.start_url}, "browserSettings": {"sessionId": session_id}}
    else:
        if options.keep and session_id is None:
            session_id = server.call("POST", "/sessions", json={})["id"]
        settings = {"sessionId": session_id, "startUrl": options.start_url}
    return {"task": options.task, **settings, "secrets": secrets or None}


def _follow(server: Server, task_id: str) -> Any:
    """Prints each step once, until the task has ended."""
    shown = 0
    while True:
        task = server.call("GET", f"/tasks/{task_id}")
        for step in task["steps"][shown:]:
            print(f"{step['number']:3}. {step['nextGoal']}  ({step['evaluationPreviousGoal']})", flush=True)
        shown = len(task["steps"])
        if task["status"] not in LIVE:
            return task
        time.sleep(LOOKS_EVERY)


def _doing(session: Any, tasks: list[Any]) -> str:
    """`started: Open ...`, or `idle for 40 s after: Open ...`."""
    newest = tasks[0] if tasks else None
    if newest and newest["status"] in LIVE:
        return f"{newest['status']}: {_short(newest['task'])}"
    since = newest["finishedAt"] if newest else session["startedAt"]
    # Python 3.10 knows no Z.
    idle = datetime.now(timezone.utc) - datetime.fromisoformat(since.replace("Z", "+00:00"))
    return f"idle for {idle.total_seconds():.0f} s" + (f" after: {_short(newest['task'])}" if newest else "")


def _short(task: str) -> str:
    line = " ".join(task.split())
    return line if len(line) <= LONGEST_TASK else line[: LONGEST_TASK - 1] + "…"


def _detail(answer: httpx.Response) -> str:
    try:
        detail = answer.json()["detail"]
    except (ValueError, KeyError, TypeError):
        return answer.text[:200]
    return detail if isinstance(detail, str) else json.dumps(detail)
