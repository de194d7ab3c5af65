"""Files in and out, and what the world is told of it, in a real Airflow; the first download fails."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import Any

import pytest
from airflow.providers.common.compat.version_compat import AIRFLOW_V_3_1_PLUS

from tests.fake_api import Recorded

from .conftest import Scene, Stage
from .fake_server import FakeServer
from .running_airflow import process_of

MODES = ("deferred", "on_worker")
LONG = "x" * 100
# Of a task that ends at once, a busy scheduler of Airflow's makes one try more (apache/airflow#67287).
LEAVES_A_FILE = "for 3 s, leave a.csv"


@pytest.fixture(scope="module")
def scenes(stage: Stage, tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Scene, Path]]:
    scenes = {}
    for mode in MODES:
        folder = tmp_path_factory.mktemp(mode)
        (folder / "in.csv").write_text("7;9.5")
        conn, server = stage.server()
        server.lose_download()
        run = stage.airflow.run(f"files_{mode}", conn=conn, folder=str(folder), prompt=f"{LEAVES_A_FILE} report {LONG}")
        scenes[mode] = Scene(server, run), folder
    return scenes


@pytest.fixture(scope="module")
def signalled(stage: Stage, tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], Scene]:
    scenes = {}
    for mode in MODES:
        for signum in (signal.SIGTERM, signal.SIGKILL):
            folder = tmp_path_factory.mktemp(mode)
            (folder / "in.csv").write_text("7;9.5")
            conn, server = stage.server()
            if signum == signal.SIGTERM:  # which the process outlives
                server.lose_download()
            signal_who_downloads(server, signum)
            run = stage.airflow.run(f"files_{mode}", conn=conn, folder=str(folder), prompt=LEAVES_A_FILE)
            scenes[mode, signum.name] = Scene(server, run)
    return scenes


@pytest.fixture(params=MODES)
def mode(request: pytest.FixtureRequest) -> str:
    mode: str = request.param
    return mode


@pytest.fixture
def scene(scenes: dict[str, tuple[Scene, Path]], mode: str) -> Scene:
    scene = scenes[mode][0]
    assert scene.run.wait() == "success"
    return scene


@pytest.fixture
def folder(scenes: dict[str, tuple[Scene, Path]], mode: str) -> Path:
    return scenes[mode][1]


def signal_who_downloads(server: FakeServer, signum: signal.Signals) -> None:
    """Send a signal to the process that asks for the first output file."""

    def watch(request: Recorded) -> None:
        if request.method == "GET" and "/output-files/" in request.path:
            server.api.observe()
            process_of(request.peer).send_signal(signum)

    server.api.observe(before=watch)


def events(stage: Stage, scene: Scene) -> list[dict[str, Any]]:
    """What OpenLineage was told of the task of this run, the oldest first."""
    lines = (stage.airflow.home / "openlineage.jsonl").read_text().splitlines()
    told = [json.loads(line) for line in lines]
    by_workers = [event for event in told if "airflow" in event["run"]["facets"]]  # the scheduler tells of lost ones
    about = [event for event in by_workers if event["job"]["name"].endswith(".browse")]
    return [event for event in about if event["run"]["facets"]["airflow"]["dagRun"]["run_id"] == scene.run.id]


def test_a_file_is_uploaded_once_and_the_download_that_failed_is_made_up_for_by_the_retry(
    scene: Scene, folder: Path
) -> None:
    [task] = scene.tasks
    assert scene.server.uploads == {(task.session_id, "in.csv"): "7;9.5"}
    assert scene.run.instance("browse")["try_number"] == 2
    assert "Airflow's retry reattaches to the finished task and tries only this again." in scene.run.log("browse")
    [file] = scene.run.xcom("browse")["output_files"]
    assert (file["name"], file["path"]) == ("a.csv", f"{folder}/out/a.csv")
    assert Path(file["path"]).read_text() == task.output_files["a.csv"]


@pytest.mark.parametrize(
    "signame",
    [
        "SIGTERM",
        pytest.param("SIGKILL", marks=pytest.mark.skipif(not AIRFLOW_V_3_1_PLUS, reason="3.0 never retries it")),
    ],
)
def test_a_worker_that_ends_while_it_downloads_stops_nothing_and_the_next_try_takes_the_finished_task_up(
    signalled: dict[tuple[str, str], Scene], mode: str, signame: str
) -> None:
    scene = signalled[mode, signame]
    assert scene.run.wait() == "success"
    [task] = scene.tasks
    assert scene.run.instance("browse")["try_number"] == 2
    assert scene.stops(task) == 0
    assert scene.server.counted("PATCH", f"/sessions/{task.session_id}") == 1, "when all was done"
    [file] = scene.run.xcom("browse")["output_files"]
    assert Path(file["path"]).read_text() == task.output_files["a.csv"]


def test_a_large_output_is_in_a_file_and_not_in_xcom(scene: Scene, folder: Path) -> None:
    value = scene.run.xcom("browse")
    [task] = scene.tasks
    assert (value["output"], value["output_path"]) == (None, f"file://{folder}/large/{task.id}.json")
    assert json.loads((folder / "large" / f"{task.id}.json").read_text()) == LONG


def test_the_asset_event_says_which_session_and_task_it_was_and_what_it_cost(
    stage: Stage, scene: Scene, mode: str
) -> None:
    found = stage.airflow.get("/api/v2/assets/events", source_dag_id=f"files_{mode}", source_run_id=scene.run.id)
    [task] = scene.tasks
    assert [event["extra"] for event in found["asset_events"]] == [
        {"session_id": task.session_id, "task_id": task.id, "cost": 0.05}
    ]


def test_openlineage_is_told_which_files_went_where_through_which_remote_task(
    stage: Stage, scene: Scene, folder: Path
) -> None:
    [task] = scene.tasks
    stage.airflow.until("the last event is written", lambda: events(stage, scene)[-1]["eventType"] == "COMPLETE")
    assert events(stage, scene)[0]["eventType"] == "START"
    for event in events(stage, scene):
        assert [file["name"] for file in event["inputs"]] == [f"{folder}/in.csv"]
        if event["eventType"] != "START":
            external = event["run"]["facets"]["externalQuery"]
            assert (external["externalQueryId"], external["source"]) == (task.id, scene.server.url)
    last = events(stage, scene)[-1]
    assert {(file["namespace"], file["name"]) for file in last["outputs"]} == {
        ("file", f"{folder}/out"),
        ("file", f"{folder}/large/{task.id}.json"),
    }
