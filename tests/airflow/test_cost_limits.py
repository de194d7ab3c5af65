"""`max_cost_usd` on the worker and in the triggerer, where the server reports what a task costs."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import DAG, AirflowFailException, TaskDeferred
from airflow.providers.common.compat.version_compat import AIRFLOW_V_3_0_PLUS

from airflow_browser_use.operators import BrowserUseTaskOperator
from browser_use_client import InvalidRequestError
from tests.fake_api import FakeApi

from .stand_in import context_of, execute, resume


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeApi]:
    """A server where tasks spend a dollar a second, which the connection `browser_use_default` leads to."""
    with FakeApi("v2-flat", real_time=True) as fake:
        connection = {"conn_type": "browser_use", "host": fake.base_url, "password": fake.api_key}
        monkeypatch.setenv("AIRFLOW_CONN_BROWSER_USE_DEFAULT", json.dumps(connection))
        fake.script(status=None, spending=1.0)
        yield fake


def operator(**options: Any) -> BrowserUseTaskOperator:
    with DAG("shop"):
        return BrowserUseTaskOperator(
            task_id="browse", task="Read all orders", max_cost_usd=0.2, poll_interval=0.1, retries=2, **options
        )


async def fire(deferred: TaskDeferred) -> dict[str, Any]:
    async for event in deferred.trigger.run():
        payload: dict[str, Any] = event.payload
        return payload
    raise AssertionError("It never fired.")


def test_on_the_worker_a_task_that_is_too_dear_is_stopped_and_not_tried_again(api: FakeApi) -> None:
    with pytest.raises(AirflowFailException, match=r"has cost .* and 0\.2 is its limit .* It was stopped\."):
        execute(operator())

    assert [task["status"] for task in api.tasks()] == ["stopped"]
    assert [session["status"] for session in api.sessions()] == ["stopped"]


@pytest.mark.skipif(not AIRFLOW_V_3_0_PLUS, reason="resumes as Airflow 3 does")
def test_in_the_triggerer_it_is_the_same(api: FakeApi) -> None:
    browse = operator(deferrable=True)
    context = context_of(browse)
    with pytest.raises(TaskDeferred) as deferred:
        execute(browse, context)

    event = asyncio.run(fire(deferred.value))
    with pytest.raises(AirflowFailException, match=r"0\.2 is its limit"):
        resume(browse, context, deferred.value, event)

    assert [task["status"] for task in api.tasks()] == ["stopped"]


@pytest.mark.parametrize("amount", [0, -1, "a dollar"])
def test_an_amount_that_is_none_is_an_import_error(amount: Any) -> None:
    with pytest.raises(InvalidRequestError, match="max_cost_usd"):
        BrowserUseTaskOperator(task_id="browse", task="x", max_cost_usd=amount)
