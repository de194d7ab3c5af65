"""Browser profiles by name, in every contract."""

from __future__ import annotations

import json

from browser_use_client import BrowserProfile, BrowserUseClient
from prefect_browser_use import browser_session
from tests.fake_api import FakeApi

from .conftest import Run, credentials_for


def test_tasks_and_sessions_that_name_one_profile_run_in_it_and_it_is_made_once(api: FakeApi, run: Run) -> None:
    credentials = credentials_for(api)
    run("Read the orders", credentials=credentials, browser_settings={"profile": "shop"})
    with browser_session(credentials=credentials, browser_settings={"profile": "shop"}) as session:
        session.run("Read the orders again")

    with BrowserUseClient(api_key=api.api_key, base_url=api.base_url, api_version=api.contract) as client:
        [profile] = client.list_profiles(BrowserProfile)
    assert profile.name == "shop"
    assert sum(f'"profileId": "{profile.id}"' in json.dumps(request["body"]) for request in api.requests("POST")) == 2
