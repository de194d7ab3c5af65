from __future__ import annotations

import logging
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from airflow_browser_use.results import MAX_LOG_CHARACTERS, log_end, shortened
from browser_use_client import Step, Task

BEGAN = datetime(2026, 11, 23, tzinfo=timezone.utc)
STEPS = (
    Step(number=1, url="http://shop.test/", screenshot_url="http://pictures.test/1"),
    Step(number=2, url="http://shop.test/orders", screenshot_url="http://pictures.test/2"),
    Step(number=3),
)


def line_about(caplog: pytest.LogCaptureFixture, **fields: Any) -> str:
    caplog.set_level(logging.INFO)
    log_end(logging.getLogger("of the task"), Task(**{"id": "t", "session_id": "s", "steps": STEPS, **fields}))
    [line] = caplog.messages
    return line


def test_the_closing_line_says_status_duration_steps_and_cost(caplog: pytest.LogCaptureFixture) -> None:
    ended = {"status": "finished", "is_success": True, "cost": "0.05"}
    line = line_about(caplog, **ended, started_at=BEGAN, finished_at=BEGAN + timedelta(seconds=73.4))
    assert line == "Remote task t ended as `finished`: after 0:01:13, 3 steps, 0.05 USD."


@pytest.mark.parametrize(
    "ended", [{"status": "failed"}, {"status": "stopped"}, {"status": "finished", "is_success": False}]
)
def test_of_a_task_that_did_not_do_its_work_it_says_the_last_page_with_its_picture(
    caplog: pytest.LogCaptureFixture, ended: dict[str, Any]
) -> None:
    assert line_about(caplog, **ended).endswith(
        "3 steps. Last page: http://shop.test/orders. Its picture: http://pictures.test/2"
    )


def test_what_the_server_does_not_say_is_left_out(caplog: pytest.LogCaptureFixture) -> None:
    assert line_about(caplog, status="failed", steps=()) == "Remote task t ended as `failed`: 0 steps."


def test_a_long_output_is_shortened() -> None:
    assert shortened("short") == "short"
    assert shortened("x" * (MAX_LOG_CHARACTERS + 1234)) == "x" * MAX_LOG_CHARACTERS + "... (1,234 more characters)"
