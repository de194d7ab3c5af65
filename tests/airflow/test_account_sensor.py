from __future__ import annotations

import json
import logging
from collections.abc import Iterator

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException, AirflowSensorTimeout

from airflow_browser_use.sensors import BrowserUseAccountSensor
from tests.fake_api import FakeApi

from .stand_in import execute


@pytest.fixture(params=["v2-flat", "v4"])
def api(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Iterator[FakeApi]:
    """An account, which the connection `browser_use_default` of this process leads to."""
    with FakeApi(request.param, real_time=True) as fake:
        connect(monkeypatch, fake, fake.api_key)
        yield fake


def connect(monkeypatch: pytest.MonkeyPatch, api: FakeApi, key: str) -> None:
    connection = {
        "conn_type": "browser_use",
        "host": api.base_url,
        "password": key,
        "extra": {"api_version": api.contract},
    }
    monkeypatch.setenv("AIRFLOW_CONN_BROWSER_USE_DEFAULT", json.dumps(connection))


def test_an_account_that_has_enough_goes_on_and_says_what_it_has(api: FakeApi) -> None:
    api.limit(max_sessions=3, credits_usd=12.5)

    value = execute(BrowserUseAccountSensor(task_id="enough", min_credits_usd=5, min_free_sessions=3))

    assert value == {"credits_usd": 12.5, "free_sessions": 3}


def test_it_pokes_until_there_is_enough(api: FakeApi) -> None:
    api.limit(max_sessions=0)
    sensor = BrowserUseAccountSensor(task_id="enough")

    assert not sensor.poke({}).is_done
    api.limit(max_sessions=1)
    assert sensor.poke({}).is_done


def test_without_enough_it_fails_before_anything_is_paid_for_and_says_what_is_missing(
    api: FakeApi, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    api.limit(credits_usd=1.5)

    with caplog.at_level(logging.INFO), pytest.raises(AirflowSensorTimeout):
        execute(BrowserUseAccountSensor(task_id="enough", min_credits_usd=5, timeout=0, poke_interval=0.1))

    said = caplog.text + capsys.readouterr().out  # Airflow 3 has structlog
    assert "1.50 US dollars of credits left, and 5.00 are asked for" in said
    assert api.requests("POST") == []


def test_a_wrong_key_is_no_reason_to_wait(api: FakeApi, monkeypatch: pytest.MonkeyPatch) -> None:
    connect(monkeypatch, api, "bu_another")

    with pytest.raises(AirflowFailException, match="401"):
        execute(BrowserUseAccountSensor(task_id="enough"))
