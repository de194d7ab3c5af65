"""Bad input, as it shows in a real Airflow and a real Prefect that speak to the local server."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from browser_use_client import BrowserUseClient, Task
from demo.airflow import Airflow
from demo.dag_run import DagRun
from demo.flow_run import FlowRun
from demo.local_server import LocalServer
from demo.ports import free_port
from demo.prefect import Prefect
from demo.programs import Programs
from demo.report import TaskReport

from .commands import ROOT

HERE = Path(__file__).parent / "bad_input"
WRONG_KEY = "bu_this-key-is-wrong"


@dataclass(frozen=True)
class Outcome:
    reports: Mapping[tuple[str, str], TaskReport]
    tasks: list[Task]
    """What the local server was asked to do."""


@pytest.fixture(scope="module")
def outcome() -> Outcome:
    airflow_environment, prefect_environment = (ROOT / os.environ[name] for name in ("AIRFLOW", "PREFECT"))
    with tempfile.TemporaryDirectory(prefix="e2e-") as folder, pytest.MonkeyPatch.context() as patch:
        patch.setenv("TMPDIR", folder)
        programs = Programs(Path(folder))
        server = LocalServer(programs)
        nobody = f"http://127.0.0.1:{free_port()}/api/v2"

        def connection(base_url: str, key: str) -> dict[str, str]:
            return {"conn_type": "browser_use", "host": base_url, "password": key}

        connections = {
            "browser_use_default": connection(server.base_url, server.api_key),
            "wrong_key": connection(server.base_url, WRONG_KEY),
            "no_key": connection(server.base_url, ""),
            "no_server": connection(nobody, server.api_key),
            "shop": {"conn_type": "http", "host": server.shop_url},
        }
        variables = {
            "BROWSER_USE_API_KEY": server.api_key,
            "BROWSER_USE_BASE_URL": server.base_url,
            "SHOP_URL": server.shop_url,
            "WRONG_KEY": WRONG_KEY,
            "NO_SERVER": nobody,
        }
        with (
            contextlib.closing(
                Airflow(programs, programs.folder / "airflow", airflow_environment, HERE / "dags", connections)
            ) as airflow,
            contextlib.closing(Prefect(programs, programs.folder / "prefect", prefect_environment)) as prefect,
            BrowserUseClient(server.api_key, server.base_url) as client,
            contextlib.closing(programs),
        ):
            server.start()
            prefect.start_server()
            airflow.start(["bad_input"])
            dag_run = DagRun(airflow, "bad_input", airflow.trigger("bad_input"))
            flow_run = FlowRun(
                prefect, prefect.create_flow_run(prefect.serve(HERE / "flows" / "bad_input.py", variables))
            )
            in_airflow = dag_run.report(within=300)
            in_prefect = flow_run.report(client, within=300)
            tasks = list(client.list_tasks())
    assert not in_airflow.succeeded
    assert not in_prefect.succeeded
    reports = {("airflow", task.name): task for task in in_airflow.tasks}
    reports |= {("prefect", task.name.rpartition("-")[0]): task for task in in_prefect.tasks}
    return Outcome(reports, tasks)


@pytest.mark.parametrize("orchestrator", ["airflow", "prefect"])
@pytest.mark.parametrize(
    ("case", "said"),
    [
        ("wrong_key", "The API key is wrong"),
        ("no_server", "No connection to http://127.0.0.1:"),
        ("no_uuid", "session_id: 'orders' is not a valid UUID"),
        ("no_schema", "output_schema: the output schema is not a valid JSON schema: 'orders' is not a valid type"),
        ("not_understood", "Step 1, `Make me rich`, is not understood. Expected is"),
    ],
)
def test_bad_input_fails_its_task_with_a_sentence_that_names_it(
    outcome: Outcome, orchestrator: str, case: str, said: str
) -> None:
    report = outcome.reports[orchestrator, case]
    assert report.state.lower() == "failed"
    assert said in report.log
    assert WRONG_KEY not in report.log


@pytest.mark.parametrize(
    ("orchestrator", "said"),
    [("airflow", "`task` is empty."), ("prefect", "task: String should have at least 1 character")],
)
def test_a_prompt_that_is_empty_fails_its_task_and_is_named(outcome: Outcome, orchestrator: str, said: str) -> None:
    report = outcome.reports[orchestrator, "no_text"]
    assert report.state.lower() == "failed"
    assert said in report.log


def test_a_connection_without_a_key_fails_its_task_and_says_where_the_key_belongs(outcome: Outcome) -> None:
    report = outcome.reports["airflow", "no_key"]
    assert report.state == "failed"
    assert "There is no API key in connection 'no_key': put it into the password." in report.log


def test_nothing_is_created_but_the_task_that_only_the_server_can_judge(outcome: Outcome) -> None:
    assert [(task.status, task.is_success) for task in outcome.tasks] == [("finished", False)] * 2
