"""A real Prefect server, and flows in processes of their own."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

import httpx

from demo.ports import free_port

T = TypeVar("T")

ROOT = Path(__file__).parents[2]
BUSY = 90.0
"""Seconds in which the server answers: it waits up to 60 for its SQLite to be unlocked."""

ENDED = {"COMPLETED", "FAILED", "CRASHED", "CANCELLED"}


def until(what: str | Callable[[], str], look: Callable[[], T | None], seconds: float = 60.0) -> T:
    """Waits until a look finds something that is true."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := look():
            return found
        time.sleep(0.1)
    raise AssertionError(f"{what if isinstance(what, str) else what()}: not within {seconds} s")


class RunningPrefect:
    """A Prefect server with a home of its own; a context manager. Everything is asked for over its REST API."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.url = f"http://127.0.0.1:{free_port()}"
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("PREFECT", "BROWSER_USE"))},
            "PREFECT_HOME": str(home),
            "PREFECT_LOCAL_STORAGE_PATH": str(home / "storage"),  # 3.6 has it in ~/.prefect otherwise
            "PREFECT_API_URL": f"{self.url}/api",
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
            "PREFECT_RUNNER_POLL_FREQUENCY": "1",
            "PYTHONPATH": str(ROOT),
        }
        self.http = httpx.Client(base_url=f"{self.url}/api", timeout=BUSY, trust_env=False)
        self._processes: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> RunningPrefect:
        port = self.url.rpartition(":")[2]
        self.start("server", "-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port", port)
        until("the Prefect server answers", self._answers, 180)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for process in reversed(self._processes):
            end(process)
        self.http.close()

    def start(self, name: str, *command: str, **variables: str) -> subprocess.Popen[bytes]:
        """Starts Python with these arguments; its output goes to `{name}.log`."""
        with (self.home / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, *command],
                env=self.environment | variables,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._processes.append(process)
        return process

    @contextlib.contextmanager
    def left_as_found(self) -> Iterator[None]:
        """What is started inside is ended with it, also by a test that fails."""
        number = len(self._processes)
        try:
            yield
        finally:
            for process in self._processes[number:]:
                end(process)
            del self._processes[number:]

    def log(self, name: str) -> str:
        return (self.home / f"{name}.log").read_text()

    def post(self, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """After a 503 it is sent again, as by Prefect's own client: SQLite was locked, and nothing was done."""

        def answer() -> httpx.Response | None:
            response = self.http.post(path, json=body or {})
            return response if response.status_code != httpx.codes.SERVICE_UNAVAILABLE else None

        return until(f"Prefect takes POST {path}", answer, BUSY).raise_for_status().json()

    def get(self, path: str) -> Any:
        return self.http.get(path).raise_for_status().json()

    def deployment(self, name: str) -> str:
        """The id of a deployment, as soon as it is there."""
        query = {"deployments": {"name": {"any_": [name]}}}
        look = lambda: [found["id"] for found in self.post("/deployments/filter", query)]  # noqa: E731
        return until(f"deployment {name}", look, BUSY * 2)[0]

    def run_deployment(self, name: str, parameters: Mapping[str, Any] | None = None) -> str:
        """Starts a run of a deployment; its id."""
        body = {"parameters": parameters or {}, "state": {"type": "SCHEDULED"}}
        return str(self.post(f"/deployments/{self.deployment(name)}/create_flow_run", body)["id"])

    def flow_runs(self, flow: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.post("/flow_runs/filter", {"flows": {"name": {"any_": [flow]}}})
        return found

    def cancel(self, flow_run_id: str) -> None:
        """As the button in the UI does."""
        self.set_state(flow_run_id, "CANCELLING")

    def set_state(self, flow_run_id: str, state_type: str, *, force: bool = False) -> None:
        self.post(f"/flow_runs/{flow_run_id}/set_state", {"state": {"type": state_type}, "force": force})

    def ended(self, flow_run_id: str, seconds: float = 120.0) -> dict[str, Any]:
        """A flow run, when it has ended."""

        def look() -> dict[str, Any] | None:
            run: dict[str, Any] = self.get(f"/flow_runs/{flow_run_id}")
            return run if run["state_type"] in ENDED else None

        return until(f"flow run {flow_run_id} has ended", look, seconds)

    def task_runs(self, flow_run_id: str) -> list[dict[str, Any]]:
        query = {"flow_runs": {"id": {"any_": [flow_run_id]}}, "sort": "EXPECTED_START_TIME_ASC"}
        found: list[dict[str, Any]] = self.post("/task_runs/filter", query)
        return found

    def logs(self, flow_run_id: str) -> list[str]:
        query = {"logs": {"flow_run_id": {"any_": [flow_run_id]}}, "sort": "TIMESTAMP_ASC"}
        return [entry["message"] for entry in self.post("/logs/filter", query)]

    def _answers(self) -> bool:
        with contextlib.suppress(httpx.HTTPError):
            return self.http.get("/health").is_success
        return False


def end(process: subprocess.Popen[bytes], signum: signal.Signals = signal.SIGTERM) -> None:
    """Ends a process that was started here, and those that it started."""
    if process.poll() is None:
        process.send_signal(signum)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(15)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def files_with(folder: Path, text: str) -> list[Path]:
    """The database, results and logs are all files below Prefect's home."""
    return [path for path in folder.rglob("*") if path.is_file() and text.encode() in path.read_bytes()]
