"""A wrong base URL is one sentence that names the right one."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from browser_use_client import AuthenticationError, BrowserUseClient, InvalidRequestError, UnexpectedResponseError
from browser_use_client.base_url import CLOUD_URL, base_url_of
from browser_use_client.settings import Settings
from tests.client.conftest import Client
from tests.fake_api import FakeApi


@pytest.mark.parametrize(
    ("url", "right"),
    [
        ("https://api.browser-use.com", CLOUD_URL),
        ("https://api.browser-use.com/", CLOUD_URL),
        ("https://api.browser-use.com/api", CLOUD_URL),
        ("https://api.browser-use.com/api/v1", CLOUD_URL),
        ("https://api.browser-use.com/api/v3/", CLOUD_URL),
        ("https://api.browser-use.com/api/v4/runs", "https://api.browser-use.com/api/v4"),
        ("https://api.browser-use.com/api/v2/tasks", CLOUD_URL),
        ("https://api.browser-use.com/api/v2?key=geheim", CLOUD_URL),
        ("https://api.browser-use.com/api/v2#top", CLOUD_URL),
        ("https://name:geheim@api.browser-use.com/api/v2", CLOUD_URL),
        ("api.browser-use.com/api/v2", CLOUD_URL),
        ("api.browser-use.com", CLOUD_URL),
        ("https://cloud.browser-use.com", CLOUD_URL),
        ("https://cloud.browser-use.com/dashboard?tab=geheim", CLOUD_URL),
        ("cloud.browser-use.com/settings?tab=api-keys", CLOUD_URL),
        ("https://docs.browser-use.com/api-reference", CLOUD_URL),
        ("ftp://api.browser-use.com/api/v2", CLOUD_URL),
        ("https:///api/v2", CLOUD_URL),
        ("https://api.browser-use.com/api/ v2", CLOUD_URL),
        ("https://api.browser-use.com/api/v2\n/x", CLOUD_URL),
        ("", CLOUD_URL),
        ("   ", CLOUD_URL),
        ("https://[::1/api/v2", CLOUD_URL),
        ("https://shop.test:port/api/v2", CLOUD_URL),
        ("https://shop..test/api/v2", CLOUD_URL),
        ("127.0.0.1:8790", "http://127.0.0.1:8790/api/v2"),
        ("localhost:8790/api/v2", "http://localhost:8790/api/v2"),
        ("http://[::1]:8790/api/v5", "http://[::1]:8790/api/v2"),
        ("https://gate.test/browser-use/v3", "https://gate.test/browser-use/v2"),
    ],
)
def test_a_wrong_base_url_is_refused_in_one_sentence_that_names_the_right_one(url: str, right: str) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        BrowserUseClient("bu_key", url)

    message = str(caught.value)
    assert message.endswith((f"use {right}.", f"it looks like {right}."))
    assert message.count(". ") == 0
    assert "geheim" not in message
    assert base_url_of(right) == right


@pytest.mark.parametrize(
    "url",
    [
        CLOUD_URL,
        f" {CLOUD_URL}/ ",
        f"{CLOUD_URL}///",
        "HTTPS://api.browser-use.com/api/v2",
        "http://127.0.0.1:8790/api/v2",
        "http://[::1]:8790/api/v2",
        "https://gate.test/browser-use",
        "https://gate.test/v2",
        "https://bücher.test/api/v2",
    ],
)
def test_a_right_one_is_taken_without_the_slash_at_its_end(url: str) -> None:
    with BrowserUseClient("bu_key", url) as client:
        assert client.base_url.lower() == url.strip().rstrip("/").lower()


@given(st.text() | st.text(st.sampled_from(":/@?#[]%. \nv2")) | st.integers() | st.binary())
def test_whatever_is_given_as_a_base_url_is_taken_or_refused(url: object) -> None:
    for given_url in (url, f"http://{url!s}"):
        with suppress(InvalidRequestError):
            base_url_of(given_url)


def test_an_empty_variable_of_the_environment_counts_as_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BROWSER_USE_BASE_URL", "")
    with BrowserUseClient("bu_key") as client:
        assert client.base_url == CLOUD_URL


def test_an_empty_key_is_not_taken_for_the_one_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BROWSER_USE_API_KEY", "bu_of_somebody_else")
    with pytest.raises(AuthenticationError, match="The API key is empty"):
        BrowserUseClient("")


def test_a_server_that_leads_elsewhere_says_where(client: Client, fake: FakeApi) -> None:
    fake.fault("GET", status=307, location="https://elsewhere.test/api/v2/users/me?token=geheim")

    with pytest.raises(
        UnexpectedResponseError, match=r"It leads to https://elsewhere\.test/api/v2/users/me\."
    ) as caught:
        client.get_account()

    assert "geheim" not in str(caught.value)


@pytest.mark.parametrize("contract", ["v2-nested", "v2-flat"])  # of v4 the base URL says it
def test_another_server_s_web_page_is_not_taken_for_the_older_contract(fake: FakeApi) -> None:
    fake.fault("GET", status=404, garbage="<html><title>Not here</title></html>", times=None)

    with (
        BrowserUseClient(fake.api_key, fake.base_url.replace("127.0.0.1", "localhost")) as client,
        pytest.raises(UnexpectedResponseError, match="404: the page 'Not here'"),
    ):
        client.create_task("x")

    assert fake.requests("POST") == []


@pytest.mark.parametrize(
    ("options", "base_url", "speaks"),
    [
        ({}, CLOUD_URL, "auto"),
        ({"api_version": "v2-flat"}, CLOUD_URL, "v2-flat"),
        ({"api_version": "v4"}, "https://api.browser-use.com/api/v4", "v4"),
        ({"base_url": "https://api.eu.browser-use.com/api/v4/"}, "https://api.eu.browser-use.com/api/v4", "v4"),
        ({"base_url": "https://gate.test/agents", "api_version": "v4"}, "https://gate.test/agents", "v4"),
    ],
)
def test_the_contract_and_the_base_url_pick_each_other(options: dict[str, Any], base_url: str, speaks: str) -> None:
    settings = Settings("bu_key", **{"base_url": None, "api_version": "auto", "timeout": 30} | options)

    assert (settings.base_url, settings.api_version) == (base_url, speaks)


def test_the_environment_names_the_contract_where_nobody_else_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BROWSER_USE_API_VERSION", "v4")

    with BrowserUseClient("bu_key") as client:
        assert client.base_url == "https://api.browser-use.com/api/v4"
    with BrowserUseClient("bu_key", api_version="v2-flat") as client:
        assert client.base_url == CLOUD_URL


@pytest.mark.parametrize(
    ("base_url", "api_version", "right"),
    [
        ("http://127.0.0.1:8790/api/v2", "v4", "http://127.0.0.1:8790/api/v4"),
        ("https://api.browser-use.com/api/v4", "v2-nested", CLOUD_URL),
        ("https://api.browser-use.com/api/v3", "v4", "https://api.browser-use.com/api/v4"),
        ("https://api.browser-use.com", "v4", "https://api.browser-use.com/api/v4"),
    ],
)
def test_a_base_url_of_another_contract_is_refused_with_both_named(base_url: str, api_version: Any, right: str) -> None:
    with pytest.raises(InvalidRequestError, match=rf"{base_url}'.*: use {right}\.$") as caught:
        BrowserUseClient("bu_key", base_url, api_version=api_version)

    assert api_version in str(caught.value) or right.endswith(api_version)
