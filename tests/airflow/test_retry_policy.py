from __future__ import annotations

from datetime import timedelta

import pytest

from airflow_browser_use.operators import BrowserUseTaskOperator
from browser_use_client import RateLimitedError, TaskFailedError

pytest.importorskip("airflow.sdk.definitions.retry_policy", reason="retry policies came with Airflow 3.3")

from airflow.sdk.definitions.retry_policy import ExceptionRetryPolicy, RetryAction

from airflow_browser_use.retry_policy import RetryAfterPolicy


def test_a_retry_waits_as_long_as_the_server_asked() -> None:
    decision = RetryAfterPolicy().evaluate(RateLimitedError("full", retry_after=90.0), 1, 2)
    assert decision.action is RetryAction.RETRY
    assert decision.retry_delay == timedelta(seconds=90)


@pytest.mark.parametrize("error", [RateLimitedError("full"), TaskFailedError("..."), OSError("...")])
def test_else_the_task_decides(error: Exception) -> None:
    assert RetryAfterPolicy().evaluate(error, 1, 2).action is RetryAction.DEFAULT


def test_it_is_the_default_of_the_operator_and_the_users_goes_before_it() -> None:
    assert isinstance(BrowserUseTaskOperator(task_id="t", task="...").retry_policy, RetryAfterPolicy)
    mine = ExceptionRetryPolicy(rules=[])
    assert BrowserUseTaskOperator(task_id="t", task="...", retry_policy=mine).retry_policy is mine
    assert BrowserUseTaskOperator(task_id="t", task="...", default_args={"retry_policy": mine}).retry_policy is mine
