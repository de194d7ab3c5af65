"""Browser profiles by name, in every contract."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import get_args

import pytest
from airflow.providers.common.compat.sdk import DAG

from airflow_browser_use.operators import BrowserUseTaskOperator
from browser_use_client import BrowserProfile, BrowserUseClient
from tests.fake_api import FakeApi
from tests.fake_api.world import Contract

from .stand_in import context_of, execute


@pytest.fixture(params=get_args(Contract))
def api(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeApi]:
    """A server which the connection `browser_use_default` of this process leads to."""
    with FakeApi(request.param, real_time=True) as fake:
        extra = {"api_version": fake.contract}
        connection = {"conn_type": "browser_use", "host": fake.base_url, "password": fake.api_key, "extra": extra}
        monkeypatch.setenv("AIRFLOW_CONN_BROWSER_USE_DEFAULT", json.dumps(connection))
        fake.script(seconds=0.0)
        yield fake


def test_tasks_that_name_one_profile_run_in_it_and_it_is_made_once(api: FakeApi) -> None:
    for name in ("monday", "tuesday"):
        with DAG("shop"):
            task = BrowserUseTaskOperator(
                task_id=name, task=f"Read the orders of {name}", browser_settings={"profile": "{{ params.profile }}"}
            )
        context = {**context_of(task), "params": {"profile": "shop"}}
        task.render_template_fields(context)
        execute(task, context)

    with BrowserUseClient(api_key=api.api_key, base_url=api.base_url, api_version=api.contract) as client:
        [profile] = client.list_profiles(BrowserProfile)
    assert profile.name == "shop"
    assert [str(profile.id) in json.dumps(task["body"]) for task in api.tasks()] == [True, True]
