"""Files into a task and out of it."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import pytest
from prefect import flow, unmapped

from browser_use_client import InvalidRequestError, TaskFailedError
from prefect_browser_use import BrowserTask, BrowserTaskResult, OutputFilesError, run_browser_task
from prefect_browser_use.files import digests
from tests.fake_api import FakeApi

from .conftest import Run, credentials_for

ORDERS = {"orders.csv": "A-1007,310.25", "notes.txt": "Nothing."}


@pytest.fixture
def invoice(tmp_path: Path) -> Path:
    path = tmp_path / "invoice.txt"
    path.write_text("310.25 USD")
    return path


def uploaded(api: FakeApi) -> list[str]:
    """The contents of the files that arrived."""
    if api.contract == "v2-flat":
        return [content for session in api.sessions() for content in session["files"].values()]
    if api.contract == "v4":
        files = [(name, content) for session in api.sessions() for name, content in session["files"].items()]
        return [content for name, content in files if name.startswith("uploads/")]
    return [name.split("-", 1)[1] for task in api.tasks() for name in task["body"]["includedFileNames"]]


def test_files_are_uploaded_and_output_files_downloaded(api: FakeApi, run: Run, invoice: Path, tmp_path: Path) -> None:
    api.script(output_files=ORDERS)
    folder = tmp_path / "out" / "today"
    result = run("Pay", credentials=credentials_for(api), files=[str(invoice)], download_output_to=folder)
    assert uploaded(api) == (["invoice.txt"] if api.contract == "v2-nested" else ["310.25 USD"])
    assert {file.name: file.path for file in result.output_files} == {name: folder / name for name in ORDERS}
    assert {path.name: path.read_text() for path in folder.iterdir()} == ORDERS
    assert api.sessions(status="active") == []
    assert BrowserTaskResult.model_validate_json(result.model_dump_json()) == result


def test_files_stay_where_they_are_unless_a_folder_is_named(flat_api: FakeApi, run: Run) -> None:
    flat_api.script(output_files=ORDERS)
    result = run("Read the orders", credentials=credentials_for(flat_api))
    assert [(file.name, file.path) for file in result.output_files] == [(name, None) for name in ORDERS]
    assert flat_api.requests(at="output file") == []


def test_a_relative_folder_is_named_in_full(
    flat_api: FakeApi, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    flat_api.script(output_files=ORDERS)
    result = run("Read the orders", credentials=credentials_for(flat_api), download_output_to="out")
    assert result.output_files[0].path == tmp_path / "out" / "orders.csv"


def test_a_download_that_fails_says_that_the_task_has_finished_and_a_retry_downloads_again(
    api: FakeApi, tmp_path: Path
) -> None:
    api.script(output_files=ORDERS)
    api.fault(at="download", status=404, times=3)
    download = {"credentials": credentials_for(api), "download_output_to": tmp_path / "out"}
    shown: list[BaseException] = []

    def note(task: Any, task_run: Any, state: Any) -> bool:  # noqa: ARG001 - Prefect's signature
        shown.append(state.data)
        return True

    result = run_browser_task.with_options(retries=1, retry_condition_fn=note)("Read the orders", **download)
    (error,) = shown
    assert isinstance(error, OutputFilesError)
    assert f"Task {result.task_id} in session {result.session_id} has finished and no longer runs" in str(error)
    assert error.task_id == result.task_id
    assert {path.name: path.read_text() for path in (tmp_path / "out").iterdir()} == ORDERS
    assert len(api.requests(at="create")) == 1


def test_a_full_or_forbidden_folder_is_tried_again_by_itself(flat_api: FakeApi, tmp_path: Path) -> None:
    flat_api.script(output_files=ORDERS)
    (tmp_path / "out").write_text("This is no folder.")
    with pytest.raises(OutputFilesError, match="has finished") as caught:
        run_browser_task.with_options(retries=2)(
            "Read the orders", credentials=credentials_for(flat_api), download_output_to=tmp_path / "out"
        )
    assert caught.value.retryable
    again = pickle.loads(pickle.dumps(caught.value))
    assert (str(again), again.retryable, again.task_id) == (str(caught.value), True, caught.value.task_id)
    assert len(flat_api.requests(at="create")) == 1


def test_a_flow_retry_downloads_what_could_not_be_downloaded(flat_api: FakeApi, tmp_path: Path) -> None:
    # A task whose agent reports no success is one of these, too, where the caller takes it.
    flat_api.script(output_files=ORDERS, is_success=False)
    flat_api.fault(at="download", status=404, times=3)

    @flow(retries=1)
    def orders() -> BrowserTaskResult:
        return run_browser_task(
            "Read the orders",
            credentials=credentials_for(flat_api),
            download_output_to=tmp_path / "out",
            fail_on_unsuccessful=False,
        )

    assert all(file.path and file.path.is_file() for file in orders().output_files)
    assert len(flat_api.requests(at="create")) == 1


def test_a_task_that_failed_leaves_nothing_to_download(flat_api: FakeApi, run: Run, tmp_path: Path) -> None:
    flat_api.script(output_files=ORDERS, is_success=False)
    with pytest.raises(TaskFailedError):
        run("Read the orders", credentials=credentials_for(flat_api), download_output_to=tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_file_that_is_not_there_is_said_so_before_anything_is_sent(
    flat_api: FakeApi, run: Run, tmp_path: Path
) -> None:
    with pytest.raises(InvalidRequestError, match=r"missing\.pdf cannot be uploaded: No such file"):
        run("Pay", credentials=credentials_for(flat_api), files=[tmp_path / "missing.pdf"])
    assert flat_api.requests("POST") == []


def test_one_file_for_all_mapped_tasks_has_to_be_unmapped(flat_api: FakeApi, invoice: Path) -> None:
    @flow
    def many(number: int, wrap: Any) -> None:
        options = {"credentials": unmapped(credentials_for(flat_api)), "files": wrap([str(invoice)] * number)}
        run_browser_task.map(["One", "Two"], poll_interval=0.02, **options).result()

    with pytest.raises(TypeError, match=r"`files=unmapped\(files\)`"):
        many(2, list)
    assert flat_api.requests("POST") == []
    many(1, unmapped)
    assert uploaded(flat_api) == ["310.25 USD"] * 2


def test_calls_that_differ_in_their_files_only_are_not_mixed_up_when_a_flow_is_run_again(
    flat_api: FakeApi, tmp_path: Path
) -> None:
    paths = [tmp_path / name / "invoice.txt" for name in ("a", "b")]
    for path in paths:
        path.parent.mkdir()
        path.write_text(f"The invoice of {path.parent.name}")
    ids: list[list[str]] = []

    @flow(retries=1)
    def pay() -> None:
        order = paths if not ids else paths[::-1]
        ids.append([run_browser_task("Pay", credentials=credentials_for(flat_api), files=[f]).task_id for f in order])
        if len(ids) == 1:
            raise RuntimeError("Something else went wrong")

    pay()
    assert ids[0] == ids[1][::-1]
    assert len(flat_api.tasks()) == 2


def test_files_that_differ_only_far_from_their_beginning_are_told_apart(tmp_path: Path) -> None:
    beginning = b"x" * (20 * 1024 * 1024)  # v4 takes files of up to 50 MiB
    told = []
    for month in (b"October", b"November"):
        (tmp_path / "report.bin").write_bytes(beginning + month)
        told += digests([tmp_path / "report.bin"])

    assert told[0] != told[1]


def test_a_block_takes_and_leaves_files_too(flat_api: FakeApi, invoice: Path, tmp_path: Path) -> None:
    flat_api.script(output_files=ORDERS)
    flat_api.fault(at="download", status=404, times=3)
    block = BrowserTask(
        task="Pay",
        credentials=credentials_for(flat_api),
        files=[str(invoice)],
        download_output_to=str(tmp_path / "out"),
    )
    run = block.trigger()
    with pytest.raises(OutputFilesError):
        run.wait_for_completion()
    run.wait_for_completion()
    assert [file.path for file in run.fetch_result().output_files] == [tmp_path / "out" / name for name in ORDERS]
    assert uploaded(flat_api) == ["310.25 USD"]
    assert len(flat_api.requests(at="create")) == 1
