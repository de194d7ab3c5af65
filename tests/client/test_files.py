"""Files into a task and out of it, over real sockets."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from browser_use_client import (
    CreateTaskRequest,
    FileUrlExpiredError,
    InvalidRequestError,
    LocalFileError,
    ServerError,
    UnsupportedOptionError,
)
from tests.client.conftest import Client
from tests.fake_api import FakeApi


@pytest.fixture
def orders(tmp_path: Path) -> Path:
    path = tmp_path / "orders.csv"
    path.write_text("number,total\n1,310.25\n")
    return path


def test_files_of_a_task_reach_it_in_every_contract(client: Client, fake: FakeApi, contract: str, orders: Path) -> None:
    task = client.run_task("Compare", files=[orders])

    [sent] = fake.tasks()
    if contract == "v2-nested":
        [name] = sent["body"]["includedFileNames"]
        assert name.endswith("-orders.csv")
    else:
        [session] = [session for session in fake.sessions() if session["id"] == task.session_id]
        assert list(session["files"].values()) == ["number,total\n1,310.25\n"]
    assert fake.sessions(status="active") == []


def test_a_caller_that_comes_back_takes_the_task_up_though_its_files_are_gone(
    client: Client, fake: FakeApi, orders: Path
) -> None:
    task = client.run_task("Compare", key="orders", files=[orders])
    orders.unlink()

    assert client.run_task("Compare", key="orders", files=[orders]).id == task.id

    assert len(fake.tasks()) == 1


def test_a_file_is_uploaded_where_the_contract_wants_it(
    client: Client, fake: FakeApi, contract: str, orders: Path
) -> None:
    if contract == "v4":
        session_id = client.run_task("x", keep_session=True).session_id
        file_id = client.upload_file(orders, session_id=session_id)
        assert fake.sessions()[0]["files"] == {"uploads/orders.csv": "number,total\n1,310.25\n"}
        client.run_task(CreateTaskRequest(task="y", included_file_names=[file_id]), session_id=session_id)
        assert fake.tasks()[-1]["body"]["attachedFileIds"] == [file_id]
        with pytest.raises(UnsupportedOptionError, match="v4"):
            client.upload_file(orders)
    elif contract == "v2-nested":
        assert client.upload_file(orders).endswith("-orders.csv")
        with pytest.raises(UnsupportedOptionError, match="v2-nested"):
            client.upload_file(orders, session_id="3c90c3cc-0d44-4b50-8888-8dd25736052a")
    else:
        session = client.start_session()
        name = client.upload_file(orders, session_id=session.id)
        assert fake.sessions()[0]["files"] == {name: "number,total\n1,310.25\n"}
        with pytest.raises(UnsupportedOptionError, match="v2-flat"):
            client.upload_file(orders)


def test_the_file_store_is_never_sent_the_api_key(client: Client, fake: FakeApi, orders: Path, tmp_path: Path) -> None:
    fake.script(output_files={"a.csv": "a"})
    task = client.run_task("x", files=[orders])

    client.download_output_files(task, tmp_path)

    stores = [request for request in fake.requests() if request["path"].startswith("/_files/")]
    assert len(stores) == 2
    assert all(request["status"] in (200, 204) for request in stores)  # with the key it answers 400


def test_output_files_are_downloaded_under_their_names(client: Client, fake: FakeApi, tmp_path: Path) -> None:
    fake.script(output_files={"orders.csv": "1,2", "notes.txt": "ä" * 100_000})
    task = client.run_task("x")

    paths = client.download_output_files(task.id, tmp_path / "new" / "folder")

    assert {path.name: path.read_text() for path in paths} == {"orders.csv": "1,2", "notes.txt": "ä" * 100_000}
    assert sorted(path.name for path in (tmp_path / "new" / "folder").iterdir()) == ["notes.txt", "orders.csv"]


@pytest.mark.parametrize("name", ["../../evil.sh", "/etc/passwd", "..\\evil.bat", "..", ".", "a/b.csv"])
def test_a_file_s_name_cannot_choose_a_folder(client: Client, fake: FakeApi, tmp_path: Path, name: str) -> None:
    fake.script(output_files={name: "x"})
    task = client.run_task("x")

    [path] = client.download_output_files(task, tmp_path / "downloads")

    assert path.parent == tmp_path / "downloads"
    assert path.read_text() == "x"


def test_a_download_that_breaks_is_taken_up_again_and_never_leaves_half_a_file(
    client: Client, fake: FakeApi, tmp_path: Path
) -> None:
    fake.script(output_files={"a.csv": "1,2"})
    task = client.run_task("x")
    fake.fault(at="download", status=503)
    assert client.download_output_files(task, tmp_path)[0].read_text() == "1,2"

    (tmp_path / "a.csv").unlink()
    fake.fault(at="download", status=503, times=None)
    with pytest.raises(ServerError):
        client.download_output_files(task, tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("status", [403, 404])
def test_a_presigned_url_that_has_expired_is_asked_for_anew(
    client: Client, fake: FakeApi, orders: Path, tmp_path: Path, status: int
) -> None:
    fake.script(output_files={"a.csv": "1"})
    fake.fault(at="upload", status=status, times=2)
    task = client.run_task("x", files=[orders])
    fake.fault(at="download", status=status, times=2)

    assert client.download_output_files(task, tmp_path)[0].read_text() == "1"

    assert len({request["path"] for request in fake.requests(at="upload")}) == 3
    assert len(fake.requests(at="download")) == 3
    listed = 1 if fake.contract == "v4" else 0  # once for what there is
    assert len(fake.requests(at="output file")) == listed + 3


@pytest.mark.parametrize("status", [401, 403, 404, 410])
def test_a_file_that_no_new_url_leads_to_says_so_and_is_worth_another_try(
    client: Client, fake: FakeApi, tmp_path: Path, status: int
) -> None:
    fake.script(output_files={"a.csv": "1"})
    task = client.run_task("x")
    fake.fault(at="download", status=status, times=None)

    with pytest.raises(FileUrlExpiredError, match=r"The download of a\.csv") as caught:
        client.download_output_files(task, tmp_path)

    assert "API key" not in str(caught.value)
    assert caught.value.retryable
    assert caught.value.status_code == status


NAMES = ["x" * 251 + ".csv", "ä" * 125 + ".a.csv", "x" * 300 + ".csv", "x." + "y" * 300, "ä" * 200]


@pytest.mark.parametrize("name", NAMES)
def test_a_name_may_be_as_long_as_it_likes(client: Client, fake: FakeApi, tmp_path: Path, name: str) -> None:
    fake.script(output_files={name: "1", f"folder/{name}": "2"})
    task = client.run_task("x")

    first, second = client.download_output_files(task, tmp_path)

    assert {first.read_text(), second.read_text()} == {"1", "2"}
    assert sorted(tmp_path.iterdir()) == sorted([first, second])
    if len(name.encode()) <= 255:
        assert first.name == name
    assert first.suffix == Path(name).suffix or len(Path(name).suffix) > 250


def test_a_folder_that_cannot_be_written_to_is_an_error_like_any_other(
    client: Client, fake: FakeApi, orders: Path
) -> None:
    fake.script(output_files={"a.csv": "1"})
    task = client.run_task("x")

    with pytest.raises(LocalFileError, match=r"The download of a\.csv failed on this machine: .*orders\.csv"):
        client.download_output_files(task, orders / "below a file")
    for odd in ("a\0b", "a\ud800b"):
        with pytest.raises(InvalidRequestError, match="folder"):
            client.download_output_files(task, odd)


def test_a_file_that_vanishes_before_it_is_sent_is_an_error_like_any_other(
    fake: FakeApi, connect: Callable[..., Client], orders: Path
) -> None:
    def sleep(seconds: float) -> None:
        fake.advance(seconds)
        orders.unlink(missing_ok=True)

    client = connect(fake, sleep=sleep, api_version=fake.contract)
    fake.fault(at="upload slot", status=503)

    with pytest.raises(LocalFileError, match=r"The upload of orders\.csv failed on this machine: .*No such file"):
        client.run_task("x", files=[orders])

    assert fake.tasks() == []
    assert fake.sessions(status="active") == []


@pytest.mark.parametrize(
    ("make", "named"),
    [
        (lambda folder: folder / "missing.csv", "No such file"),
        (lambda folder: folder_at(folder / "folder.csv"), "it is not a file"),
        (lambda folder: write(folder / "empty.csv", b""), "0 bytes"),
        (lambda folder: sparse(folder / "big.csv", 50 * 1024 * 1024 + 1), "52,428,801 bytes"),
        (lambda folder: folder / "a\0.csv", "null byte"),
        (lambda folder: folder / "a\ud800.csv", "surrogates"),
    ],
)
def test_a_file_that_the_api_would_not_take_is_refused_before_anything_is_sent(
    client: Client, fake: FakeApi, tmp_path: Path, make: Callable[[Path], Path], named: str
) -> None:
    with pytest.raises(InvalidRequestError, match=named):
        client.run_task("x", files=[make(tmp_path)])

    assert fake.requests() == []


@pytest.mark.parametrize("name", ["virus.exe", "noname"])
def test_a_kind_of_file_that_v2_does_not_take_is_refused_there_and_taken_by_v4(
    client: Client, fake: FakeApi, contract: str, tmp_path: Path, name: str
) -> None:
    file = write(tmp_path / name, b"x")
    if contract == "v4":
        client.run_task("x", files=[file])
        assert fake.sessions()[0]["files"] == {f"uploads/{name}": "x"}
        return

    with pytest.raises(InvalidRequestError, match=r"the API takes \.csv"):
        client.run_task("x", files=[file])

    assert fake.requests() == []


@pytest.mark.parametrize("size", [10 * 1024 * 1024 + 1, 50 * 1024 * 1024])
def test_a_file_may_be_as_large_as_the_contract_takes(
    client: Client, fake: FakeApi, contract: str, tmp_path: Path, size: int
) -> None:
    file = sparse(tmp_path / "big.csv", size)
    if contract == "v4":
        client.run_task("x", files=[file])
        assert [len(content) for content in fake.sessions()[0]["files"].values()] == [size]
        return

    with pytest.raises(InvalidRequestError, match=f"{size:,} bytes"):
        client.run_task("x", files=[file])

    assert fake.requests() == []


def sparse(path: Path, size: int) -> Path:
    with path.open("wb") as file:
        file.truncate(size)
    return path


def write(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def folder_at(path: Path) -> Path:
    path.mkdir()
    return path


def test_a_task_whose_files_cannot_be_uploaded_is_not_created_and_leaves_no_session(
    client: Client, fake: FakeApi, orders: Path
) -> None:
    fake.fault(at="upload", status=403, times=None)

    with pytest.raises(FileUrlExpiredError, match=r"The upload of orders\.csv"):
        client.run_task("x", files=[orders])

    assert fake.tasks() == []
    assert fake.sessions(status="active") == []
