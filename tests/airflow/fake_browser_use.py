"""Browser Use over HTTP, as far as the provider's tests need it: tasks that do what their prompt says, and counts.

It shares nothing with the client but the wire. Prompts: `for 3 s` runs that long (default: not at all), `forever` until
stopped, `fail` and `unsuccessful` end so, `report {...}` returns that text, `leave a.txt` leaves an output file,
`pictured at URL` has a picture of each step there.
"""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

from .fake_file_store import PREFIX, FileStore

KEY = "bu_key_of_the_tests"
JSON = "application/json"
Watch = Callable[[str, str, tuple[str, int]], object]
"""Called with the method, the path, and the address of who asks."""


@dataclass
class RemoteTask:
    prompt: str
    session_id: str
    metadata: dict[str, str]
    body: dict[str, Any]
    id: str = field(default_factory=lambda: str(uuid4()))
    started: float = field(default_factory=time.time)
    stopped: float | None = None
    finished: float | None = None

    def finish(self) -> None:
        """End a task that would run forever."""
        self.finished = time.time()

    @property
    def seconds(self) -> float:
        if "forever" in self.prompt:
            return float("inf")
        match = re.search(r"for ([\d.]+) s", self.prompt)
        return float(match[1]) if match else 0.0

    @property
    def ends(self) -> float:
        return self.stopped or self.finished or self.started + self.seconds

    @property
    def status(self) -> str:
        if self.stopped:
            return "stopped"
        if time.time() < self.ends:
            return "started"
        return "failed" if "fail" in self.prompt else "finished"

    @property
    def output(self) -> str:
        match = re.search(r"report (.*)", self.prompt, re.DOTALL)
        return match[1] if match else f"done: {self.prompt}"

    @property
    def leaves(self) -> list[str]:
        return re.findall(r"leave (\S+)", self.prompt) if self.status == "finished" else []

    def view(self) -> dict[str, Any]:
        ended = self.status != "started"
        return {
            "id": self.id,
            "sessionId": self.session_id,
            "llm": "o3",
            "task": self.prompt,
            "status": self.status,
            "createdAt": _moment(self.started),
            "startedAt": _moment(self.started),
            "finishedAt": _moment(self.ends) if ended else None,
            "metadata": self.metadata,
            "output": self.output if self.status == "finished" else None,
            "isSuccess": "unsuccessful" not in self.prompt if self.status == "finished" else None,
            "cost": "0.05" if ended else None,
        }

    def steps(self) -> list[dict[str, Any]]:
        return [
            {
                "number": number,
                "memory": "",
                "evaluationPreviousGoal": "",
                "nextGoal": f"step {number} of {self.prompt[:20]}",
                "url": "http://shop.test/",
                "screenshotUrl": picture[1] if (picture := re.search(r"pictured at (\S+)", self.prompt)) else None,
                "actions": [],
            }
            for number in (1, 2)
        ]


@dataclass
class RemoteSession:
    keep_alive: bool
    id: str = field(default_factory=lambda: str(uuid4()))
    stopped: bool = False
    started: float = field(default_factory=time.time)

    def view(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "status": "stopped" if self.stopped else "active",
            "liveUrl": f"http://live.test/{self.id}",
            "recordingUrl": f"http://recording.test/{self.id}",
            "startedAt": _moment(self.started),
            "keepAlive": self.keep_alive,
        }


class FakeBrowserUse:
    """Speaks `v2-flat`. `requests` has each as (method, path, body); `before` and `after` see it pass.

    `faults` has statuses of the next POSTs, `odd_polls` statuses and bodies of the next polls of a task that runs.
    """

    def __init__(self) -> None:
        self.tasks: dict[str, RemoteTask] = {}
        self.sessions: dict[str, RemoteSession] = {}
        self.requests: list[tuple[str, str, Any]] = []
        self.before: Watch | None = None
        self.after: Watch | None = None
        self.faults: list[int] = []
        self.odd_polls: list[tuple[int, str]] = []
        self.files = FileStore()
        self._lock = threading.Lock()
        fake = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _serve(self) -> None:
                content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                if self.path.startswith(PREFIX):
                    return self._answer(*fake.files.serve(self.command, self.path, content))
                body = json.loads(content or b"null")
                path = self.path.removeprefix("/api/v2")
                if fake.before:
                    fake.before(self.command, path, self.client_address)
                with fake._lock:
                    fake.requests.append((self.command, path, body))
                    if self.headers.get("X-Browser-Use-API-Key") != KEY:
                        status, answer = 401, {"detail": "Invalid API key"}
                    elif self.command == "POST" and fake.faults:
                        status, answer = fake.faults.pop(0), {"detail": "as the test asked"}
                    elif fake.odd_polls and self.command == "GET" and re.fullmatch("/tasks/[^/]+(/status)?", path):
                        status, odd = fake.odd_polls.pop(0)
                        return self._answer(status, odd.encode(), "text/html" if odd.startswith("<") else JSON)
                    else:
                        status, answer = fake.answer(self.command, path, body or {})
                if fake.after:
                    fake.after(self.command, path, self.client_address)
                return self._answer(status, json.dumps(answer).encode())

            def _answer(self, status: int, content: bytes, content_type: str = JSON) -> None:
                self.send_response(status)
                self.send_header("Content-Type", content_type)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_POST = do_PATCH = _serve  # noqa: N815 - as http.server calls them

            def log_message(self, *args: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.origin = f"http://127.0.0.1:{self._server.server_address[1]}"
        self.key = KEY
        self.url = f"{self.origin}/api/v2"
        # Twenty times a second it looks whether it is to end: each test waits for that.
        threading.Thread(target=self._server.serve_forever, args=[0.05], daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def counted(self, method: str, pattern: str) -> int:
        """How many requests there were whose path matches the whole pattern."""
        return sum(m == method and bool(re.fullmatch(pattern, urlsplit(p).path)) for m, p, _ in self.requests)

    def polls_of(self, task_id: str) -> int:
        """How often somebody asked about a task."""
        return self.counted("GET", f"/tasks/{task_id}.*")

    def stops_of(self, task_id: str) -> int:
        """How often it was told to stop."""
        return self.counted("PATCH", f"/tasks/{task_id}")

    def answer(self, method: str, target: str, body: dict[str, Any]) -> tuple[int, Any]:  # noqa: C901 - one case a route
        path = urlsplit(target).path
        query = {name: values[0] for name, values in parse_qs(urlsplit(target).query).items()}
        match [method, *path.strip("/").split("/")]:
            case ["GET", "billing", "account"]:
                return 200, {"name": "Tester", "totalCreditsBalanceUsd": 12.5}
            case ["POST", "tasks"]:
                return self._create(body)
            case ["GET", "tasks"]:
                return self._list(query)
            case ["GET", "tasks", task_id] if task_id in self.tasks:
                task = self.tasks[task_id]
                left = self.files.output_files(task.leaves)
                return 200, {**task.view(), "steps": task.steps(), "outputFiles": left}
            case ["GET", "tasks", task_id, "status"] if task_id in self.tasks:
                view = self.tasks[task_id].view()
                return 200, {name: view[name] for name in ("id", "status", "output", "finishedAt", "isSuccess", "cost")}
            case ["PATCH", "tasks", task_id] if task_id in self.tasks:
                return self._stop(self.tasks[task_id], with_session=body["action"] == "stop_task_and_session")
            case ["GET", "files", "tasks", task_id, "output-files", file_id] if task_id in self.tasks:
                left = self.files.output_files(self.tasks[task_id].leaves)
                return 200, self.files.download(self.origin, task_id, left, file_id)
            case ["POST", "files", "sessions", session_id, "presigned-url"] if session_id in self.sessions:
                return 200, self.files.upload_slot(self.origin, session_id, body)
            case ["POST", "sessions"]:
                session = RemoteSession(keep_alive=body.get("keepAlive", True))
                self.sessions[session.id] = session
                return 201, session.view()
            case ["GET", "sessions"]:
                return self._list_sessions(query)
            case ["GET", "sessions", session_id] if session_id in self.sessions:
                return 200, {**self._shown(self.sessions[session_id]), "tasks": []}
            case ["PATCH", "sessions", session_id] if session_id in self.sessions:
                self.sessions[session_id].stopped = True
                for task in self.tasks.values():
                    if task.session_id == session_id and task.status == "started":
                        task.stopped = time.time()
                return 200, self.sessions[session_id].view()
        return 404, {"detail": "Not found"}

    def _create(self, body: dict[str, Any]) -> tuple[int, Any]:
        session_id = body.get("sessionId")
        if session_id is None:
            session = RemoteSession(keep_alive=False)
            self.sessions[session.id] = session
        elif session_id not in self.sessions:
            return 404, {"detail": "Session not found"}
        else:
            session = self.sessions[session_id]
        mine = [task for task in self.tasks.values() if task.session_id == session.id]
        if session.stopped or (mine and not session.keep_alive and mine[-1].status != "started"):
            return 400, {"detail": "Session is stopped"}
        if any(task.status == "started" for task in mine):
            return 400, {"detail": "Session already has a running task"}
        task = RemoteTask(body["task"], session.id, body.get("metadata") or {}, body)
        self.tasks[task.id] = task
        return 202, {"id": task.id, "sessionId": session.id}

    def add_ended_tasks(self, count: int) -> None:
        """Tasks of others that the account has, as old as a moment."""
        for _ in range(count):
            task = RemoteTask("of others", str(uuid4()), {}, {})
            self.tasks[task.id] = task

    @property
    def open_sessions(self) -> list[RemoteSession]:
        """The sessions that cost: one that began with its task ends with it."""
        return [session for session in self.sessions.values() if not self._is_closed(session)]

    def _is_closed(self, session: RemoteSession) -> bool:
        mine = [task for task in self.tasks.values() if task.session_id == session.id]
        return session.stopped or (not session.keep_alive and all(task.status != "started" for task in mine))

    def _list(self, query: dict[str, str]) -> tuple[int, Any]:
        tasks = [
            task
            for task in reversed(self.tasks.values())
            if query.get("filterBy") in (None, task.status)
            and query.get("sessionId") in (None, task.session_id)
            and query.get("after", "") <= _moment(task.started)
        ]
        return _page([task.view() for task in tasks], query)

    def _list_sessions(self, query: dict[str, str]) -> tuple[int, Any]:
        wanted = query.get("filterBy")
        shown = [self._shown(session) for session in reversed(self.sessions.values())]
        return _page([session for session in shown if wanted in (None, session["status"])], query)

    def _shown(self, session: RemoteSession) -> dict[str, Any]:
        return {**session.view(), "status": "stopped" if self._is_closed(session) else "active"}

    def _stop(self, task: RemoteTask, *, with_session: bool) -> tuple[int, Any]:
        if task.status == "started":
            task.stopped = time.time()
        if with_session:
            self.sessions[task.session_id].stopped = True
        return 200, {**task.view(), "steps": [], "outputFiles": []}


def _page(items: list[dict[str, Any]], query: dict[str, str]) -> tuple[int, Any]:
    size, page = int(query.get("pageSize", 10)), int(query.get("pageNumber", 1))
    shown = items[size * (page - 1) : size * page]
    return 200, {"items": shown, "totalItems": len(items), "pageNumber": page, "pageSize": size}


def _moment(seconds: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)) + f".{int(seconds % 1 * 1e6):06d}Z"
