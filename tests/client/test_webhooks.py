from __future__ import annotations

import hashlib
import hmac
import json
from datetime import datetime, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from browser_use_client import WebhookError, WebhookEvent, verify_webhook

SECRET = "whsec"
NOW = 1_772_366_400.0
EVENT: dict[str, Any] = {
    "type": "agent.task.status_update",
    "timestamp": "2026-03-01T12:00:00Z",
    "payload": {
        "task_id": "t",
        "session_id": "s",
        "status": "finished",
        "metadata": {"idempotency_key": "orders", "team": "ä"},
    },
}


def sign(part: Any, timestamp: str = str(int(NOW)), secret: str = SECRET) -> str:
    text = f"{timestamp}.{json.dumps(part, sort_keys=True, separators=(',', ':'))}"
    return hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()


def verify(body: Any, signature: str, **options: Any) -> WebhookEvent:
    defaults: dict[str, Any] = {"timestamp": str(int(NOW)), "secret": SECRET, "clock": lambda: NOW}
    return verify_webhook(
        body if isinstance(body, (str, bytes)) else json.dumps(body), signature=signature, **defaults | options
    )


@pytest.mark.parametrize("signed", [EVENT, EVENT["payload"]], ids=["later revision", "older revision"])
def test_a_call_that_is_signed_as_either_revision_does_is_read(signed: Any) -> None:
    event = verify(EVENT, sign(signed))

    assert (event.type, event.task_id, event.session_id) == ("agent.task.status_update", "t", "s")
    assert event.status == "finished"
    assert event.metadata == {"idempotency_key": "orders", "team": "ä"}
    assert event.timestamp == datetime(2026, 3, 1, 12, 0, tzinfo=timezone.utc)


def test_the_layout_of_the_body_does_not_matter_only_what_it_says() -> None:
    body = json.dumps(EVENT, indent=2).encode()

    assert verify(body, sign(EVENT)).task_id == "t"


@given(st.recursive(st.none() | st.integers() | st.text(), lambda inner: st.dictionaries(st.text(), inner)))
def test_another_body_another_secret_or_another_time_is_refused(other: Any) -> None:
    for signature in (
        sign({"other": other}),
        sign(EVENT, secret="another"),
        sign(EVENT, timestamp=str(int(NOW) - 1)),
        "",
        "ä",
    ):
        with pytest.raises(WebhookError, match="signature"):
            verify(EVENT, signature)


@pytest.mark.parametrize("age", [301, -301, 1e9])
def test_a_call_that_was_signed_long_ago_or_in_the_future_is_refused(age: float) -> None:
    with pytest.raises(WebhookError, match="signed"):
        verify(EVENT, sign(EVENT), clock=lambda: NOW + age)


@pytest.mark.parametrize("age", [299, -299])
def test_minutes_are_forgiven(age: float) -> None:
    assert verify(EVENT, sign(EVENT), clock=lambda: NOW + age).task_id == "t"


@pytest.mark.parametrize("timestamp", ["", "soon", "nan", "inf", "-inf"])
def test_a_time_that_is_none_is_refused(timestamp: str) -> None:
    with pytest.raises(WebhookError):
        verify(EVENT, sign(EVENT, timestamp=timestamp), timestamp=timestamp)


@pytest.mark.parametrize("body", ["", "{", b"\xff\xfe", "[]", "3", "null", '"text"', '{"payload": 3}', '{"type": 5}'])
def test_a_body_of_any_other_form_is_refused_or_an_event_but_no_crash(body: Any) -> None:
    try:
        signature = sign(json.loads(body))
    except ValueError:
        signature = "x"
    try:
        verify(body, signature)
    except WebhookError:
        return
