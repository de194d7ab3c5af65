"""The commands that talk to a running server: `run`, `sessions`, `stop` and `status`."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from datetime import datetime, timezone
from typing import Any

import httpx

from browser_use_local.records import LIVE

POLL_SECONDS = 0.3
MAX_LINE_CHARACTERS = 80


class ServerError(Exception):
    """The server cannot be reached, or refuses. The message is for the user."""


class Server:
    """A running local server, as its clients see it. Another server is refused: there, tasks cost money.

    Args:
        url: Where it is: any base URL of its API, since the commands speak v2 with it in any case.
        key: The API key.

    Raises:
        ServerError: No server answers, or it is not a local one.
    """

    def __init__(self, url: str, key: str) -> None:
        self.url = url.rstrip("/")
        self._http = httpx.Client(headers={"X-Browser-Use-API-Key": key}, timeout=30)
        site = self.url.partition("/api/")[0]
        self._api = f"{site}/api/v2"
        health = self._request("GET", f"{site}/health")
        try:
            self.contract: str = health.json()["contract"]
        except (ValueError, KeyError, TypeError):
            raise ServerError(
                f"{self.url} is not a local server: name one with --url, or unset BROWSER_USE_BASE_URL."
            ) from None

    def call(self, method: str, path: str, **request: Any) -> Any:
        """One request; what it answers.

        Raises:
            ServerError: It does not answer, or not well.
        """
        answer = self._request(method, self._api + path, **request)
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
                f"No server answers at {self.url} ({error}): start one with `browser-use-local up`, or name another"
                " URL with --url."
            ) from error


def status(server: Server) -> None:
    """Says what runs: each active session with its tasks."""
    found = server.sessions()
    print(f"{server.url} is up; {len(found)} active session(s).")
    for session in found:
        print(f"\n{session['id']}  since {session['startedAt']}\n  {session['liveUrl']}")
        for task in server.tasks(session["id"]):
            print(f"  {task['status']:9} {task['task']}")


def sessions(server: Server) -> None:
    """Lists the active sessions, one a line: what each does, or for how long it is idle."""
    found = server.sessions()
    for session in found:
        print(f"{session['id']}  {_doing(session, server.tasks(session['id']))}")
    if not found:
        print("No session is active.")


def stop(server: Server, session_ids: Sequence[str]) -> None:
    """Stops these sessions and the tasks that run in them; all that are active, where none is named."""
    for session_id in session_ids or [session["id"] for session in server.sessions()]:
        server.stop(session_id)
        print(f"Stopped {session_id}.")


def run(
    server: Server, task: str, *, session: str | None, start_url: str | None, secrets: Sequence[str], keep: bool
) -> int:
    """Runs one task, prints its steps as they come, and its output.

    Args:
        server: Where it runs.
        task: The task.
        session: The id of a session to go on in.
        start_url: The page to start on.
        secrets: The names of environment variables.
        keep: Leave the session open; else it is stopped at the end, also one that was named.

    Returns:
        The exit status: 1 if the task did not succeed.
    """
    if missing := [name for name in secrets if name not in os.environ]:
        raise ServerError(f"The environment has no variable {missing[0]}, from which the secret was to be taken.")
    values = {name: os.environ[name] for name in secrets}
    where = _where(server, session, start_url, keep=keep)
    created = server.call("POST", "/tasks", json={"task": task, "secrets": values or None, **where})
    session_id = created["sessionId"]
    try:
        ended = _follow(server, created["id"])
    except KeyboardInterrupt:
        server.call("PATCH", f"/tasks/{created['id']}", json={"action": "stop_task_and_session"})
        print("\nStopped.")
        return 130
    output = ended["doneOutput"] if server.contract == "v2-nested" else ended["output"]
    print(f"\n{output or ended['status']}")
    if keep:
        print(
            f"\nThe session stays open. Go on in it: browser-use-local run --session {session_id} TASK"
            f"\nClose it: browser-use-local stop {session_id}"
        )
    else:
        server.stop(session_id)
    return 0 if ended["isSuccess"] else 1


def _where(server: Server, session_id: str | None, start_url: str | None, *, keep: bool) -> dict[str, Any]:
    """Where a task runs, in the words of the server's contract. A session to be kept is made before its task."""
    if server.contract == "v2-nested":  # where all sessions stay, and none is made by itself
        return {"agentSettings": {"startUrl": start_url}, "browserSettings": {"sessionId": session_id}}
    if keep and session_id is None:
        session_id = server.call("POST", "/sessions", json={})["id"]
    return {"sessionId": session_id, "startUrl": start_url}


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
        time.sleep(POLL_SECONDS)


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
    return line if len(line) <= MAX_LINE_CHARACTERS else line[: MAX_LINE_CHARACTERS - 1] + "…"


def _detail(answer: httpx.Response) -> str:
    try:
        detail = answer.json()["detail"]
    except (ValueError, KeyError, TypeError):
        return answer.text[:200]
    if isinstance(detail, list):  # of what is wrong with the request
        return "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in detail)
    return str(detail)
