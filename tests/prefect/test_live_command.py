"""`prefect-browser-use live`: opens the live view of a session for who has the key."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from prefect.settings import PREFECT_API_URL

from browser_use_client import BrowserUseClient
from tests.fake_api import FakeApi

from .conftest import credentials_for

LIVE = "https://live.example/?wss=a-credential"


@pytest.fixture
def web_browser(tmp_path: Path) -> Path:
    """A program that writes down what it was told to open."""
    path = tmp_path / "web-browser"
    path.write_text(f'#!/bin/sh\nprintf %s "$1" > {tmp_path}/opened\n')
    path.chmod(0o700)
    return path


def live(api: FakeApi, *arguments: str, browser: Path | str) -> subprocess.CompletedProcess[str]:
    environment = {
        "PATH": "",
        "BROWSER": f"{browser} %s",
        "BROWSER_USE_API_KEY": api.api_key,
        "BROWSER_USE_BASE_URL": api.base_url,
        "PREFECT_API_URL": PREFECT_API_URL.value() or "",
    }
    command = [Path(sys.executable).with_name("prefect-browser-use"), "live", *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)


def open_session(api: FakeApi) -> str:
    api.show_live_at(LIVE)
    with BrowserUseClient(api.api_key, api.base_url, api_version=api.contract) as client:
        return client.run_task("Sign in", keep_session=True).session_id


def test_the_live_view_is_opened_with_the_key_of_the_environment(api: FakeApi, web_browser: Path) -> None:
    done = live(api, open_session(api), browser=web_browser)
    assert (done.returncode, done.stdout) == (0, "")
    assert web_browser.with_name("opened").read_text() == LIVE


def test_the_live_view_is_opened_with_the_key_of_a_block(flat_api: FakeApi, web_browser: Path) -> None:
    credentials_for(flat_api).save("for-live", overwrite=True)
    session_id = open_session(flat_api)
    flat_api.api_key = "bu_wrong"
    done = live(flat_api, session_id, "--block", "for-live", browser=web_browser)
    assert (done.returncode, done.stdout) == (0, "")
    assert web_browser.with_name("opened").read_text() == LIVE


def test_where_there_is_no_web_browser_the_url_is_printed(flat_api: FakeApi) -> None:
    assert live(flat_api, open_session(flat_api), browser="/nowhere/web-browser").stdout == f"{LIVE}\n"


def test_a_session_that_is_closed_is_said_so_in_one_line(flat_api: FakeApi, web_browser: Path) -> None:
    session_id = open_session(flat_api)
    flat_api.stop_session(session_id)
    done = live(flat_api, session_id, browser=web_browser)
    assert done.returncode == 1
    assert done.stderr == f"Error: Session {session_id} is stopped: there is no browser to watch.\n"


def test_a_block_that_is_not_there_is_said_so_in_one_line(flat_api: FakeApi, web_browser: Path) -> None:
    done = live(flat_api, open_session(flat_api), "--block", "never-saved", browser=web_browser)
    assert done.returncode == 1
    (said,) = [line for line in done.stderr.splitlines() if line.startswith("Error: ")]
    assert said.startswith("Error: BrowserUseCredentials block 'never-saved' not found")
    assert "Traceback" not in done.stderr
