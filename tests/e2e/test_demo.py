"""`make demo`: the main job in a real Airflow and a real Prefect, with a real Chromium."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from browser_use_local.demo_site.orders import PASSWORD

from .commands import Make, run_make

AIRFLOW_TASKS = ("log_in", "read_orders", "report_shipping")
PREFECT_TASKS = ("sign-in", "read-orders", "report-shipping")
UUID = r"[0-9a-f-]{36}"


@pytest.fixture(scope="module")
def kept() -> Iterator[Make]:
    """A demo that has run and is left open."""
    with run_make("demo", "KEEP=1") as make:
        make.wait_for("Ctrl+C")
        yield make


def check(output: str, api: str = "v2") -> None:
    """Each task succeeded in one session, and its result is shown."""
    assert f"The local server ({api})" in output
    for names, state in ((AIRFLOW_TASKS, "success"), (PREFECT_TASKS, "Completed")):
        sessions = [
            found
            for name in names
            for found in re.findall(rf"^  {name}\S* +{state}  session ({UUID})$", output, re.MULTILINE)
        ]
        assert len(sessions) == len(names), output
        assert len(set(sessions)) == 1
    assert re.search(r'"orders": \[\{"number": "A-', output)
    assert output.count('"tracking_number": "1Z999AA10123456799"') == 2


def test_each_task_succeeds_in_one_session_and_its_result_is_shown(kept: Make) -> None:
    check(kept.output)


def test_a_kept_demo_leaves_both_uis_and_the_live_view_open(kept: Make) -> None:
    for name, mark in (("Airflow", "Airflow"), ("Prefect", "Prefect"), ("Live view", "<html")):
        [address] = re.findall(rf"^{name}: +(http://127\.0\.0\.1:\S+)$", kept.output, re.MULTILINE)
        assert mark in httpx.get(address, follow_redirects=True).raise_for_status().text


def test_neither_the_api_key_nor_the_password_is_in_a_file_or_in_the_output(kept: Make) -> None:
    [key] = {
        process.environ()["BROWSER_USE_LOCAL_API_KEY"]
        for process in kept.processes()
        if "BROWSER_USE_LOCAL_API_KEY" in process.environ()
    }
    files = [file for file in kept.temporary.rglob("*") if file.is_file()]
    names = {file.name for file in files}
    assert {"airflow.db", "prefect.db", "local.sqlite3", "browser-use-local.log"} <= names
    for secret in (key, PASSWORD):
        assert [file for file in files if secret.encode() in file.read_bytes()] == []
        assert secret not in kept.output


def test_ctrl_c_ends_a_kept_demo_and_leaves_nothing_behind(kept: Make) -> None:
    assert kept.processes()
    kept.ctrl_c()
    kept.wait()
    assert "Traceback" not in kept.output
    assert kept.left_behind() == []


def test_the_demo_on_v4_does_the_same_ends_by_itself_and_leaves_nothing_behind() -> None:
    with run_make("demo", "API=v4") as make:
        assert make.wait() == 0, make.output
        assert make.left_behind() == []
        check(make.output, "v4")


def test_a_demo_that_is_told_to_end_while_it_starts_leaves_nothing_behind() -> None:
    with run_make("demo") as make:
        make.wait_for("The local server")
        make.terminate()
        assert make.wait() != 0
        assert "Ended by SIGTERM" in make.output
        assert make.left_behind() == []


def test_a_browser_that_is_not_there_ends_the_demo_in_one_sentence() -> None:
    with run_make("demo", BROWSER_USE_LOCAL_CHROMIUM="/nowhere/chromium") as make:
        assert make.wait() != 0
        [sentence, end_of_make] = make.output.splitlines()
        assert make.left_behind() == []
    assert "/nowhere/chromium" in sentence
    assert end_of_make.startswith("make: ***")


def test_a_python_without_ensurepip_ends_in_one_sentence_that_names_the_package(tmp_path: Path) -> None:
    (tmp_path / "ensurepip.py").write_text("raise ModuleNotFoundError('as in Debian without python3-venv')")
    build = tmp_path / "build"
    with run_make("envs", f"BUILD={build}", PYTHONPATH=str(tmp_path)) as make:
        assert make.wait() != 0
        [sentence, end_of_make] = make.output.splitlines()
    assert "apt install python3-venv" in sentence
    assert end_of_make.startswith("make: ***")
    assert not build.exists()
