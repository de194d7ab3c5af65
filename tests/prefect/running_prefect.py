"""A real Prefect server that tests share, and flows in processes of their own."""

from __future__ import annotations

import contextlib
import signal
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

from demo.prefect import BUSY_SECONDS, Prefect
from demo.programs import Program, Programs
from demo.waiting import until

T = TypeVar("T")

ROOT = Path(__file__).parents[2]

WRITES_IN_BATCHES = {
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_BATCH_SIZE": "100",
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_FLUSH_INTERVAL": "1",
    "PREFECT_SERVER_SERVICES_EVENT_PERSISTER_FLUSH_INTERVAL": "1",
}
"""A server writes states of task runs and events once a second. By default it writes each state by itself, and after
one that met a locked SQLite another one each 5 s: it stays behind for as long as there were such."""


class RunningPrefect(Prefect):
    """A Prefect server with a home of its own; a context manager."""

    def __init__(self, home: Path) -> None:
        super().__init__(Programs(home), home, Path(sys.prefix))
        self.environment |= {"PYTHONPATH": str(ROOT)} | WRITES_IN_BATCHES

    def __enter__(self) -> RunningPrefect:
        self.start_server()
        try:
            self.wait_for_server()
        except BaseException:
            self._programs.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._programs.close()
        self.close()

    def until(
        self,
        what: str,
        look: Callable[[], T | None],
        *,
        within: float,
        log: Program | None = None,  # noqa: ARG002 - all are kept
    ) -> T:
        return until(f"{what} (the logs are in {self.home})", look, within)

    @contextlib.contextmanager
    def left_as_found(self) -> Iterator[None]:
        """What is started inside is ended with it, also by a test that fails."""
        before, self._programs = self._programs, Programs(self.home)
        try:
            yield
        finally:
            self._programs.close()
            self._programs = before

    def end(self, program: Program, signum: signal.Signals = signal.SIGTERM) -> None:
        """Ends a program that was started here, and those that it started."""
        self._programs.end(program, signum)

    def log(self, name: str) -> str:
        return (self.home / f"{name}.log").read_text()

    def deployment(self, name: str) -> str:
        """The id of a deployment, as soon as it is there."""
        query = {"deployments": {"name": {"any_": [name]}}}
        look = lambda: [found["id"] for found in self.post("/deployments/filter", query)]  # noqa: E731
        return until(f"deployment {name}", look, BUSY_SECONDS * 2)[0]

    def run_deployment(self, name: str, parameters: Mapping[str, Any] | None = None) -> str:
        """Starts a run of a deployment; its id."""
        return self.create_flow_run(self.deployment(name), parameters)

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
        return until(f"flow run {flow_run_id} has ended", lambda: self.ended_flow_run(flow_run_id), seconds)

    def logs(self, flow_run_id: str) -> list[str]:
        query = {"logs": {"flow_run_id": {"any_": [flow_run_id]}}, "sort": "TIMESTAMP_ASC"}
        return [entry["message"] for entry in self.post("/logs/filter", query)]


def files_with(folder: Path, text: str) -> list[Path]:
    """The database, results and logs are all files below Prefect's home."""
    return [path for path in folder.rglob("*") if path.is_file() and text.encode() in path.read_bytes()]
