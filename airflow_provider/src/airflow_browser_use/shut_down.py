"""How a try ends after its worker received SIGTERM: Airflow is asked why, and its answer decides what is cleaned up."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, NoReturn

from airflow_browser_use import cleaning, failures, metrics
from airflow_browser_use.cleanup import Outcome, outcome_of
from airflow_browser_use.interruption import WorkerInterruptedError

if TYPE_CHECKING:
    from airflow_browser_use.remote import RemoteTask

LATEST_END_SECONDS = 60.0
"""How long after a clear Airflow can take to end the worker: until the next heartbeat."""

STOP_GRACE_SECONDS = 2.0
"""How long one request may take while the worker is being ended: 5 s after SIGTERM, it is killed."""


def wait_to_be_told(remote: RemoteTask) -> None:
    """After a clear whose other tasks were quicker to stop the remote task than Airflow is to end this worker.

    A worker that is ended is followed by the next try at once; one that fails by itself, after the retry delay.
    """
    if outcome_of(remote.state()) is Outcome.TRIED_AGAIN:
        with suppress(WorkerInterruptedError):
            remote.interruption.sleep(LATEST_END_SECONDS)


def end(remote: RemoteTask, error: BaseException) -> NoReturn:
    """Find out why the worker received SIGTERM, and clean up for that.

    Raises:
        WorkerShutDownError: Says what became of the remote task. Airflow retries, unless it had decided otherwise.
    """
    state = remote.state()
    ending = failures.ending_of_interrupted(
        state, tries_left=remote.has_tries_left, runs=remote.may_run, stop_on_kill=remote.options.stop_on_kill
    )
    cleanup = remote.policy.cleanup_after(remote.ti, ending)
    became = ""
    if remote.has_ended:
        became = "had ended"
    elif remote.may_run:
        goes_on, left = "goes on, and the retry reattaches to it", "is left running (`stop_on_kill`)"
        became = goes_on if ending.reattached else left
    with remote.new_client(timeout=STOP_GRACE_SECONDS) as client:
        if cleanup.stop_task:
            stopped = cleaning.stop_task(client, remote.known, remote.log, stop_session=cleanup.close_session)
            became = "was stopped" if stopped else "may still run and cost"
            if stopped:
                metrics.count_stop(remote.ti, stopped, metrics.reason_of(state))
        elif cleanup.close_session and remote.session_id:
            remote.close_session(client)
    raise failures.WorkerShutDownError(
        f"The worker received SIGTERM; its task instance is {state or 'cleared'}."
        f" {f'Remote task {remote.task_id} {became}' if became else 'No remote task is known to run'}.",
        task_id=remote.task_id,
        session_id=remote.session_id,
    ) from error
