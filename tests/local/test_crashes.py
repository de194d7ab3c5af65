"""What a server leaves behind when it ends, however it ends."""

from __future__ import annotations

import contextlib
import signal
import sqlite3
import time
from pathlib import Path

import psutil
import pytest

from .running_server import KEY, SECRETS, LocalServer, chromiums

SLOW = "Wait 0.1 seconds, wait 0.1 seconds, wait 60 seconds."


# What the first version of this program wrote: with neither the reason of a session nor notices of webhooks.
FIRST_VERSION = """
CREATE TABLE sessions (
    id TEXT PRIMARY KEY, status TEXT NOT NULL, keep_alive BOOLEAN NOT NULL, persist_memory BOOLEAN NOT NULL,
    profile_id TEXT, started_at TEXT NOT NULL, finished_at TEXT
) WITHOUT ROWID;
CREATE TABLE tasks (
    id TEXT PRIMARY KEY, session_id TEXT NOT NULL REFERENCES sessions ON DELETE CASCADE, revision TEXT NOT NULL,
    llm TEXT NOT NULL, task TEXT NOT NULL, status TEXT NOT NULL,
    created_at TEXT NOT NULL, started_at TEXT, finished_at TEXT, output TEXT, is_success BOOLEAN, metadata JSON NOT NULL
) WITHOUT ROWID;
CREATE TABLE steps (
    task_id TEXT NOT NULL REFERENCES tasks ON DELETE CASCADE, number INTEGER NOT NULL, goal TEXT NOT NULL,
    evaluation TEXT NOT NULL, memory TEXT NOT NULL, url TEXT NOT NULL, actions JSON NOT NULL, duration REAL NOT NULL,
    has_screenshot BOOLEAN NOT NULL, PRIMARY KEY (task_id, number)
) WITHOUT ROWID;
CREATE TABLE files (
    id TEXT PRIMARY KEY, name TEXT NOT NULL, content_type TEXT NOT NULL, is_output BOOLEAN NOT NULL,
    session_id TEXT REFERENCES sessions ON DELETE CASCADE, task_id TEXT REFERENCES tasks ON DELETE CASCADE,
    created_at TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE profiles (
    id TEXT PRIMARY KEY, kind TEXT NOT NULL, settings JSON NOT NULL, created_at TEXT NOT NULL, updated_at TEXT NOT NULL,
    last_used_at TEXT
) WITHOUT ROWID;
CREATE TABLE deliveries (
    id TEXT PRIMARY KEY, task_id TEXT NOT NULL, status TEXT NOT NULL, attempt INTEGER NOT NULL, result TEXT NOT NULL,
    at TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE shares (
    session_id TEXT PRIMARY KEY REFERENCES sessions ON DELETE CASCADE, token TEXT NOT NULL UNIQUE,
    views INTEGER NOT NULL, last_viewed_at TEXT
) WITHOUT ROWID;
INSERT INTO sessions VALUES
    ('00000000-0000-4000-8000-000000000001', 'active', 1, 1, NULL, '2026-11-20T10:00:00+00:00', NULL);
INSERT INTO tasks VALUES
    ('00000000-0000-4000-8000-000000000002', '00000000-0000-4000-8000-000000000001', 'v2-flat', 'gpt-4.1',
    'Report the heading.', 'finished', '2026-11-20T10:00:00+00:00', '2026-11-20T10:00:01+00:00',
    '2026-11-20T10:00:02+00:00', 'heading: Old', 1, '{"key": "one"}');
PRAGMA user_version = 1;
"""


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


def part(server: LocalServer, word: str) -> psutil.Process:
    """The process that the server has started with this word in its command."""
    children = psutil.Process(server.process.pid).children()
    return next(child for child in children if word in " ".join(child.cmdline()))


def kill(server: LocalServer) -> None:
    """Kills a server, and returns when its guard has ended: that one sees to what was left, and gives up by itself."""
    guard = part(server, "processes.py")
    assert server.end(signal.SIGKILL) == -signal.SIGKILL
    with contextlib.suppress(psutil.NoSuchProcess):
        while guard.status() != psutil.STATUS_ZOMBIE:
            time.sleep(0.05)


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
    kill(server)
    assert not chromiums(server.data_dir)

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
        kill(server)
        assert not chromiums(server.data_dir)
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
    driver, guard = part(server, "run-driver"), part(server, "processes.py")
    # Nobody is left who would close the pipe of Chromium, or end it.
    driver.suspend()
    guard.kill()
    server.end(signal.SIGKILL)
    assert chromiums(server.data_dir)
    again = running(tmp_path)
    assert not chromiums(again.data_dir)
    assert not driver.is_running() or driver.status() == psutil.STATUS_ZOMBIE  # which nobody may have waited for
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


def test_a_database_of_the_first_version_is_upgraded_with_all_that_is_in_it(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    with sqlite3.connect(tmp_path / "data" / "local.sqlite3") as database:
        database.executescript(FIRST_VERSION)
    database.close()
    server = running(tmp_path)
    try:
        task = server.task("00000000-0000-4000-8000-000000000002")
        assert (task["status"], task["output"], task["metadata"]) == ("finished", "heading: Old", {"key": "one"})
        assert task["session"]["status"] == "stopped"
        assert server.http.get("/tasks").json()["totalItems"] == 1
        assert server.run("no step")["status"] == "finished"
    finally:
        assert server.end() == 0
