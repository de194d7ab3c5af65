"""The one decision about what is left on the server, as a table."""

from __future__ import annotations

import itertools

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException, AirflowTaskTimeout, TaskInstanceState

from airflow_browser_use.cleanup import Cleanup, Ending, Others, Outcome, cleanup_after, outcome_of
from airflow_browser_use.failures import ResultNotKeptError, ending_of
from airflow_browser_use.session_policy import SessionPolicy
from browser_use_client import (
    NotFoundError,
    SessionBusyError,
    TaskFailedError,
    TaskStoppedError,
    TaskTimeoutError,
    TaskUnreachableError,
)

NOTHING, STOP, CLOSE, BOTH = Cleanup(), Cleanup(stop_task=True), Cleanup(close_session=True), Cleanup(True, True)
SUCCEEDED, FAILED, AGAIN, GOES_ON = Outcome.SUCCEEDED, Outcome.FAILED, Outcome.TRIED_AGAIN, Outcome.GOES_ON
NONE, TO_COME, AT_WORK = Others.NONE, Others.TO_COME, Others.AT_WORK


@pytest.mark.parametrize(
    ("ending", "begun_here", "others", "cleanup"),
    [
        (Ending(SUCCEEDED), True, NONE, CLOSE),
        (Ending(SUCCEEDED), True, TO_COME, NOTHING),
        (Ending(SUCCEEDED), False, AT_WORK, NOTHING),
        (Ending(SUCCEEDED, task_runs=True), True, TO_COME, STOP),  # marked successful: those after it go on
        (Ending(SUCCEEDED, task_runs=True), False, NONE, BOTH),
        (Ending(FAILED), True, NONE, CLOSE),
        (Ending(FAILED, task_runs=True), True, NONE, BOTH),
        (Ending(FAILED, task_runs=True), False, TO_COME, STOP),  # its sibling waits for the session
        (Ending(FAILED, task_runs=True), False, AT_WORK, STOP),
        (Ending(FAILED, task_runs=True, stop_wanted=False), True, NONE, NOTHING),
        (Ending(FAILED, session_in_use=True), False, NONE, NOTHING),
        (Ending(AGAIN, task_runs=True), True, NONE, BOTH),
        (Ending(AGAIN, task_runs=True), True, TO_COME, BOTH),  # they come in the session that the next try begins
        (Ending(AGAIN, task_runs=True), True, AT_WORK, STOP),
        (Ending(AGAIN, task_runs=True), False, NONE, STOP),  # its next try goes on in the same session
        (Ending(AGAIN), False, NONE, NOTHING),
        (Ending(AGAIN, task_runs=True, reattached=True), True, NONE, NOTHING),
        (Ending(AGAIN, reattached=True), True, NONE, NOTHING),
        (Ending(GOES_ON, task_runs=True), True, NONE, NOTHING),
    ],
)
def test_what_is_cleaned_up(ending: Ending, begun_here: bool, others: Others, cleanup: Cleanup) -> None:
    assert cleanup_after(ending, owned=True, begun_here=begun_here, others=others) == cleanup


ALL_ENDINGS = [
    Ending(*each) for each in itertools.product(Outcome, (True, False), (True, False), (True, False), (True, False))
]


@pytest.mark.parametrize("begun_here", [True, False])
@pytest.mark.parametrize("ending", ALL_ENDINGS)
def test_no_ending_closes_a_session_under_a_task_at_work_or_one_that_is_not_its_own(
    ending: Ending, begun_here: bool
) -> None:
    assert not cleanup_after(ending, owned=True, begun_here=begun_here, others=AT_WORK).close_session
    assert not cleanup_after(ending, owned=False, begun_here=begun_here, others=NONE).close_session


@pytest.mark.parametrize("ending", ALL_ENDINGS)
def test_a_session_is_never_closed_under_a_task_that_is_to_be_left_running(ending: Ending) -> None:
    cleanup = cleanup_after(ending, owned=True, begun_here=True, others=NONE)
    assert not (ending.task_runs and cleanup.close_session and not cleanup.stop_task)


@pytest.mark.parametrize(
    ("state", "outcome"),
    [
        (None, AGAIN),
        (TaskInstanceState.SCHEDULED, AGAIN),
        (TaskInstanceState.QUEUED, AGAIN),
        (TaskInstanceState.RESTARTING, AGAIN),
        (TaskInstanceState.RUNNING, GOES_ON),
        (TaskInstanceState.DEFERRED, GOES_ON),
        (TaskInstanceState.UP_FOR_RETRY, GOES_ON),
        (TaskInstanceState.SUCCESS, SUCCEEDED),
        (TaskInstanceState.FAILED, FAILED),
        (TaskInstanceState.SKIPPED, FAILED),
        (TaskInstanceState.UPSTREAM_FAILED, FAILED),
        (TaskInstanceState.REMOVED, FAILED),
    ],
)
def test_what_a_state_means(state: str | None, outcome: Outcome) -> None:
    assert outcome_of(state) is outcome


IDS = {"task_id": "t", "session_id": "s"}


@pytest.mark.parametrize("tries_left", [True, False])
@pytest.mark.parametrize(
    ("error", "retried", "last"),
    [
        (TaskFailedError("", **IDS), Ending(AGAIN), Ending(FAILED)),
        (TaskStoppedError("", **IDS), Ending(FAILED), Ending(FAILED)),
        (TaskUnreachableError("", **IDS), Ending(AGAIN, True, reattached=True), Ending(FAILED, True)),
        (NotFoundError("", **IDS), Ending(FAILED, True), Ending(FAILED, True)),
        (TaskTimeoutError("", stopped=True, **IDS), Ending(AGAIN), Ending(FAILED)),
        (TaskTimeoutError("", **IDS), Ending(AGAIN, True, reattached=True), Ending(FAILED, True)),
        (ResultNotKeptError("", **IDS), Ending(AGAIN, reattached=True), Ending(FAILED)),
        (
            SessionBusyError("", **IDS),
            Ending(AGAIN, True, reattached=True, session_in_use=True),
            Ending(FAILED, True, session_in_use=True),
        ),
        (AirflowTaskTimeout(), Ending(AGAIN, True), Ending(FAILED, True)),
        (AirflowFailException(), Ending(FAILED, True), Ending(FAILED, True)),
        (KeyboardInterrupt(), Ending(FAILED, True), Ending(FAILED, True)),
        (RuntimeError(), Ending(AGAIN, True, reattached=True), Ending(FAILED, True)),
    ],
)
def test_how_a_try_ends_that_ends_in_an_error(
    error: BaseException, retried: Ending, last: Ending, tries_left: bool
) -> None:
    assert ending_of(error, tries_left=tries_left, runs=True, stop_on_timeout=True) == (retried if tries_left else last)


@pytest.mark.parametrize("error", [AirflowTaskTimeout(), TaskTimeoutError("", **IDS)])
def test_a_late_task_is_left_where_the_user_wants_that(error: BaseException) -> None:
    ending = ending_of(error, tries_left=False, runs=True, stop_on_timeout=False)
    assert cleanup_after(ending, owned=True, begun_here=True, others=NONE) == NOTHING


@pytest.mark.parametrize(
    ("states", "outcome", "others"),
    [
        ({}, SUCCEEDED, NONE),
        ({"after": "success", "beside_0": "failed"}, SUCCEEDED, NONE),
        ({"after": None}, SUCCEEDED, TO_COME),
        ({"after": "up_for_retry"}, SUCCEEDED, TO_COME),
        ({"after": None}, FAILED, NONE),  # it becomes upstream_failed
        ({"after": "deferred"}, FAILED, AT_WORK),
        ({"beside_0": None}, FAILED, TO_COME),
        ({"beside_0": "restarting"}, FAILED, TO_COME),
        ({"beside_0": "running"}, FAILED, AT_WORK),
    ],
)
def test_what_the_states_of_others_mean(states: dict[str, str | None], outcome: Outcome, others: Others) -> None:
    policy = SessionPolicy(owned=True, beside=("beside",), downstream=("after",))
    assert policy.weigh(states, outcome) is others


def test_after_a_failure_those_count_too_whose_trigger_rule_lets_them_run() -> None:
    policy = SessionPolicy(owned=True, downstream=("after",), outlives_failure=True)
    assert policy.weigh({"after": None}, FAILED) is TO_COME


def test_a_policy_crosses_to_the_triggerer_as_json() -> None:
    policy = SessionPolicy(owned=True, begun_here=True, beside=("a",), downstream=("b", "c"), per_map_index=True)
    assert SessionPolicy.from_values(policy.to_values()) == policy
    assert SessionPolicy.from_values(None) == SessionPolicy()
