"""What a server leaves behind when it ends, however it ends."""

from __future__ import annotations

import signal
import sqlite3
import time
from pathlib import Path

import psutil
import pytest

from .running_server import KEY, SECRETS, LocalServer, chromiums

SLOW = "Wait 0.1 seconds, wait 0.1 seconds, wait 60 seconds."


def running(folder: Path, *options: str) -> LocalServer:
    return LocalServer(folder / "data", "--demo-site", "--max-sessions", "4", *options)


def busy(server: LocalServer) -> tuple[str, str, str]:
    """A server with a finished task, and one of each revision in the middle of its steps."""
    finished = server.run("Report the heading.", startUrl=f"{server.site}/shop/")["id"]
    flat = server.create(SLOW, maxSteps=5, secrets=SECRETS)["id"]
    nested = server.create(SLOW, agentSettings={})["id"]
    for task in (flat, nested):
        while len(server.task(task)["steps"]) < 2:
            time.sleep(0.05)
    assert chromiums(server.data_dir)
    return finished, flat, nested


def gone(folder: Path, within: float = 300) -> bool:
    """Waits until no Chromium works below the folder any more; for so long only that the test does not hang."""
    until = time.monotonic() + within
    while chromiums(folder) and time.monotonic() < until:
        time.sleep(0.05)
    return not chromiums(folder)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_with_all_browsers_closed(tmp_path: Path, number: signal.Signals) -> None:
    server = running(tmp_path)
    busy(server)
    assert server.end(number) == 0
    assert not chromiums(server.data_dir)
    assert not (server.data_dir / "browsers").exists()
    assert server.log.read_text() == ""


def test_after_a_kill_finished_tasks_are_kept_and_running_ones_failed(tmp_path: Path) -> None:
    server = running(tmp_path)
    finished, flat, nested = busy(server)
    before = server.task(finished)
    assert server.end(signal.SIGKILL) == -signal.SIGKILL
    assert gone(server.data_dir)

    again = running(tmp_path)
    try:
        assert again.task(finished)["output"] == before["output"] == "heading: Sign in"
        for task_id, status in ((flat, "failed"), (nested, "stopped")):
            task = again.task(task_id)
            assert (task["status"], task["isSuccess"], task["session"]["status"]) == (status, False, "stopped")
            assert "The local server died while this task ran" in task["output"]
            assert len(task["steps"]) == 2
            answer = again.http.post("/tasks", json={"task": "Go back", "sessionId": task["sessionId"]})
            assert answer.status_code == 400
        assert list((again.data_dir / "browsers").glob("*")) == []
        assert again.http.get("/sessions?filterBy=active").json()["totalItems"] == 0
        assert again.run("Report the heading.", startUrl=f"{again.site}/shop/")["isSuccess"]
    finally:
        again.end()


def test_a_kill_at_any_moment_leaves_a_database_that_is_whole(tmp_path: Path) -> None:
    for delay in (0.0, 0.3, 0.9, 1.6):
        server = running(tmp_path)
        for _ in range(3):
            server.create("Open http://127.0.0.1:9/ and go back", secrets={"pin": "browser-use-demo"})
        time.sleep(delay)
        server.end(signal.SIGKILL)
        assert gone(server.data_dir)
        with sqlite3.connect(server.data_dir / "local.sqlite3") as database:
            assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
            assert database.execute("SELECT count(*) FROM tasks").fetchone()[0] % 3 == 0
        database.close()
        assert b"browser-use-demo" not in server.everything_written()


def test_what_a_server_and_its_guard_have_left_ends_when_the_next_one_starts(tmp_path: Path) -> None:
    server = running(tmp_path)
    server.create("Wait 60 seconds.")
    while not chromiums(server.data_dir):
        time.sleep(0.05)
    driver, guard = (
        next(child for child in psutil.Process(server.process.pid).children() if word in " ".join(child.cmdline()))
        for word in ("run-driver", "processes.py")
    )
    # Nobody is left who would close the pipe of Chromium, or end it.
    driver.suspend()
    guard.kill()
    server.end(signal.SIGKILL)
    assert chromiums(server.data_dir)
    again = running(tmp_path)
    assert not chromiums(again.data_dir)
    assert not driver.is_running()
    again.end()


def test_the_key_is_written_down_nowhere(tmp_path: Path) -> None:
    server = running(tmp_path)
    server.run("no step")
    server.end()
    assert KEY.encode() not in server.everything_written()


def test_what_lies_in_a_data_folder_is_its_owners_alone_also_in_one_that_was_there_before(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    for name in ("profiles/old.json", "files/old", "tasks/old/1.jpg", "local.sqlite3-wal"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    (folder / "of somebody else").touch()
    for path in [folder, *folder.rglob("*")]:
        path.chmod(0o777 if path.is_dir() else 0o666)
    server = running(tmp_path)
    server.run("Report the heading.", startUrl=f"{server.site}/shop/")
    server.end()
    open_to_others = {path.name for path in [folder, *folder.rglob("*")] if path.stat().st_mode & 0o077}
    assert open_to_others == {"data", "of somebody else"}
