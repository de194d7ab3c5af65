"""What the server refuses, and what cannot be asked: both clients, over real sockets."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from email.utils import formatdate
from typing import Any

import pytest

from browser_use_client import (
    AuthenticationError,
    BadRequestError,
    BrowserUseClient,
    ConnectError,
    CreateTaskRequest,
    InsufficientCreditsError,
    InvalidRequestError,
    NotFoundError,
    RateLimitedError,
    RejectedRequestError,
    ServerError,
    UnexpectedResponseError,
)
from tests.client.conftest import Client
from tests.fake_api import FakeApi


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, BadRequestError),
        (401, AuthenticationError),
        (402, InsufficientCreditsError),
        (403, AuthenticationError),
        (404, NotFoundError),
        (422, RejectedRequestError),
    ],
)
def test_a_refusal_is_not_sent_again_and_creates_nothing(
    client: Client, fake: FakeApi, status: int, kind: type[Exception]
) -> None:
    fake.fault(at="create", status=status, detail="Not like this")

    with pytest.raises(kind, match="Not like this"):
        client.create_task("x")

    assert [request["status"] for request in fake.requests(at="create")] == [status]
    assert len(fake.requests()) == 1
    assert fake.tasks() == []


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_a_read_is_repeated_as_long_as_the_server_has_trouble_but_not_for_ever(
    client: Client, fake: FakeApi, status: int
) -> None:
    fake.fault("GET", status=status, times=4)
    assert client.get_account().credits_usd == 100

    fake.fault("GET", status=status, times=None)
    with pytest.raises((ServerError, RateLimitedError)):
        client.get_account()
    assert len(fake.requests("GET")) == 10


@pytest.mark.parametrize("form", ["seconds", "date"])
def test_a_read_waits_as_long_as_the_server_asks(client: Client, fake: FakeApi, form: str) -> None:
    hint = "60" if form == "seconds" else formatdate(time.time() + 60, usegmt=True)
    fake.fault("GET", status=429, retry_after=hint)
    started = fake.time()

    client.get_account()

    assert fake.time() - started > 30


def test_a_server_that_asks_for_more_patience_than_a_call_has_is_not_waited_for(client: Client, fake: FakeApi) -> None:
    fake.fault("GET", status=429, retry_after="3600")

    with pytest.raises(RateLimitedError) as caught:
        client.get_account()

    assert caught.value.retry_after == 3600
    assert len(fake.requests()) == 1


def test_what_is_no_answer_of_this_api_names_the_server(client: Client, fake: FakeApi) -> None:
    fake.fault("GET", garbage="<html>Sign in to the hotel's Wi-Fi</html>", times=None)

    with pytest.raises(UnexpectedResponseError, match=r"127\.0\.0\.1") as caught:
        client.get_account()

    assert "hotel" not in str(caught.value)


def test_no_server_at_the_address_is_one_clear_sentence(client: Client, fake: FakeApi) -> None:
    fake.refuse()

    with pytest.raises(ConnectError, match=r"No connection to http://127\.0\.0\.1:\d+/api/v[24] .* Check that it runs"):
        client.create_task("x")


def test_a_wrong_key_names_the_remedy_but_not_the_key(fake: FakeApi, connect: Callable[..., Client]) -> None:
    stranger = connect(fake, api_key="bu_wrong_4711", api_version=fake.contract)

    with pytest.raises(AuthenticationError, match="Check the API key") as caught:
        stranger.create_task("x")

    assert "4711" not in str(caught.value)


@pytest.mark.parametrize("key", ["", "bu_with\nbreak", "bu_schlüssel", "bu two"])
def test_a_key_that_can_be_none_is_refused_before_anything_is_sent(
    fake: FakeApi, connect: Callable[..., Client], key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("BROWSER_USE_API_KEY", raising=False)

    with pytest.raises(AuthenticationError) as caught:
        connect(fake, api_key=key)

    assert not key or key not in str(caught.value)


def test_key_and_address_come_from_the_environment(fake: FakeApi, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BROWSER_USE_API_KEY", fake.api_key)
    monkeypatch.setenv("BROWSER_USE_BASE_URL", fake.base_url + "/")

    with BrowserUseClient(api_version=fake.contract) as client:
        assert client.base_url == fake.base_url
        assert client.get_account().name == "Ada"


@pytest.mark.parametrize(
    "options",
    [
        {"base_url": "shop.test/api/v2"},
        {"base_url": "https://shop.test/api/v3"},
        {"api_version": "v3"},
        {"timeout": 0},
    ],
)
def test_arguments_that_cannot_be_right_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(InvalidRequestError):
        BrowserUseClient("bu_key", **options)


def test_no_secret_is_told_even_if_the_server_echoes_it(client: Client) -> None:
    too_long = "geheim" * 20_000
    request = CreateTaskRequest.model_construct(
        **dict(CreateTaskRequest(task="x", secrets={"password": "geheim"})) | {"task": too_long}
    )

    with pytest.raises((RejectedRequestError, InvalidRequestError)) as caught:
        client.create_task(request)

    assert "geheim" not in str(caught.value)


def test_nothing_of_an_orchestrator_nor_of_the_server_is_imported() -> None:
    code = (
        "import sys, browser_use_client;"
        "print(*{name.partition('.')[0] for name in sys.modules}"
        " & {'airflow', 'prefect', 'airflow_browser_use', 'prefect_browser_use', 'browser_use_local', 'playwright'})"
    )
    result = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)

    assert result.stdout.strip() == ""
