"""Files in and out, and what the world is told of it, in a real Airflow; the first download fails."""

from __future__ import annotations

import json
import signal
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from airflow.providers.common.compat.version_compat import AIRFLOW_V_3_1_PLUS

from tests.fake_api import Recorded

from .conftest import ServedRun, SharedAirflow
from .fake_server import FakeServer
from .running_airflow import process_of

MODES = ("deferred", "on_worker")
V4 = "on_v4"
"""In place of a mode: on a worker, with a server that speaks v4."""
DAG_IDS = {"deferred": "files_deferred", "on_worker": "files_on_worker", V4: "files_on_worker"}
LONG = "x" * 100
# Of a task that ends at once, a busy scheduler of Airflow's makes one try more (apache/airflow#67287).
LEAVES_A_FILE = "for 3 s, leave a.csv"


@pytest.fixture(scope="module")
def served_runs(
    shared_airflow: SharedAirflow, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, tuple[ServedRun, Path]]:
    served_runs = {}
    for mode in (*MODES, V4):
        folder = tmp_path_factory.mktemp(mode)
        (folder / "in.csv").write_text("7;9.5")
        prompt = f"{LEAVES_A_FILE} report {LONG}"
        run = shared_airflow.run_dag(
            DAG_IDS[mode], v4=mode == V4, prepare=FakeServer.lose_download, folder=str(folder), prompt=prompt
        )
        served_runs[mode] = run, folder
    return served_runs


@pytest.fixture(scope="module")
def signalled(
    shared_airflow: SharedAirflow, tmp_path_factory: pytest.TempPathFactory
) -> dict[tuple[str, str], ServedRun]:
    served_runs = {}
    for mode in MODES:
        for signum in (signal.SIGTERM, signal.SIGKILL):
            folder = tmp_path_factory.mktemp(mode)
            (folder / "in.csv").write_text("7;9.5")
            served_runs[mode, signum.name] = shared_airflow.run_dag(
                f"files_{mode}",
                prepare=partial(signal_who_downloads, signum=signum),
                folder=str(folder),
                prompt=LEAVES_A_FILE,
            )
    return served_runs


@pytest.fixture(params=[*MODES, V4])
def mode(request: pytest.FixtureRequest) -> str:
    mode: str = request.param
    return mode


@pytest.fixture
def served(served_runs: dict[str, tuple[ServedRun, Path]], mode: str) -> ServedRun:
    served = served_runs[mode][0]
    assert served.wait_undisturbed() == "success"
    return served


@pytest.fixture
def folder(served_runs: dict[str, tuple[ServedRun, Path]], mode: str) -> Path:
    return served_runs[mode][1]


def signal_who_downloads(server: FakeServer, signum: signal.Signals) -> None:
    """Send a signal to the process that asks for the first output file."""
    if signum == signal.SIGTERM:  # which the process outlives
        server.lose_download()

    def watch(request: Recorded) -> None:
        if request.method == "GET" and "/output-files/" in request.path:
            server.api.observe()
            process_of(request.peer).send_signal(signum)

    server.api.observe(before=watch)


def events(shared_airflow: SharedAirflow, served: ServedRun) -> list[dict[str, Any]]:
    """What OpenLineage was told of the task of this run, the oldest first."""
    *lines, _being_written = (shared_airflow.airflow.home / "openlineage.jsonl").read_text().split("\n")
    told = [json.loads(line) for line in lines]
    by_workers = [event for event in told if "airflow" in event["run"]["facets"]]  # the scheduler tells of lost ones
    about = [event for event in by_workers if event["job"]["name"].endswith(".browse")]
    return [event for event in about if event["run"]["facets"]["airflow"]["dagRun"]["run_id"] == served.run.id]


@pytest.mark.parametrize("mode", MODES, indirect=True)
def test_a_file_is_uploaded_once_and_the_download_that_failed_is_made_up_for_by_the_retry(
    served: ServedRun, folder: Path
) -> None:
    [task] = served.tasks
    assert served.server.uploads == {(task.session_id, "in.csv"): "7;9.5"}
    assert served.run.instance("browse")["try_number"] == 2
    assert "Airflow's retry reattaches to the finished task and tries only this again." in served.run.log("browse")
    [file] = served.run.xcom("browse")["output_files"]
    assert (file["name"], file["path"]) == ("a.csv", f"{folder}/out/a.csv")
    assert Path(file["path"]).read_text() == task.output_files["a.csv"]


@pytest.mark.parametrize(
    "signame",
    [
        "SIGTERM",
        pytest.param("SIGKILL", marks=pytest.mark.skipif(not AIRFLOW_V_3_1_PLUS, reason="3.0 never retries it")),
    ],
)
@pytest.mark.parametrize("mode", MODES, indirect=True)
def test_a_worker_that_ends_while_it_downloads_stops_nothing_and_the_next_try_takes_the_finished_task_up(
    signalled: dict[tuple[str, str], ServedRun], mode: str, signame: str
) -> None:
    served = signalled[mode, signame]
    assert served.wait_undisturbed(kills=int(signame == "SIGKILL")) == "success"
    [task] = served.tasks
    assert served.run.instance("browse")["try_number"] == 2
    assert served.stops(task) == 0
    assert served.server.counted("PATCH", f"/sessions/{task.session_id}") == 1, "when all was done"
    [file] = served.run.xcom("browse")["output_files"]
    assert Path(file["path"]).read_text() == task.output_files["a.csv"]


def test_a_large_output_is_in_a_file_and_not_in_xcom(served: ServedRun, folder: Path) -> None:
    value = served.run.xcom("browse")
    [task] = served.tasks
    assert (value["output"], value["output_path"]) == (None, f"file://{folder}/large/{task.id}.json")
    assert json.loads((folder / "large" / f"{task.id}.json").read_text()) == LONG


def test_the_asset_event_says_which_session_and_task_it_was_and_what_it_cost(
    shared_airflow: SharedAirflow, served: ServedRun, mode: str
) -> None:
    found = shared_airflow.airflow.get(
        "/api/v2/assets/events", source_dag_id=DAG_IDS[mode], source_run_id=served.run.id
    )
    [task] = served.tasks
    cost = served.run.xcom("browse")["cost"]
    assert [event["extra"] for event in found["asset_events"]] == [
        {"session_id": task.session_id, "task_id": task.id, "cost": cost}
    ]
    assert cost > 0.05 if mode == V4 else cost == 0.05, "on v4 with the browser"


def test_openlineage_is_told_which_files_went_where_through_which_remote_task(
    shared_airflow: SharedAirflow, served: ServedRun, folder: Path
) -> None:
    [task] = served.tasks
    shared_airflow.airflow.until(
        "the last event is written",
        lambda: [each for each in events(shared_airflow, served)[-1:] if each["eventType"] == "COMPLETE"],
    )
    assert events(shared_airflow, served)[0]["eventType"] == "START"
    for event in events(shared_airflow, served):
        assert [file["name"] for file in event["inputs"]] == [f"{folder}/in.csv"]
        if event["eventType"] != "START":
            external = event["run"]["facets"]["externalQuery"]
            assert (external["externalQueryId"], external["source"]) == (task.id, served.server.url)
    last = events(shared_airflow, served)[-1]
    assert {(file["namespace"], file["name"]) for file in last["outputs"]} == {
        ("file", f"{folder}/out"),
        ("file", f"{folder}/large/{task.id}.json"),
    }
