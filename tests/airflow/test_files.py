"""Files into a remote task and out of it: on the worker's disk and in object storage, in this process."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import DAG, AirflowFailException, ObjectStoragePath, TaskDeferred
from airflow.providers.common.compat.version_compat import AIRFLOW_V_3_0_PLUS
from fsspec.implementations.memory import MemoryFileSystem

from airflow_browser_use.failures import FileStorageError, ResultNotKeptError
from airflow_browser_use.operators import BrowserUseTaskOperator
from airflow_browser_use.sensors import BrowserUseTaskSensor

from .fake_server import FakeServer
from .stand_in import TaskInstance, context_of, execute, retry

if AIRFLOW_V_3_0_PLUS:
    from airflow.sdk.io import attach
else:
    from airflow.io.store import attach


def browse(prompt: str = "read", **kwargs: Any) -> BrowserUseTaskOperator:
    with DAG("shop"):
        task: BrowserUseTaskOperator = BrowserUseTaskOperator(task_id="browse", task=prompt, retries=2, **kwargs)
    return task


@pytest.fixture
def storage() -> Iterator[MemoryFileSystem]:
    """Object storage behind `memory://`."""
    file_system = MemoryFileSystem()
    attach(protocol="memory", fs=file_system)
    yield file_system
    file_system.store.clear()


def test_files_of_the_worker_and_of_object_storage_are_uploaded_under_their_own_names(
    server: FakeServer, storage: MemoryFileSystem, tmp_path: Path
) -> None:
    (tmp_path / "orders.csv").write_bytes(b"7;9.5")
    for folder in ("a", "b"):
        storage.pipe_file(f"/{folder}/customers.csv", folder.encode())
    execute(browse(files=[tmp_path / "orders.csv", "memory://a/customers.csv"]))
    execute(browse(files=ObjectStoragePath("memory://b/customers.csv"), keep_session=True))
    first, second = (task.session_id for task in server.tasks.values())
    assert server.uploads == {
        (first, "orders.csv"): "7;9.5",
        (first, "customers.csv"): "a",
        (second, "customers.csv"): "b",
    }
    assert [session.stopped for session in server.sessions.values()] == [True, False]


def test_files_of_object_storage_may_be_of_any_kind_where_the_server_takes_it(
    v4: FakeServer, storage: MemoryFileSystem
) -> None:
    storage.pipe_file("/a/orders.parquet", b"PAR1")
    execute(browse(files="memory://a/orders.parquet"))
    [run] = v4.tasks.values()
    assert len(run.body["attachedFileIds"]) == 1


def test_a_follow_up_gets_its_files_in_the_session_that_it_continues(server: FakeServer, tmp_path: Path) -> None:
    (tmp_path / "orders.csv").write_bytes(b"7;9.5")
    session_id = execute(browse(keep_session=True))["session_id"]
    follow_up = browse(session_id=session_id, files=str(tmp_path / "orders.csv"))
    execute(follow_up, context_of(follow_up, TaskInstance(task_id="follow_up")))
    assert list(server.uploads) == [(session_id, "orders.csv")]
    assert len(server.sessions) == 1


@pytest.mark.usefixtures("storage")
@pytest.mark.parametrize(
    ("file", "reason"),
    [
        ("/nowhere/orders.csv", "/nowhere/orders.csv cannot be uploaded: No such file or directory."),
        ("memory://a/orders.csv", "memory://a/orders.csv cannot be uploaded: there is no such file."),
        ("memory://a/virus.exe", "memory://a/virus.exe cannot be uploaded: the API takes .csv, "),
        ("memory://a/big.csv", "memory://a/big.csv cannot be uploaded: it has 10,485,761 bytes; "),
        ("nonsense://a/orders.csv", "nonsense://a/orders.csv is not a valid URL of a storage that is known here: "),
    ],
)
def test_a_file_that_is_not_there_or_is_not_taken_fails_the_task_for_good_and_nothing_is_created(
    server: FakeServer, storage: MemoryFileSystem, file: str, reason: str
) -> None:
    storage.pipe_file("/a/virus.exe", b"x")
    storage.pipe_file("/a/big.csv", b"x" * (10 * 1024 * 1024 + 1))
    with pytest.raises(AirflowFailException) as error:
        execute(browse(files=[file]))
    assert str(error.value).startswith(reason)
    assert str(error.value).endswith("Airflow does not retry it.")
    assert server.counted("POST", ".*") == 0


class BrokenStorage(MemoryFileSystem):
    def info(self, path: str, **kwargs: Any) -> Any:  # noqa: ARG002
        raise TimeoutError("the storage took its time")


def test_storage_that_fails_is_left_to_retries(server: FakeServer) -> None:
    attach(protocol="memory", conn_id="broken", fs=BrokenStorage())
    task = browse(files="memory://broken@a/orders.csv")
    with pytest.raises(FileStorageError, match="no task was created: the storage took its time"):
        execute(task, context_of(task, TaskInstance(max_tries=2)))
    assert server.counted("POST", ".*") == 0


@pytest.mark.parametrize("prompt", ["read", "for 2 s"], ids=["done", "still at work"])
def test_a_retry_takes_the_task_up_though_its_files_are_gone(server: FakeServer, tmp_path: Path, prompt: str) -> None:
    (tmp_path / "orders.csv").write_bytes(b"7;9.5")
    task = browse(prompt, files=str(tmp_path / "orders.csv"), deferrable=True)
    context = context_of(task, TaskInstance(max_tries=2))
    with pytest.raises(TaskDeferred):
        execute(task, context)
    (tmp_path / "orders.csv").unlink()
    task.deferrable = False
    [remote] = server.tasks.values()
    looks = server.counted("GET", "/tasks")
    assert execute(task, retry(context))["task_id"] == remote.id
    assert len(server.tasks) == 1
    assert server.counted("GET", "/tasks") == looks + 1


@pytest.mark.parametrize("where", ["path", "address of the disk", "object storage"])
def test_output_files_are_downloaded_and_xcom_says_where_each_one_lies(
    server: FakeServer, storage: MemoryFileSystem, tmp_path: Path, where: str
) -> None:
    folder = {
        "path": str(tmp_path / "new" / "folder"),
        "address of the disk": f"file://{tmp_path}/new/folder",
        "object storage": "memory://bucket/new/folder",
    }[where]
    value = execute(browse("leave a.csv leave b.csv", download_output_to=folder))
    [remote] = server.tasks.values()
    assert [file["name"] for file in value["output_files"]] == ["a.csv", "b.csv"]
    assert [file["path"] for file in value["output_files"]] == [f"{folder}/a.csv", f"{folder}/b.csv"]
    for file in value["output_files"]:
        content = (
            storage.cat_file(file["path"])
            if where == "object storage"
            else Path(file["path"].removeprefix("file://")).read_bytes()
        )
        assert content.decode() == remote.output_files[file["name"]]


def test_a_task_that_leaves_nothing_has_nothing_to_download(server: FakeServer, tmp_path: Path) -> None:
    assert execute(browse(download_output_to=tmp_path / "out"))["output_files"] == []
    assert len(server.tasks) == 1


def test_a_folder_that_cannot_be_written_to_fails_the_task_before_it_is_paid_for(
    server: FakeServer, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    for folder in (str(tmp_path / "file" / "out"), f"file://{tmp_path}/file", "nonsense://bucket/out"):
        for argument in ("download_output_to", "large_output_to"):
            with pytest.raises(AirflowFailException, match=r"cannot be written to|is not a valid URL"):
                execute(browse(**{argument: folder}))
    assert server.tasks == {}


def test_a_failed_download_loses_nothing_and_a_retry_downloads_from_the_finished_task(
    server: FakeServer, tmp_path: Path
) -> None:
    server.lose_download()
    task = browse("leave a.csv", download_output_to=tmp_path)
    context = context_of(task, TaskInstance(max_tries=2))
    with pytest.raises(ResultNotKeptError) as error:
        execute(task, context)
    [remote] = server.tasks.values()
    assert f"Task {remote.id} in session {remote.session_id} has finished" in str(error.value)
    [file] = execute(task, retry(context))["output_files"]
    assert Path(file["path"]).read_text() == remote.output_files["a.csv"]
    assert len(server.tasks) == 1


def test_a_session_that_a_task_downstream_continues_is_open_still_when_a_retry_has_downloaded(
    server: FakeServer, tmp_path: Path
) -> None:
    server.lose_download()
    with DAG("shop"):
        first = BrowserUseTaskOperator(task_id="browse", task="leave a.csv", retries=2, download_output_to=tmp_path)
        BrowserUseTaskOperator(task_id="next", task="read", session_id=first.output["session_id"])
    context = context_of(first, TaskInstance(max_tries=2))
    with pytest.raises(ResultNotKeptError):
        execute(first, context)
    execute(first, retry(context))
    [session] = server.sessions.values()
    assert not session.stopped


def test_a_download_that_fails_for_good_closes_the_session_and_the_sensor_can_still_read_the_result(
    server: FakeServer, tmp_path: Path
) -> None:
    server.lose_download()
    with pytest.raises(ResultNotKeptError):
        execute(browse("leave a.csv", download_output_to=tmp_path))
    [session] = server.sessions.values()
    assert session.stopped
    [remote] = server.tasks.values()
    with DAG("shop"):
        sensor = BrowserUseTaskSensor(task_id="read", browser_task_id=remote.id)
    assert sensor.poke(context_of(sensor)).xcom_value["output_files"][0]["name"] == "a.csv"


def test_an_output_within_the_limit_is_in_xcom(server: FakeServer) -> None:
    value = execute(browse('report "ä"', max_xcom_bytes=12))
    assert (value["output"], value["output_path"]) == ('"ä"', None)
    assert len(json.dumps('"ä"')) == 12
    assert len(server.tasks) == 1


@pytest.mark.parametrize("where", ["disk", "object storage"])
def test_a_larger_output_goes_where_the_user_says_and_xcom_says_where_that_is(
    server: FakeServer, storage: MemoryFileSystem, tmp_path: Path, where: str
) -> None:
    folder = str(tmp_path / "large") if where == "disk" else "memory://bucket/large"
    task = browse("report [1, 2, 3]", output_schema=list[int], max_xcom_bytes=8, large_output_to=folder)
    value = execute(task)
    [remote] = server.tasks.values()
    assert value["output"] is None
    assert value["output_path"] == f"{folder}/{remote.id}.json"
    path = value["output_path"]
    assert json.loads(Path(path).read_bytes() if where == "disk" else storage.cat_file(path)) == [1, 2, 3]


def test_a_larger_output_that_has_nowhere_to_go_is_not_lost_and_a_retry_with_a_higher_limit_takes_it_up(
    server: FakeServer,
) -> None:
    task = browse("report [1, 2, 3]", output_schema=list[int], max_xcom_bytes=8)
    context = context_of(task, TaskInstance(max_tries=2))
    with pytest.raises(ResultNotKeptError, match=r"9 bytes as JSON is more than `max_xcom_bytes` \(8\)"):
        execute(task, context)
    task.max_xcom_bytes = None
    assert execute(task, retry(context))["output"] == [1, 2, 3]
    assert len(server.tasks) == 1
