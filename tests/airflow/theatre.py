"""A real Airflow with the examples, and the local server with its shop that they work on."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from tests.local.running_server import KEY, PASSWORD, USER, LocalServer
from tests.mailbox import Mailbox

from .otlp_collector import OtlpCollector
from .running_airflow import Run, RunningAirflow

EXAMPLES = Path(__file__).parents[2] / "examples" / "airflow"
# The environment of the local server is beside that of Airflow.
PYTHON = Path(sys.prefix).parent / "client" / "bin" / "python"
# Files that hold two DAGs, by other names than theirs.
DAGS_OF = {
    "watch_open_orders": {"read_open_orders", "sum_open_orders"},
    "what_changed": {"watch_orders", "tell_new_orders"},
}
RECEIPT = b"%PDF-1.4 a receipt"


class Theatre:
    """A running Airflow with the examples, and the local server that they work on."""

    def __init__(self, folder: Path) -> None:
        self.database = folder / "shop.db"
        self.downloads = folder / "downloads"
        self.downloads_on_v4 = folder / "downloads-on-v4"
        self.receipt = folder / "receipt.pdf"
        self.receipt.write_bytes(RECEIPT)
        self.server = LocalServer(folder / "local", "--demo-site", "--max-sessions", "10", python=PYTHON)
        self.mailbox = Mailbox()
        self.collector = OtlpCollector()
        self._connections = folder / "connections.json"
        self.connect("v2")
        self.airflow = RunningAirflow(
            folder,
            {
                "shop_db": {"conn_type": "sqlite", "host": str(self.database)},
                "mail": {"conn_type": "smtp", "host": "127.0.0.1", "port": self.mailbox.port},
            },
            EXAMPLES,
            {
                **self.collector.settings,
                "secrets.backend": "airflow.secrets.local_filesystem.LocalFilesystemBackend",
                "secrets.backend_kwargs": json.dumps({"connections_file_path": str(self._connections)}),
            },
        )
        # A scheduler that gets no processor can take a task that has resumed for one that died, and has it tried again.
        self.airflow.environment |= {
            "AIRFLOW__CORE__PARALLELISM": "4",
            "AIRFLOW__CORE__DEFAULT_TASK_RETRY_DELAY": "1",
            **self.collector.environment,
        }

    def connect(self, api: str, **extra_of_shop: str) -> None:
        """Let the connections of the examples lead to an API of the local server, from the next task on."""
        connections = {
            "browser_use_default": {
                "conn_type": "browser_use",
                "host": f"{self.server.site}/api/{api}",
                "password": KEY,
            },
            "shop": {
                "conn_type": "http",
                "host": f"{self.server.site}/shop/",
                "login": USER,
                "password": PASSWORD,
                "extra": extra_of_shop,
            },
        }
        replacement = self._connections.with_suffix(".new.json")
        replacement.write_text(json.dumps(connections))
        replacement.replace(self._connections)

    def open(self) -> None:
        self.airflow.start(set().union(*(DAGS_OF.get(path.stem, {path.stem}) for path in EXAMPLES.glob("*.py"))))
        for name, slots in (("browser_use", 2), ("profile_shop", 1)):
            self.airflow.add_pool(name, slots)

    def close(self) -> None:
        self.airflow.stop()
        self.server.end()
        self.mailbox.close()
        self.collector.close()

    def first_run(self, dag_id: str) -> Run:
        """The run that a schedule or an asset starts."""
        return self.first_runs(dag_id, 1)[0]

    def first_runs(self, dag_id: str, number: int) -> list[Run]:
        """All runs of a DAG, in order, once there are so many."""
        path = f"/api/v2/dags/{dag_id}/dagRuns"

        def found() -> list[dict[str, Any]]:
            runs: list[dict[str, Any]] = self.airflow.get(path, order_by="id")["dag_runs"]
            return runs if len(runs) >= number else []

        runs = self.airflow.until(f"{number} runs of {dag_id}", found, seconds=400)
        return [Run(self.airflow, dag_id, run["dag_run_id"]) for run in runs]

    def sign_out(self, profile: str) -> None:
        """As when the shop ends a sign-in: the browser of a profile is signed in no more."""
        profiles = self.server.http.get("/profiles").raise_for_status().json()["items"]
        [profile_id] = [each["id"] for each in profiles if each["name"] == profile]
        task = f"Open {self.server.site}/shop/sign-out and report the heading."
        assert self.server.run(task, sessionSettings={"profileId": profile_id})["isSuccess"]

    def session(self, session_id: str) -> dict[str, Any]:
        session: dict[str, Any] = self.server.http.get(f"/sessions/{session_id}").raise_for_status().json()
        return session

    def browsers(self, session_id: str) -> list[dict[str, Any]]:
        """The browsers that a session of v4 has had."""
        self.server.v4.get(f"/sessions/{session_id}").raise_for_status()
        answer = self.server.v4.get("/browsers", params={"agentSessionId": session_id}).raise_for_status()
        found: list[dict[str, Any]] = answer.json()["items"]
        return found

    def open_browsers(self, session_id: str) -> list[str]:
        """Those that it still has."""
        return [browser["id"] for browser in self.browsers(session_id) if browser["status"] == "active"]
