"""A local server in a process of its own, and what tests do with it."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx

KEY = "bu_local_test_key_0123456789"
USER = "demo"
PASSWORD = "browser-use-demo"
SECRETS = {"shop_user": USER, "shop_password": PASSWORD}
LIVE = {"created", "started", "paused"}
LIVE_IN_V4 = {"queued", "dispatching", "running"}

Json = dict[str, Any]


class LocalServer:
    """`browser-use-local up` on a free port."""

    def __init__(
        self, data_dir: Path, *options: str, env: dict[str, str] | None = None, python: Path = Path(sys.executable)
    ) -> None:
        self.data_dir = data_dir
        self.log = data_dir.with_name(data_dir.name + ".log")
        command = [str(python), "-m", "browser_use_local", "up", "--port", "0", "--data-dir", str(data_dir)]
        if "--api-key" not in options:
            command += ["--api-key", KEY]
        with self.log.open("a") as log:
            self.process = subprocess.Popen(
                [*command, *options], stdout=subprocess.PIPE, stderr=log, text=True, env={**os.environ, **(env or {})}
            )
        assert self.process.stdout is not None
        first_line = self.process.stdout.readline()
        address = re.search(r"(http://\S+)/api/v2", first_line)
        if not address:
            self.process.communicate(timeout=20)
        assert address, f"the server did not start: {first_line}{self.log.read_text()}"
        self.site = address[1]
        self.url = f"{self.site}/api/v2"
        self.live = self.process.stdout.readline().split()[-1]
        self.http = httpx.Client(base_url=self.url, headers={"X-Browser-Use-API-Key": KEY}, timeout=60)
        self.v4 = httpx.Client(base_url=f"{self.site}/api/v4", headers={"X-Browser-Use-API-Key": KEY}, timeout=60)

    def create(self, task: str, **body: Any) -> Json:
        """POST /tasks, which must succeed."""
        answer = self.http.post("/tasks", json={"task": task, **body})
        assert answer.status_code == 202, answer.text
        return answer.json()

    def session(self, **body: Any) -> str:
        """POST /sessions: the id of a session that stays."""
        answer = self.http.post("/sessions", json=body)
        assert answer.status_code == 201, answer.text
        return answer.json()["id"]

    def task(self, task_id: str) -> Json:
        return self.http.get(f"/tasks/{task_id}").raise_for_status().json()

    def wait(self, task_id: str, until: set[str] | None = None) -> Json:
        """The task, as soon as it has ended (or has one of the given statuses)."""
        while True:
            task = self.task(task_id)
            if task["status"] in until if until else task["status"] not in LIVE:
                return task
            time.sleep(0.03)

    def run(self, task: str, **body: Any) -> Json:
        """A task from its start to its end."""
        return self.wait(self.create(task, **body)["id"])

    def read(self, task: str, schema: Json, **body: Any) -> Any:
        """A task that succeeds with structured output."""
        ended = self.run(task, structuredOutput=json.dumps(schema), **body)
        assert ended["isSuccess"], ended["output"]
        return json.loads(ended["output"])

    def sign_in(self, session_id: str) -> Json:
        """Signs in to the demo shop."""
        task = f"Open {self.site}/shop/ and sign in as shop_user with password shop_password."
        return self.run(task, sessionId=session_id, secrets=SECRETS)

    def start_run(self, task: str, **body: Any) -> Json:
        """POST /runs of v4, which must succeed."""
        answer = self.v4.post("/runs", json={"task": task, **body})
        assert answer.status_code == 200, answer.text
        return answer.json()

    def ended_run(self, run_id: str) -> Json:
        """A run of v4, as soon as it has ended."""
        while self.v4.get(f"/runs/{run_id}/status").raise_for_status().json()["status"] in LIVE_IN_V4:
            time.sleep(0.03)
        return self.v4.get(f"/runs/{run_id}").raise_for_status().json()

    def run_v4(self, task: str, **body: Any) -> Json:
        """A run of v4 from its start to its end."""
        return self.ended_run(self.start_run(task, **body)["id"])

    def events(self, run_id: str) -> list[Json]:
        return self.v4.get(f"/runs/{run_id}/events").raise_for_status().json()["events"]

    def everything_written(self) -> bytes:
        """All that the server has put on the disk, and its log."""
        files = [path for path in self.data_dir.rglob("*") if path.is_file() and "browsers" not in path.parts]
        return b"".join(path.read_bytes() for path in [*files, self.log])

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Sends a signal and waits for the end."""
        self.http.close()
        self.v4.close()
        self.process.send_signal(number)
        status = self.process.wait(20)
        if self.process.stdout:
            self.process.stdout.close()
        return status


def client(command: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """`browser-use-local COMMAND`, with nothing but this environment."""
    line = [sys.executable, "-m", "browser_use_local", command, *arguments]
    return subprocess.run(line, capture_output=True, text=True, timeout=60, env=environment)


def chromiums(data_dir: Path) -> list[int]:
    """The processes of Chromium that work below a folder."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            command = (folder / "cmdline").read_bytes()
        except OSError:
            continue
        if str(data_dir).encode() in command and b"--user-data-dir" in command:
            found.append(int(folder.name))
    return found
