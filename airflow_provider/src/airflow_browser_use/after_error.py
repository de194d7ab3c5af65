"""How a try ends in an error: what it leaves is cleaned up, and a retry is left to Airflow where that can help."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from airflow.providers.common.compat.sdk import AirflowFailException, AirflowTaskTimeout

from airflow_browser_use import cleaning, failures, metrics
from airflow_browser_use.cleanup import Outcome
from airflow_browser_use.creating import is_acceptable
from airflow_browser_use.messages import explain
from browser_use_client import BrowserUseError, CostLimitReachedError, CutShortError, TaskTimeoutError

if TYPE_CHECKING:
    from airflow_browser_use.remote import RemoteTask
    from browser_use_client import Task

STOPPED_FOR = {TaskTimeoutError: "timeout", CostLimitReachedError: "cost_limit"}
"""The `reason` of the metric of stops, where it is the error's own; else it is `error`."""


def end(remote: RemoteTask, error: BaseException) -> bool:
    """Clean up after an error.

    Args:
        remote: The remote task of the try.
        error: The error.

    Returns:
        Whether the error is none any more: the remote task turned out to have finished.

    Raises:
        AirflowFailException: A retry cannot help.
    """
    ending = failures.ending_of(
        error, tries_left=remote.has_tries_left, runs=remote.may_run, stop_on_timeout=remote.options.stop_on_timeout
    )
    ending = replace(ending, stop_wanted=ending.stop_wanted and not remote.is_shared)
    if isinstance(error, BrowserUseError):
        remote.session_id = remote.session_id or error.session_id
    cleanup = remote.policy.cleanup_after(remote.ti, ending)
    became = None
    if cleanup.stop_task:
        became = cleaning.stop_task(remote.client, remote.known, remote.log)
        if became and is_acceptable(became, remote.options):
            return _finish_after_all(remote)
    if cleanup.close_session and remote.session_id:
        remote.close_session(remote.client)
    if became:
        remote.tell_end(became)
        metrics.count_stop(remote.ti, became, "timeout" if isinstance(error, AirflowTaskTimeout) else "error")
    elif isinstance(error, CutShortError) and error.stopped:
        _log_end_of_stopped(remote, STOPPED_FOR.get(type(error), "error"))
    if isinstance(error, BrowserUseError):
        _tell(remote, error, retries=ending.outcome is Outcome.TRIED_AGAIN, became=became)
    elif became:
        remote.log.info("Remote task %s was stopped: %s.", became.id, type(error).__name__)
    return False


def _tell(remote: RemoteTask, error: BrowserUseError, *, retries: bool, became: Task | None) -> None:
    """Say all that is known about an error to whoever reads the log.

    Raises:
        AirflowFailException: A retry cannot help.
        NoLongerRunsError: What the error says of the remote task is no longer so.
    """
    continues = None if remote.policy.begun_here else remote.use
    message = explain(error, retries=retries, became=became, continues=continues, live_view=remote.live_view)
    if not failures.can_be_helped(error):
        raise AirflowFailException(message) from error
    if became:
        raise failures.NoLongerRunsError(message, task_id=remote.task_id, session_id=remote.session_id) from None
    remote.log.error(message)


def _log_end_of_stopped(remote: RemoteTask, why: str) -> None:
    """The closing line of a remote task that the client, or the triggerer, has stopped for being late or dear."""
    try:
        task = remote.read()
        remote.tell_end(task)
        metrics.count_stop(remote.ti, task, why)
    except BrowserUseError as error:
        remote.log.warning("How remote task %s ended could not be read. %s", remote.task_id, error)


def _finish_after_all(remote: RemoteTask) -> bool:
    remote.log.info("Remote task %s has finished after all: its result counts.", remote.task_id)
    try:
        remote.finish(remote.read())
    except BrowserUseError as error:
        if not end(remote, error):
            raise
    return True
