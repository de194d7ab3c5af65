"""When the same call is made again, and how long to wait before it.

Only what can be repeated without harm goes through here: reads, and stops. Creating a task is not: see
`flows.create`.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any, TypeVar, overload

from browser_use_client.effects import Call, Clock, Download, Effect, Flow, Sleep, Upload, each
from browser_use_client.errors import (
    ApiError,
    BadRequestError,
    BrowserUseError,
    ConnectError,
    InsufficientCreditsError,
    NetworkError,
    NotFoundError,
    RateLimitedError,
    RejectedRequestError,
    ServerError,
    SessionBusyError,
    UnexpectedResponseError,
)

T = TypeVar("T")

MAX_ATTEMPTS = 5
LONGEST_RETRY_AFTER_SECONDS = 300.0
"""Seconds, which the cloud's edge asks for. A server that asks for more is not waited for here: the error carries its
`retry_after`."""

NOT_YET_SECONDS = 10.0
"""For so long after it was created a task may be unknown to a replica of the server."""

SHORTEST_BACKOFF_SECONDS = 0.5
LONGEST_BACKOFF_SECONDS = 20.0
BACKOFF_JITTER_SECONDS = 0.5

_REFUSALS = (BadRequestError, InsufficientCreditsError, RejectedRequestError)


def can_try_again(error: BaseException | None, *, known: bool = False) -> bool:
    """Whether the very same call may get another answer soon.

    Args:
        error: What it ended in.
        known: Whether an earlier answer showed that what it is about exists, with this key and at this URL. Then a
            401, 403, 404 or 407 and a proxy's page are trouble that can pass, as 429, 5xx and no answer always are.
    """
    passing = isinstance(error, (NetworkError, RateLimitedError, ServerError)) and error.retryable
    passing |= known and isinstance(error, (ApiError, NetworkError)) and not isinstance(error, _REFUSALS)
    return passing and retry_after(error) <= LONGEST_RETRY_AFTER_SECONDS


def retry_after(error: BaseException | None) -> float:
    """Seconds that the server asked to wait; 0 if it did not ask."""
    return (error.retry_after or 0.0) if isinstance(error, ApiError) else 0.0


def pause_before(attempt: int, error: BaseException | None) -> float:
    """Seconds to wait before a further attempt: exponential with jitter, and never less than `Retry-After`.

    Args:
        attempt: How many attempts failed so far, from 1.
        error: What the last one ended in.
    """
    doublings = min(attempt - 1, 10)  # more would only overflow
    backoff = min(SHORTEST_BACKOFF_SECONDS * 2.0**doublings, LONGEST_BACKOFF_SECONDS)
    jitter = random.uniform(0.0, BACKOFF_JITTER_SECONDS)  # noqa: S311 - no secret
    return max(backoff + jitter, retry_after(error))


def outcome_unknown(error: BrowserUseError) -> bool:
    """Whether the server may have done what it was asked all the same."""
    if isinstance(error, ConnectError):
        return False
    if isinstance(error, UnexpectedResponseError) and error.status_code in range(400, 500):
        return False  # the page of a proxy or a firewall, which let nothing through
    return isinstance(error, (NetworkError, ServerError, UnexpectedResponseError))


def pause_or_raise(
    error: BrowserUseError, attempt: int, *, room_until: float, clock: Clock, known: bool = False
) -> Flow[None]:
    """Waits before another attempt to make something, where one can help; re-raises the error where not.

    Args:
        error: What the last attempt ended in.
        attempt: How many attempts failed so far, from 1.
        room_until: Until when a busy session or a full account is waited for, in seconds since the epoch.
        clock: The time now.
        known: Whether what the request names is known to exist; see `can_try_again`.
    """
    pause = pause_before(attempt, error)
    full = isinstance(error, (SessionBusyError, RateLimitedError))
    within_time = full and clock() + pause <= room_until
    if not within_time and not (can_try_again(error, known=known) and attempt < MAX_ATTEMPTS):
        raise error
    yield Sleep(pause, error)


@dataclass
class Attempts:
    """Calls in a row about one thing, until one is answered: says after each failure whether it was the last.

    Attributes:
        limit: Failures in a row that are too many.
        known: Whether an earlier answer showed that the thing exists; see `can_try_again`.
        age: Says how many seconds ago the thing was created, where that is known: up to `NOT_YET_SECONDS`, a 404 means
            that it is not there yet, and does not count.
        failures: Failures in a row so far.
    """

    limit: int = MAX_ATTEMPTS
    known: bool = False
    age: Callable[[], float] | None = None
    failures: int = 0

    def answered(self) -> None:
        """Notes a good answer."""
        self.known, self.failures = True, 0

    def end_with(self, error: BrowserUseError) -> bool:
        """Notes a failure, and says whether it is final."""
        if isinstance(error, NotFoundError) and self.age and self.age() <= NOT_YET_SECONDS:
            return False
        self.failures += 1
        return self.failures >= self.limit or not can_try_again(error, known=self.known)

    def pause(self, error: BrowserUseError) -> float:
        """Seconds to wait after a failure that is not final."""
        return pause_before(self.failures, error)


@overload
def retried(request: Call[T] | Flow[T], *, known: bool = False) -> Flow[T]: ...
@overload
def retried(request: Upload | Download, *, known: bool = False) -> Flow[None]: ...
def retried(request: Call[Any] | Flow[Any] | Upload | Download, *, known: bool = False) -> Flow[Any]:
    """Makes a repeatable request until it is answered, at most `MAX_ATTEMPTS` times; of a flow, each request.

    Args:
        request: The request, or the flow.
        known: See `can_try_again`.

    Raises:
        BrowserUseError: What the last attempt ended in.
    """
    if isinstance(request, Generator):
        return (yield from each(request, lambda effect: _until_answered(effect, known)))
    return (yield from _until_answered(request, known))


def _until_answered(request: Effect, known: bool) -> Flow[Any]:
    attempts = Attempts(known=known)
    while True:
        try:
            return (yield request)
        except BrowserUseError as error:
            if attempts.end_with(error):
                raise
            because = error
        yield Sleep(attempts.pause(because), because)
