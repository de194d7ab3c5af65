"""The commands that talk to a running server: `status` and `run`."""

from __future__ import annotations

import argparse
import json
import os
import time
from typing import Any

import httpx

LIVE = ("created", "started", "paused")
LOOKS_EVERY = 0.3


class ServerError(Exception):
    """The server cannot be reached, or refuses. The message is for the user."""


class Server:
    """A running server, as its clients see it."""

    def __init__(self, url: str, key: str) -> None:
        self._url = url.rstrip("/")
        self._http = httpx.Client(headers={"X-Browser-Use-API-Key": key}, timeout=30)

    def call(self, method: str, path: str, **request: Any) -> Any:
        """One request; what it answers.

        Raises:
            ServerError: It does not answer, or not well.
        """
        try:
            answer = self._http.request(method, self._url + path, **request)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise ServerError(
                f"No server answers at {self._url} ({error}): start one with `browser-use-local up`, or name another"
                " address with --url."
            ) from error
        if answer.is_error:
            raise ServerError(f"{method} {path} was refused with HTTP {answer.status_code}: {_detail(answer)}")
        return answer.json()


def status(options: argparse.Namespace) -> int:
    """Says what runs."""
    server = Server(options.url, options.api_key)
    sessions = server.call("GET", "/sessions", params={"filterBy": "active", "pageSize": 100})
    print(f"{options.url} is up; {sessions['totalItems']} active session(s).")
    for session in sessions["items"]:
        print(f"\n{session['id']}  since {session['startedAt']}\n  {session['liveUrl']}")
        for task in server.call("GET", "/tasks", params={"sessionId": session["id"], "pageSize": 100})["items"]:
            print(f"  {task['status']:9} {task['task']}")
    return 0


def run(options: argparse.Namespace) -> int:
    """Runs one task, prints its steps as they come, and its output. Returns 1 if it did not succeed."""
    server = Server(options.url, options.api_key)
    secrets = {}
    for name in options.secret:
        if name not in os.environ:
            raise ServerError(f"The environment has no variable {name}, from which the secret was to be taken.")
        secrets[name] = os.environ[name]
    body = {
        "task": options.task,
        "sessionId": options.session,
        "startUrl": options.start_url,
        "secrets": secrets or None,
    }
    created = server.call("POST", "/tasks", json={key: value for key, value in body.items() if value is not None})
    try:
        task = _follow(server, created["id"])
    except KeyboardInterrupt:
        server.call("PATCH", f"/tasks/{created['id']}", json={"action": "stop_task_and_session"})
        print("\nStopped.")
        return 130
    print(f"\n{task['output'] or task['status']}")
    return 0 if task["isSuccess"] else 1


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


def _detail(answer: httpx.Response) -> str:
    try:
        detail = answer.json()["detail"]
    except (ValueError, KeyError, TypeError):
        return answer.text[:200]
    return detail if isinstance(detail, str) else json.dumps(detail)
