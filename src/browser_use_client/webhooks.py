"""Webhooks: whether a call really comes from Browser Use, and what it says."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from browser_use_client.effects import Clock
from browser_use_client.errors import BrowserUseError, InvalidRequestError
from browser_use_client.json_text import read_answer
from browser_use_client.models._base import UtcDatetime, View

MAX_AGE_SECONDS = 300.0
"""Seconds: what was sent longer ago is refused, since it may have been recorded and sent again."""


class WebhookError(BrowserUseError):
    """A call to a webhook that must not be acted on: wrong signature, too old, or not readable."""


class WebhookEvent(View):
    """What a webhook is told.

    Attributes:
        type: `agent.task.status_update` or `test`; others are kept as they come.
        timestamp: When it happened.
        task_id: The task, if it is about one.
        session_id: The task's session.
        status: The task's status.
        metadata: As sent with the task's request, its key included.
        payload: All that was sent.
    """

    type: str
    timestamp: UtcDatetime | None = None
    task_id: str | None = None
    session_id: str | None = None
    status: str | None = None
    metadata: Mapping[str, Any] = {}
    payload: Mapping[str, Any] = {}


def verify_webhook(
    body: bytes | str,
    *,
    signature: str,
    timestamp: str,
    secret: str,
    max_age: float = MAX_AGE_SECONDS,
    clock: Clock = time.time,
) -> WebhookEvent:
    """Check the call of a webhook, and read it.

    Args:
        body: The request's body as it came.
        signature: The header `X-Browser-Use-Signature`.
        timestamp: The header `X-Browser-Use-Timestamp`, in seconds since the epoch.
        secret: The webhook's secret.
        max_age: Seconds; what is older, or further in the future, is refused.
        clock: The time now.

    Returns:
        The event.

    Raises:
        InvalidRequestError: The secret is empty.
        WebhookError: It is not from Browser Use, too old, or cannot be read. Answer 400 and do nothing.
    """
    if not secret:
        raise InvalidRequestError("The webhook's secret is empty: anybody could sign with that.")
    content = body.encode(errors="surrogatepass") if isinstance(body, str) else body
    try:
        sent = json.loads(content)
        age = abs(clock() - float(timestamp))
    except (ValueError, TypeError, OverflowError, RecursionError):
        raise WebhookError("The body of the webhook is not valid JSON, or its timestamp not a number.") from None
    payload = sent.get("payload") if isinstance(sent, dict) else None
    # The older revision signs the inner payload, the later one the whole body; both are compared, always.
    signatures = [_signature(part, timestamp, secret) for part in (payload, sent)]
    matches = [hmac.compare_digest(str(signature).encode(errors="replace"), known.encode()) for known in signatures]
    if not any(matches):
        raise WebhookError(
            "The signature of the webhook does not match: it is not from Browser Use, or for another secret."
        )
    if not age <= max_age:
        raise WebhookError(f"The webhook was signed {age:.0f} s ago; more than {max_age:.0f} s is too old.")
    try:
        return _event(read_answer(content))
    except ValidationError:
        raise WebhookError("The webhook is signed, but says nothing that can be read.") from None


def _signature(part: Any, timestamp: str, secret: str) -> str:
    message = f"{timestamp}.{json.dumps(part, separators=(',', ':'), sort_keys=True)}"
    return hmac.new(secret.encode(errors="surrogatepass"), message.encode(), hashlib.sha256).hexdigest()


def _event(sent: Any) -> WebhookEvent:
    sent = sent if isinstance(sent, dict) else {}
    payload = sent.get("payload")
    payload = payload if isinstance(payload, dict) else {}
    return WebhookEvent(
        type=sent.get("type") or "",
        timestamp=sent.get("timestamp"),
        task_id=payload.get("task_id"),
        session_id=payload.get("session_id"),
        status=payload.get("status"),
        metadata=payload.get("metadata") or {},
        payload=payload,
    )
