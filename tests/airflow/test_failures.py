from __future__ import annotations

import pytest

from airflow_browser_use import failures
from airflow_browser_use.messages import what_next
from browser_use_client import (
    AuthenticationError,
    BrowserUseError,
    CreationUnknownError,
    InsufficientCreditsError,
    NetworkError,
    NotFoundError,
    OutputSchemaError,
    RateLimitedError,
    RejectedRequestError,
    ServerError,
    SessionBusyError,
    SessionStoppedError,
    Task,
    TaskFailedError,
    TaskStoppedError,
    TaskTimeoutError,
    TaskUnreachableError,
)


def task(status: str, **more: object) -> Task:
    return Task(id="t", session_id="s", status=status, **more)


@pytest.mark.parametrize(
    "kind",
    [
        AuthenticationError,
        InsufficientCreditsError,
        NotFoundError,
        RejectedRequestError,
        SessionStoppedError,
        TaskStoppedError,
    ],
)
def test_what_stays_wrong_is_not_retried(kind: type[BrowserUseError]) -> None:
    assert not failures.can_be_helped(kind("..."))


@pytest.mark.parametrize(
    "kind",
    [
        CreationUnknownError,
        NetworkError,
        OutputSchemaError,
        RateLimitedError,
        ServerError,
        SessionBusyError,
        TaskFailedError,
        TaskTimeoutError,
        TaskUnreachableError,
    ],
)
def test_what_may_pass_is_left_to_retries(kind: type[BrowserUseError]) -> None:
    assert failures.can_be_helped(kind("..."))


def test_an_agent_that_reports_no_success_fails_unless_told_not_to() -> None:
    reported = task("finished", is_success=False)
    assert failures.checked(reported, fail_on_unsuccessful=False) is reported
    with pytest.raises(failures.AgentReportsFailureError) as error:
        failures.checked(reported, fail_on_unsuccessful=True)
    assert not failures.can_be_helped(error.value)


def test_a_task_that_failed_or_was_stopped_never_counts_as_success() -> None:
    with pytest.raises(TaskFailedError) as error:
        failures.checked(task("failed"), fail_on_unsuccessful=False)
    assert failures.can_be_helped(error.value)
    with pytest.raises(TaskStoppedError):
        failures.checked(task("stopped"), fail_on_unsuccessful=False)


def test_a_late_task_has_ended_only_if_it_was_stopped() -> None:
    assert failures.has_ended(TaskTimeoutError("late", stopped=True))
    assert not failures.has_ended(TaskTimeoutError("late", stopped=False))
    assert not failures.has_ended(TaskUnreachableError("?"))


@pytest.mark.parametrize(
    "error",
    [TaskTimeoutError("late", stopped=True, task_id="t", session_id="s"), TaskUnreachableError("?", task_id="t")],
)
def test_an_error_crosses_from_the_triggerer_to_the_worker_as_json(error: BrowserUseError) -> None:
    back = failures.from_event(failures.to_event(error), "t")
    assert type(back) is type(error)
    assert str(back) == str(error)
    assert (back.task_id, back.session_id) == (error.task_id, error.session_id)
    assert failures.has_ended(back) == failures.has_ended(error)


def test_of_a_result_that_was_not_kept_a_retry_makes_no_new_task_but_a_clear_does() -> None:
    error = failures.ResultNotKeptError("...", task_id="t")
    assert failures.can_be_helped(error)
    assert failures.has_ended(error)
    assert "reattaches to the finished task" in what_next(error, retries=True)
    assert "`BrowserUseTaskSensor` can read this one" in what_next(error, retries=False)


@pytest.mark.parametrize("kind", [None, "SystemExit", "Task", "BrowserUseClient", "os"])
def test_an_event_that_names_no_error_of_browser_use_is_refused(kind: object) -> None:
    with pytest.raises(ValueError, match="not an error of Browser Use"):
        failures.from_event({"kind": kind, "message": "..."}, "t")
