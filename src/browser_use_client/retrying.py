"""When the same call is made again, and how long to wait before it.

Only what can be repeated without harm goes through here: reads, and stops. Creating a task is not: see
`flows.create`.
"""

from __future__ import annotations

from typing import Any, TypeVar, overload

from tenacity import RetryCallState, Retrying
from tenacity.wait import wait_exponential, wait_random

from browser_use_client.effects import Call, Download, Flow, Sleep, Upload
from browser_use_client.errors import ApiError, BrowserUseError, NetworkError, RateLimitedError, ServerError

T = TypeVar("T")

MAX_ATTEMPTS = 5
LONGEST_RETRY_AFTER = 120.0
"""Seconds. A server that asks for more is not waited for here: the error carries its `retry_after`."""

_backoff = wait_exponential(multiplier=0.5, max=20.0) + wait_random(0.0, 0.5)


def can_try_again(error: BaseException | None) -> bool:
    """Whether the very same call may get another answer soon: 429, 5xx, and no answer at all."""
    if not isinstance(error, (NetworkError, RateLimitedError, ServerError)):
        return False
    return retry_after(error) <= LONGEST_RETRY_AFTER


def retry_after(error: BaseException | None) -> float:
    """Seconds that the server asked to wait; 0 if it did not ask."""
    return (error.retry_after or 0.0) if isinstance(error, ApiError) else 0.0


def pause_before(attempt: int, error: BaseException | None) -> float:
    """Seconds to wait before a further attempt: exponential with jitter, and never less than `Retry-After`.

    Args:
        attempt: How many attempts failed so far, from 1.
        error: What the last one ended in.
    """
    state = RetryCallState(retry_object=Retrying(), fn=None, args=(), kwargs={})
    state.attempt_number = attempt
    return max(_backoff(state), retry_after(error))


@overload
def retried(request: Call[T]) -> Flow[T]: ...
@overload
def retried(request: Upload | Download) -> Flow[None]: ...
def retried(request: Call[Any] | Upload | Download) -> Flow[Any]:
    """Makes a repeatable request until it is answered, at most `MAX_ATTEMPTS` times.

    Raises:
        BrowserUseError: What the last attempt ended in.
    """
    for attempt in range(1, MAX_ATTEMPTS):
        try:
            return (yield request)
        except BrowserUseError as error:
            if not can_try_again(error):
                raise
            pause = pause_before(attempt, error)
        yield Sleep(pause)
    return (yield request)
