from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from airflow_browser_use.hooks import BrowserUseHook
from browser_use_client import AuthenticationError, InvalidRequestError
from demo.ports import free_port

from .fake_browser_use import KEY, FakeBrowserUse


def connect(monkeypatch: pytest.MonkeyPatch, **connection: Any) -> BrowserUseHook:
    monkeypatch.setenv("AIRFLOW_CONN_SOMEWHERE", json.dumps({"conn_type": "browser_use", **connection}))
    return BrowserUseHook("somewhere")


def test_the_default_connection_is_browser_use_default() -> None:
    assert BrowserUseHook().browser_use_conn_id == "browser_use_default"


def test_host_password_and_extra_make_the_client(monkeypatch: pytest.MonkeyPatch) -> None:
    hook = connect(
        monkeypatch, host="http://host.test/api/v2", password=KEY, extra={"api_version": "v2-flat", "timeout": 7}
    )
    assert hook.client.base_url == "http://host.test/api/v2"
    assert hook.settings == {
        "api_key": KEY,
        "base_url": "http://host.test/api/v2",
        "api_version": "v2-flat",
        "timeout": 7.0,
    }


def test_a_connection_with_a_key_alone_leads_to_the_cloud(monkeypatch: pytest.MonkeyPatch) -> None:
    assert connect(monkeypatch, password=KEY).client.base_url.startswith("https://api.browser-use.com/")


def test_a_connection_without_a_key_says_where_it_belongs(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(AuthenticationError, match="connection 'somewhere': put it into the password"):
        connect(monkeypatch, host="http://host.test/api/v2").client  # noqa: B018


def test_a_timeout_that_is_no_number_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InvalidRequestError, match="`timeout` in the extra of connection 'somewhere'"):
        connect(monkeypatch, password=KEY, extra={"timeout": "soon"}).client  # noqa: B018


def test_the_test_button_shows_the_credits(server: FakeBrowserUse) -> None:
    assert BrowserUseHook().test_connection() == (True, f"Connected to {server.url}: 12.50 USD of credits left.")


def test_the_test_button_says_what_is_wrong_and_not_the_key(
    server: FakeBrowserUse, monkeypatch: pytest.MonkeyPatch
) -> None:
    worked, message = connect(monkeypatch, host=server.url, password="bu_wrong").test_connection()
    assert not worked
    assert "401" in message
    assert "bu_wrong" not in message
    port = free_port()
    worked, message = connect(monkeypatch, host=f"http://127.0.0.1:{port}/api/v2", password=KEY).test_connection()
    assert not worked
    assert "No connection to" in message
    assert connect(monkeypatch, host="not a url", password=KEY).test_connection()[0] is False


@pytest.mark.usefixtures("server")
def test_the_async_client_speaks_to_the_same_server() -> None:
    async def credits_left() -> float:
        async with await BrowserUseHook().get_async_client() as client:
            return (await client.get_account()).credits_usd

    assert asyncio.run(credits_left()) == 12.5
