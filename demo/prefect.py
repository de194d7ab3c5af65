"""A real Prefect server of one's own, and flows in processes of their own."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import httpx

from demo.ports import free_port
from demo.programs import Program, Programs, machine_environment
from demo.waiting import until

T = TypeVar("T")

ENDED = {"COMPLETED", "FAILED", "CRASHED", "CANCELLED"}
BUSY_SECONDS = 90.0
"""Within these the server answers: it waits up to 60 for its SQLite to be unlocked."""


class Prefect:
    """A Prefect server; everything is asked for over its REST API.

    Args:
        programs: Where it runs, and flows run.
        home: Its folder.
        environment: The virtual environment that has Prefect.
    """

    def __init__(self, programs: Programs, home: Path, environment: Path) -> None:
        self.home = home
        self._programs = programs
        self._python = str(environment / "bin" / "python")
        self.url = f"http://127.0.0.1:{free_port()}"
        self.environment = {
            **machine_environment(),
            "PREFECT_HOME": str(home),
            "PREFECT_LOCAL_STORAGE_PATH": str(home / "storage"),  # 3.6 has it in ~/.prefect otherwise
            "PREFECT_API_URL": f"{self.url}/api",
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
            "PREFECT_RUNNER_POLL_FREQUENCY": "1",
        }
        self.http = httpx.Client(base_url=f"{self.url}/api", timeout=BUSY_SECONDS, trust_env=False)

    def start_server(self) -> None:
        """Starts the server; `wait_for_server` waits for it."""
        port = self.url.rpartition(":")[2]
        command = ["-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port", port]
        self._server = self.start("prefect server", *command)

    def wait_for_server(self) -> None:
        """Waits until the server answers."""
        self.until("Prefect", self._answers, within=180)

    def start(self, name: str, *command: str, **variables: str) -> Program:
        """Starts Python with these arguments, and with these variables beside those that lead to the server."""
        return self._programs.start(name, [self._python, *command], self.environment | variables)

    def serve(self, flow: Path, variables: Mapping[str, str]) -> str:
        """Runs the file of a flow, which serves it: makes a deployment of it, and carries out the runs of that.

        Args:
            flow: The file. It serves one flow.
            variables: What the flow reads from its environment.

        Returns:
            The id of the deployment.
        """
        self.wait_for_server()
        served = self.start(f"prefect {flow.stem}", str(flow), **variables)
        return self.until(f"flow {flow.stem}", lambda: self._deployment_of(flow), within=120, log=served)

    def create_flow_run(self, deployment_id: str, parameters: Mapping[str, Any] | None = None) -> str:
        """Starts a run of a deployment.

        Returns:
            The id of the flow run.
        """
        body = {"parameters": parameters or {}, "state": {"type": "SCHEDULED"}}
        return str(self.post(f"/deployments/{deployment_id}/create_flow_run", body)["id"])

    def ended_flow_run(self, flow_run_id: str) -> dict[str, Any] | None:
        """A flow run, if it has ended."""
        run: dict[str, Any] = self.get(f"/flow_runs/{flow_run_id}")
        return run if run["state_type"] in ENDED else None

    def task_runs(self, flow_run_id: str) -> list[dict[str, Any]]:
        """The task runs of a flow run, in the order in which they began."""
        query = {"flow_runs": {"id": {"any_": [flow_run_id]}}, "sort": "EXPECTED_START_TIME_ASC"}
        found: list[dict[str, Any]] = self.post("/task_runs/filter", query)
        return found

    def until(self, what: str, look: Callable[[], T | None], *, within: float, log: Program | None = None) -> T:
        """Waits for what Prefect brings about; see `Programs.wait_for`. By default, the log is the server's."""
        return self._programs.wait_for(what, look, within=within, log=log or self._server)

    def get(self, path: str) -> Any:
        """What the REST API has at a path."""
        return self._request("GET", path)

    def post(self, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """What the REST API answers to a body."""
        return self._request("POST", path, body or {})

    def close(self) -> None:
        """Closes the connections to its API."""
        self.http.close()

    def _answers(self) -> bool:
        with contextlib.suppress(httpx.TransportError):
            return self.http.get("/health").is_success
        return False

    def _deployment_of(self, flow: Path) -> str | None:
        deployments = self.post("/deployments/filter")
        return next((str(found["id"]) for found in deployments if flow.name in found["entrypoint"]), None)

    def _request(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """After a 503 it is sent again, as by Prefect's own client: SQLite was locked, and nothing was done."""

        def answer() -> httpx.Response | None:
            response = self.http.request(method, path, json=body)
            return response if response.status_code != httpx.codes.SERVICE_UNAVAILABLE else None

        return until(f"Prefect takes {method} {path}", answer, BUSY_SECONDS).raise_for_status().json()
