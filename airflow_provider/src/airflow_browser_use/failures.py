"""What an error of the remote task means for the Airflow task: whether a retry can help, and how the try ends."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import AirflowFailException, AirflowTaskTimeout

import browser_use_client
from airflow_browser_use.cleanup import Ending, Outcome, outcome_of
from browser_use_client import (
    BrowserUseError,
    CutShortError,
    OutputSchemaError,
    SessionBusyError,
    TaskError,
    TaskFailedError,
    TaskStoppedError,
    TaskTimeoutError,
)

if TYPE_CHECKING:
    from browser_use_client import Task


class AgentReportsFailureError(TaskFailedError):
    """The agent did its work and says that it did not succeed: what it was asked for was not possible."""


class WorkerShutDownError(BrowserUseError):
    """The worker received SIGTERM. The message says what became of the remote task."""

    retryable = True


class NoLongerRunsError(TaskError):
    """After an error that left the remote task running it was stopped, or was found to have ended."""


class FileStorageError(BrowserUseError):
    """Object storage failed; no task was created."""

    retryable = True


class ResultNotKeptError(TaskError):
    """The remote task has done its work, but its result could not be stored.

    A retry reattaches to the finished task and tries only that again.
    """

    retryable = True


def checked(task: Task, *, fail_on_unsuccessful: bool) -> Task:
    """The task, if it did its work.

    Raises:
        AgentReportsFailureError: Its agent says that it did not succeed.
        TaskFailedError: It failed.
        TaskStoppedError: Somebody stopped it.
    """
    try:
        return task.raise_for_status(fail_on_unsuccessful=fail_on_unsuccessful)
    except TaskFailedError as error:
        if task.status == "finished":
            raise AgentReportsFailureError(str(error), task_id=task.id, session_id=task.session_id) from None
        raise


def can_be_helped(error: BrowserUseError) -> bool:
    """Whether another try of the Airflow task can end better.

    More than the client's `retryable`, which is about the same call again: a new run of the agent may not fail, be
    late or get its output wrong.
    """
    if isinstance(error, AgentReportsFailureError):
        return False
    another_run = (TaskFailedError, TaskTimeoutError, OutputSchemaError)
    return error.retryable or isinstance(error, another_run)


def has_ended(error: BrowserUseError) -> bool:
    """Whether the remote task is certain to run no more."""
    if isinstance(error, CutShortError):
        return error.stopped
    return isinstance(error, (TaskFailedError, TaskStoppedError, OutputSchemaError, ResultNotKeptError))


def ending_of(error: BaseException, *, tries_left: bool, runs: bool, stop_on_timeout: bool) -> Ending:
    """How a try ends that ends in an error.

    Args:
        error: The error.
        tries_left: Airflow would retry the task.
        runs: There is a remote task that may run.
        stop_on_timeout: Whether the user wants it stopped when it is late.
    """
    if isinstance(error, AirflowTaskTimeout):
        outcome = Outcome.TRIED_AGAIN if tries_left else Outcome.FAILED
        return Ending(outcome, runs, stop_wanted=stop_on_timeout)
    if not isinstance(error, BrowserUseError):
        final = not tries_left or isinstance(error, (AirflowFailException, KeyboardInterrupt))
        return Ending(Outcome.FAILED if final else Outcome.TRIED_AGAIN, runs, reattached=not final)
    retried = tries_left and can_be_helped(error)
    runs = runs and not has_ended(error)
    return Ending(
        outcome=Outcome.TRIED_AGAIN if retried else Outcome.FAILED,
        task_runs=runs,
        stop_wanted=stop_on_timeout or not isinstance(error, TaskTimeoutError),
        reattached=retried and (runs or isinstance(error, ResultNotKeptError)),
        session_in_use=isinstance(error, SessionBusyError),
    )


def ending_of_interrupted(state: str | None, *, tries_left: bool, runs: bool, stop_on_kill: bool) -> Ending:
    """How a try ends after its worker received SIGTERM.

    A task instance that Airflow still has as running was neither marked nor cleared: its worker is shut down, and a
    retry, if there is one, reattaches to the remote task.

    Args:
        state: What Airflow has for the task instance; None for one that was cleared.
        tries_left: Airflow would retry the task.
        runs: There is a remote task that may run.
        stop_on_kill: Whether the user wants it stopped then.
    """
    outcome = outcome_of(state)
    shut_down = outcome is Outcome.GOES_ON
    return Ending(
        outcome=Outcome.FAILED if shut_down else outcome,
        task_runs=runs,
        stop_wanted=stop_on_kill,
        reattached=shut_down and tries_left,
    )


def to_event(error: BrowserUseError) -> dict[str, Any]:
    """An error as plain JSON, for a trigger's event."""
    event = {"kind": type(error).__name__, "message": str(error), "session_id": error.session_id}
    return {**event, "stopped": error.stopped} if isinstance(error, CutShortError) else event


def from_event(event: dict[str, Any], task_id: str) -> BrowserUseError:
    """The error of a trigger's event.

    Raises:
        ValueError: The event names no error of the client.
    """
    kind = getattr(browser_use_client, str(event.get("kind")), None)
    if not (isinstance(kind, type) and issubclass(kind, BrowserUseError)):
        raise ValueError(  # noqa: TRY004 - what is wrong is a value
            f"A trigger's event names {event.get('kind')!r}, which is not an error of Browser Use."
        )
    more = {"stopped": bool(event["stopped"])} if issubclass(kind, CutShortError) else {}
    return kind(str(event.get("message")), task_id=task_id, session_id=event.get("session_id"), **more)
