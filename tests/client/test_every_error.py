"""The promise of the docs: whatever is asked, and whatever is answered, every exception is a `BrowserUseError`."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta, timezone
from math import inf, nan
from pathlib import Path
from typing import Any

import pytest

import browser_use_client
from browser_use_client import (
    BrowserProfile,
    BrowserUseClient,
    BrowserUseError,
    CreateTaskRequest,
    InvalidRequestError,
    TaskLists,
    WebhookError,
    verify_webhook,
)
from tests.client.conftest import Client
from tests.fake_api import FakeApi

AN_ID = "3c90c3cc-0d44-4b50-8888-8dd25736052a"
TEXTS = [None, "", "  ", "\n", "a\0b", "\ud800", "../..", "é" * 300, "x" * 200_000]
NUMBERS = [0, -1, nan, inf, 10**400, True, timedelta.max, timedelta(0)]
MOMENTS = [datetime.min, datetime.max, datetime.max.replace(tzinfo=timezone.utc), datetime(999, 12, 31)]
ODD: dict[str, list[Any]] = {
    **dict.fromkeys(
        ("task", "task_id", "session_id", "profile_id", "request", "key", "keys", "status", "path", "folder"),
        TEXTS,
    ),
    **dict.fromkeys(("timeout", "poll_interval", "wait_when_busy", "deadline", "max_failures"), NUMBERS),
    **dict.fromkeys(("min_credits_usd", "min_free_sessions"), NUMBERS),
    **dict.fromkeys(("after", "before", "key_after"), MOMENTS),
    "files": [None, [None], [""], ["a\0b"], ["\ud800"], ["/"], ["x" * 300 + ".csv"]],
    "profile": [BrowserProfile(name="\0"), BrowserProfile(proxy_country_code="x" * 10_000)],
}


def arguments_of(method: Callable[..., object]) -> dict[str, bool]:
    """The names of all arguments, options among them, and whether each has to be given."""
    arguments: dict[str, bool] = {}
    for name, one in inspect.signature(method).parameters.items():
        if one.kind is one.VAR_KEYWORD:
            kind = getattr(browser_use_client, one.annotation.removeprefix("Unpack[").removesuffix("]"))
            arguments |= dict.fromkeys(kind.__annotations__, False)
        elif name != "self":
            arguments[name] = one.default is one.empty
    return arguments


PUBLIC = [
    (name, arguments_of(method))
    for name, method in inspect.getmembers(BrowserUseClient, inspect.isfunction)
    if not name.startswith("_") and name != "close"
]


def calls(client: Client, tmp_path: Path, odd: dict[str, list[Any]]) -> Iterator[Callable[[], object]]:
    """Every public method, with one odd argument at a time; without odd ones, each once as it should be."""
    good: dict[str, Any] = {"task": AN_ID, "task_id": AN_ID, "session_id": AN_ID, "profile_id": AN_ID, "request": "x"}
    good |= {
        **dict.fromkeys(("key", "keys"), "k"),
        "path": tmp_path / "a.csv",
        "file": "a.csv",
        "capability": "pausing",
        "size": 1,
        "folder": tmp_path,
        "kind": BrowserProfile,
        "profile": BrowserProfile(name="x"),
        "lists": TaskLists(),
    }
    (tmp_path / "a.csv").write_text("1")
    for name, parameters in PUBLIC:
        needed = {name: good[name] for name, is_needed in parameters.items() if is_needed}
        needed |= {"timeout": 60} if "timeout" in parameters else {}
        arguments = [needed | {one: value} for one in parameters for value in odd.get(one, ())] if odd else [needed]
        for kwargs in arguments:
            yield lambda name=name, kwargs=kwargs: taken(getattr(client, name)(**kwargs))


def taken(result: Any) -> Any:
    return list(result) if isinstance(result, Iterable) and not isinstance(result, (str, tuple)) else result


def odd_ends(run: Iterable[Callable[[], object]]) -> list[BaseException]:
    """What is raised that is no `BrowserUseError`."""
    ends: list[BaseException] = []
    for call in run:
        try:
            call()
        except BrowserUseError:
            continue
        except Exception as error:  # noqa: BLE001 - that is what is looked for
            ends.append(error)
    return ends


def test_whatever_is_asked_of_the_client(client: Client, fake: FakeApi, tmp_path: Path) -> None:
    fake.start_tasks(1)
    assert odd_ends(calls(client, tmp_path, ODD)) == []


ANSWERS = [
    "",
    "null",
    "[]",
    "{}",
    "3",
    '"text"',
    "[" * 10_000,
    "\0",
    "\ud800".encode("utf-8", "surrogatepass").decode("latin-1"),
    "<!doctype html><title>\0</title>",
    '{"items": null, "totalItems": 1}',
    '{"items": [null, 3], "totalItems": "many"}',
    '{"id": NaN, "sessionId": Infinity, "status": -Infinity}',
    f'{{"id": "{AN_ID}", "sessionId": "{AN_ID}", "status": "started", "startedAt": "0001-01-01T00:00:00+14:00"}}',
    f'{{"id": "{AN_ID}", "sessionId": "{AN_ID}", "status": "finished", "steps": [{{}}], "outputFiles": 3}}',
    f'{{"id": "{AN_ID}", "sessionId": "{AN_ID}", "status": "x", "cost": 1e999, "metadata": [1]}}',
    '{"url": "http://[", "fields": {}, "fileName": "x", "downloadUrl": "http://a..b/", "shareUrl": null}',
    '{"url": "ftp://x", "fields": {"a": "\\ud800"}, "fileName": "x", "downloadUrl": "\\ud800"}',
]


@pytest.mark.parametrize(
    ("status", "answer"),
    [*((200, answer) for answer in ANSWERS), (307, "[]"), (402, "<!doctype html>"), (404, "\0"), (404, "[" * 10_000)],
)
def test_whatever_the_server_answers(client: Client, fake: FakeApi, tmp_path: Path, status: int, answer: str) -> None:
    fake.fault(status=status, garbage=answer, times=None)

    assert odd_ends(calls(client, tmp_path, {})) == []


@pytest.mark.parametrize(
    "options",
    [
        {"api_key": ""},
        {"api_key": 7},
        {"api_key": "bu\r\nX-Other: 1"},
        {"base_url": 7},
        {"base_url": "http://" + "x" * 70_000 + "/v2"},
        {"api_version": None},
        {"api_version": ["auto"]},
        {"timeout": None},
        {"verify": 7},
        {"proxy": 7},
        {"proxy": "http://\0"},
    ],
)
def test_whatever_a_client_is_made_with(options: dict[str, Any]) -> None:
    made = [lambda: BrowserUseClient(**{"api_key": "bu_key"} | options).close()]
    assert odd_ends(made) == []
    with pytest.raises(BrowserUseError):
        made[0]()


def test_a_client_that_was_closed_says_so(fake: FakeApi) -> None:
    client = BrowserUseClient(fake.api_key, fake.base_url, api_version=fake.contract)
    client.close()

    with pytest.raises(InvalidRequestError, match="closed"):
        client.get_account()


@pytest.mark.parametrize("field", CreateTaskRequest.model_fields)
def test_whatever_a_request_says(client: Client, field: str) -> None:
    values = [*TEXTS, *NUMBERS, [], {}, {"a": "\ud800"}, ["\0"], object(), {"type": "object"}]
    assert (
        odd_ends(
            lambda value=value: client.create_task(CreateTaskRequest(**{"task": "x"} | {field: value}))
            for value in values
        )
        == []
    )


@pytest.mark.parametrize(
    "options",
    [
        {"signature": None},
        {"signature": "\ud800"},
        {"timestamp": None},
        {"timestamp": "nan"},
        {"timestamp": 10**400},
        {"body": b"\xff"},
        {"body": "\ud800"},
        {"body": "[" * 100_000},
        {"body": "NaN"},
        {"secret": "\ud800"},
    ],
)
def test_whatever_calls_a_webhook(options: dict[str, Any]) -> None:
    with pytest.raises(WebhookError):
        verify_webhook(**{"body": "{}", "signature": "x", "timestamp": "1", "secret": "s"} | options)


def test_an_empty_secret_is_no_secret() -> None:
    with pytest.raises(InvalidRequestError, match="secret is empty"):
        verify_webhook("{}", signature="x", timestamp="1", secret="")
