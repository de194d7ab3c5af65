from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from airflow.providers.common.compat.version_compat import AIRFLOW_V_3_0_PLUS, AIRFLOW_V_3_2_PLUS

from airflow_browser_use.hooks import BrowserUseHook
from browser_use_client import AuthenticationError, InvalidRequestError
from demo.ports import free_port
from tests.fake_api import API_KEY
from tests.proxies import ForwardProxy

from .fake_server import FakeServer

REACHES_THE_HOOK = pytest.mark.skipif(
    AIRFLOW_V_3_0_PLUS and not AIRFLOW_V_3_2_PLUS, reason="3.0 and 3.1 say that such a connection is not defined"
)


def connect(monkeypatch: pytest.MonkeyPatch, **connection: Any) -> BrowserUseHook:
    monkeypatch.setenv("AIRFLOW_CONN_SOMEWHERE", json.dumps({"conn_type": "browser_use", **connection}))
    return BrowserUseHook("somewhere")


def test_the_default_connection_is_browser_use_default() -> None:
    assert BrowserUseHook().browser_use_conn_id == "browser_use_default"


def test_host_password_and_extra_make_the_client(monkeypatch: pytest.MonkeyPatch) -> None:
    hook = connect(
        monkeypatch, host="http://host.test/api/v2", password=API_KEY, extra={"api_version": "v2-flat", "timeout": 7}
    )
    assert hook.client.base_url == "http://host.test/api/v2"
    assert hook.settings == {
        "api_key": API_KEY,
        "base_url": "http://host.test/api/v2",
        "api_version": "v2-flat",
        "timeout": 7.0,
        "verify": True,
        "proxy": None,
    }


def test_a_connection_with_a_key_alone_leads_to_the_cloud(monkeypatch: pytest.MonkeyPatch) -> None:
    assert connect(monkeypatch, password=API_KEY).client.base_url.startswith("https://api.browser-use.com/")


def test_a_connection_without_a_key_says_where_it_belongs(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(AuthenticationError, match="connection 'somewhere': put it into the password"):
        connect(monkeypatch, host="http://host.test/api/v2").client  # noqa: B018


@pytest.mark.parametrize("timeout", ["soon", 0, "0", -1, True, [30], {"seconds": 30}, "nan", "inf", 1e400])
def test_a_timeout_that_is_no_number_of_seconds_is_named(monkeypatch: pytest.MonkeyPatch, timeout: Any) -> None:
    with pytest.raises(InvalidRequestError, match="`timeout` in the extra of connection 'somewhere'"):
        connect(monkeypatch, password=API_KEY, extra={"timeout": timeout}).client  # noqa: B018


@pytest.mark.parametrize(
    ("field", "value"), [("port", 8790), ("schema", "https"), ("login", "me"), ("login", "bu_key_in_the_wrong_place")]
)
def test_a_field_that_has_no_meaning_is_named(monkeypatch: pytest.MonkeyPatch, field: str, value: Any) -> None:
    hook = connect(monkeypatch, host="http://host.test/api/v2", password=API_KEY, **{field: value})
    with pytest.raises(
        InvalidRequestError, match=f"`{field}` of connection 'somewhere' is set, but has no meaning"
    ) as caught:
        hook.client  # noqa: B018
    assert "bu_key" not in str(caught.value)


@pytest.mark.parametrize(
    ("extra", "named"),
    [
        ({"time_out": 30}, "no field 'time_out'; there are api_version, proxy, timeout, verify"),
        ({"base_url": "x", "apiVersion": "auto"}, "no field 'apiVersion', 'base_url'"),
        *(pytest.param(extra, "must be a JSON object", marks=REACHES_THE_HOOK) for extra in ("[1]", '"text"', "7")),
        ({"api_version": "v3"}, "`api_version` in the extra of connection 'somewhere' .* 'v3' is none of auto"),
        ({"verify": "/nowhere/company.pem"}, "/nowhere/company.pem"),
        ({"verify": 7}, "`verify` must be"),
        ({"proxy": "gopher://me:geheim@proxy.test"}, "The proxy, from `proxy`"),
    ],
)
def test_an_extra_that_cannot_be_right_is_named_in_one_sentence(
    monkeypatch: pytest.MonkeyPatch, extra: Any, named: str
) -> None:
    hook = connect(monkeypatch, password=API_KEY, extra=extra)
    with pytest.raises(InvalidRequestError, match=named) as caught:
        hook.client  # noqa: B018
    assert "geheim" not in str(caught.value)
    assert hook.test_connection() == (False, str(caught.value))


@pytest.mark.parametrize("host", ["http://host.test", "http://host.test/api/v1", "https://cloud.browser-use.com"])
def test_a_wrong_host_names_the_right_one(monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    with pytest.raises(InvalidRequestError, match=r"The base URL .*: use http.*/api/v2\."):
        connect(monkeypatch, host=host, password=API_KEY).client  # noqa: B018


@pytest.mark.parametrize(
    ("host", "api_version", "use"),
    [("https://host.test/api/v4", "v2-flat", "/api/v2"), ("https://host.test/api/v2", "v4", "/api/v4")],
)
def test_a_host_of_another_version_than_the_one_that_is_set_is_named(
    monkeypatch: pytest.MonkeyPatch, host: str, api_version: str, use: str
) -> None:
    hook = connect(monkeypatch, host=host, password=API_KEY, extra={"api_version": api_version})
    with pytest.raises(InvalidRequestError, match=f"The host of connection 'somewhere' .* `api_version` .*{use}"):
        hook.client  # noqa: B018


@pytest.mark.parametrize(("api_version", "path"), [("auto", "/api/v2"), ("v2-flat", "/api/v2"), ("v4", "/api/v4")])
def test_the_base_url_follows_from_the_version_where_there_is_none(
    monkeypatch: pytest.MonkeyPatch, api_version: str, path: str
) -> None:
    hook = connect(monkeypatch, password=API_KEY, extra={"api_version": api_version})
    assert hook.client.base_url == f"https://api.browser-use.com{path}"


def test_fields_that_are_left_empty_are_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    empty = {"api_version": "", "timeout": None, "verify": "", "proxy": ""}
    hook = connect(monkeypatch, host="", password=API_KEY, login="", schema="", extra=empty)
    assert hook.settings == connect(monkeypatch, password=API_KEY).settings


@pytest.mark.parametrize("verify", [False, "false", "False"])
def test_certificates_may_go_unchecked(monkeypatch: pytest.MonkeyPatch, verify: Any) -> None:
    assert connect(monkeypatch, password=API_KEY, extra={"verify": verify}).settings["verify"] is False


def test_a_proxy_that_wants_a_password_is_named_without_it(server: FakeServer, monkeypatch: pytest.MonkeyPatch) -> None:
    with ForwardProxy() as proxy:
        through = connect(monkeypatch, host=server.url, password=API_KEY, extra={"proxy": proxy.url})
        assert through.test_connection()[0]
        assert proxy.led_to
        wrong = proxy.url.replace("geheim", "geheimer")
        worked, message = connect(
            monkeypatch, host=server.url, password=API_KEY, extra={"proxy": wrong}
        ).test_connection()
    assert not worked
    assert "407" in message
    assert "geheim" not in message


def test_the_test_button_answers_whatever_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    worked, message = BrowserUseHook("nowhere").test_connection()
    assert not worked
    assert "nowhere" in message
    monkeypatch.setenv("SSL_CERT_FILE", "/nowhere/company.pem")
    assert "SSL_CERT_FILE" in connect(monkeypatch, password=API_KEY).test_connection()[1]


def test_the_test_button_shows_the_credits(server: FakeServer) -> None:
    server.api.limit(credits_usd=12.5)
    assert BrowserUseHook().test_connection() == (True, f"Connected to {server.url}: 12.50 USD of credits left.")


def test_the_test_button_says_what_is_wrong_and_not_the_key(
    server: FakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    worked, message = connect(monkeypatch, host=server.url, password="bu_wrong").test_connection()
    assert not worked
    assert "401" in message
    assert "bu_wrong" not in message
    port = free_port()
    worked, message = connect(monkeypatch, host=f"http://127.0.0.1:{port}/api/v2", password=API_KEY).test_connection()
    assert not worked
    assert "No connection to" in message
    assert connect(monkeypatch, host="not a url", password=API_KEY).test_connection()[0] is False


def test_the_async_client_speaks_to_the_same_server(server: FakeServer) -> None:
    server.api.limit(credits_usd=12.5)

    async def credits_left() -> float:
        async with await BrowserUseHook().get_async_client() as client:
            return (await client.get_account()).credits_usd

    assert asyncio.run(credits_left()) == 12.5
