"""Why a remote task was stopped, as its metric says it."""

from __future__ import annotations

import pytest

from airflow_browser_use.metrics import reason_of


@pytest.mark.parametrize(
    ("state", "reason"),
    [
        (None, "cleared"),
        ("restarting", "cleared"),
        ("up_for_retry", "cleared"),
        ("failed", "marked"),
        ("success", "marked"),
        ("skipped", "timeout"),  # the run's
        ("running", "shut_down"),
    ],
)
def test_the_state_of_a_task_instance_says_why_its_remote_task_is_stopped(state: str | None, reason: str) -> None:
    assert reason_of(state) == reason
