"""What is left on the server after a try: one decision, which every way out of a try goes through. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, IntEnum

from airflow.providers.common.compat.sdk import TaskInstanceState


class Outcome(Enum):
    """What becomes of a task instance whose try ends."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"  # for good; skipped and removed ones too
    TRIED_AGAIN = "tried again"  # by a retry, or since it was cleared
    GOES_ON = "goes on"  # somebody else looks after it: another process, or the next try, which reattaches


class Others(IntEnum):
    """What the tasks do that may use the same session."""

    NONE = 0
    TO_COME = 1
    AT_WORK = 2


@dataclass(frozen=True)
class Ending:
    """How a try ends.

    Attributes:
        outcome: What becomes of the task instance.
        task_runs: The remote task may still run.
        stop_wanted: False if the user wants it left (`stop_on_timeout=False`, `stop_on_kill=False`).
        reattached: The next try goes on with the remote task, or with its result.
        session_in_use: A task that is not this one's runs in the session.
    """

    outcome: Outcome
    task_runs: bool = False
    stop_wanted: bool = True
    reattached: bool = False
    session_in_use: bool = False


@dataclass(frozen=True)
class Cleanup:
    """What to do on the server."""

    stop_task: bool = False
    close_session: bool = False


def cleanup_after(ending: Ending, *, owned: bool, begun_here: bool, others: Others) -> Cleanup:
    """Decide what to clean up. Where that cannot be told, a session stays open until the end of the run (`settlement`).

    Args:
        ending: How the try ends.
        owned: Closing the session is the business of this task.
        begun_here: The task began the session, so its next try has one of its own.
        others: What the other tasks do that may go on in the session.
    """
    if ending.outcome is Outcome.GOES_ON or ending.reattached:
        return Cleanup()
    stop_task = ending.task_runs and ending.stop_wanted
    needed = ending.session_in_use or (ending.task_runs and not stop_task)
    if ending.outcome is Outcome.TRIED_AGAIN:
        # Those to come after the task that began the session wait for the one that its next try begins.
        needed |= others is Others.AT_WORK if begun_here else True
    else:
        needed |= others is not Others.NONE
    return Cleanup(stop_task=stop_task, close_session=owned and not needed)


ENDED = {
    TaskInstanceState.SUCCESS,
    TaskInstanceState.FAILED,
    TaskInstanceState.SKIPPED,
    TaskInstanceState.UPSTREAM_FAILED,
    TaskInstanceState.REMOVED,
}

AT_WORK = {TaskInstanceState.RUNNING, TaskInstanceState.DEFERRED}


def outcome_of(state: str | None) -> Outcome:
    """What a state of a task instance, as the database has it, means for its remote task.

    Args:
        state: The state; None for one that was cleared.
    """
    if state == TaskInstanceState.SUCCESS:
        return Outcome.SUCCEEDED
    if state in ENDED:
        return Outcome.FAILED
    if state in AT_WORK or state == TaskInstanceState.UP_FOR_RETRY:
        return Outcome.GOES_ON
    return Outcome.TRIED_AGAIN
