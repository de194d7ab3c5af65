"""Numbers that a caller gives, checked before anything is sent or created."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from math import isfinite
from numbers import Real
from typing import Any, overload

from browser_use_client.errors import InvalidRequestError

Seconds = float | timedelta
"""How long: a number of seconds, or a `timedelta`."""

MAX_SECONDS = 1e9
"""31 years: sockets, calendars and event loops fail with more."""

EARLIEST, LATEST = datetime(1970, 1, 1, tzinfo=timezone.utc), datetime(9000, 1, 1, tzinfo=timezone.utc)
"""Bounds of moments: a time zone or the skew of a clock still moves them without an overflow."""

MAX_METADATA = 10
"""Pairs of metadata that a task of `v2-flat` can carry, its idempotency key among them."""


@overload
def seconds_of(name: str, value: Seconds, *, may_be_zero: bool = False) -> float: ...
@overload
def seconds_of(name: str, value: Seconds | None, *, may_be_zero: bool = False) -> float | None: ...
def seconds_of(name: str, value: Seconds | None, *, may_be_zero: bool = False) -> float | None:
    """A duration in seconds.

    Args:
        name: What the caller calls it; the error says so.
        value: The duration; None stays None.
        may_be_zero: Whether no time at all makes sense.

    Raises:
        InvalidRequestError: It is not a duration, not finite, negative, or more than `MAX_SECONDS`.
    """
    if value is None:
        return None
    seconds = value.total_seconds() if isinstance(value, timedelta) else _finite(value)
    if seconds is None or not (0 < seconds <= MAX_SECONDS or (may_be_zero and seconds == 0)):
        least = "0 or more" if may_be_zero else "more than 0"
        raise InvalidRequestError(
            f"`{name}` must be a number of seconds, or a timedelta: {least}, and at most {MAX_SECONDS:,.0f} s;"
            f" not {_shown(value)}."
        )
    return seconds


def moment_of(name: str, value: float | None) -> float | None:
    """A moment in seconds since the epoch; None stays None.

    Raises:
        InvalidRequestError: It is not a finite number.
    """
    moment = _finite(value)
    if value is not None and moment is None:
        raise InvalidRequestError(f"`{name}` must be a moment in seconds since the epoch, not {_shown(value)}.")
    return moment


@overload
def time_of(name: str, value: datetime) -> datetime: ...
@overload
def time_of(name: str, value: datetime | None) -> datetime | None: ...
def time_of(name: str, value: datetime | None) -> datetime | None:
    """A moment in UTC; one without a time zone is of ours, and None stays None.

    Raises:
        InvalidRequestError: It is not a datetime, or UTC cannot say it, as with `datetime.min`.
    """
    if value is None:
        return None
    try:
        return value.astimezone(timezone.utc)
    except (AttributeError, ValueError, OverflowError):
        raise InvalidRequestError(f"`{name}` must be a datetime that UTC can say, not {_shown(value)}.") from None


def count_of(name: str, value: Any) -> int:
    """How many, 1 at least.

    Raises:
        InvalidRequestError: It is not a whole number, or less than 1.
    """
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise InvalidRequestError(f"`{name}` must be a whole number, 1 or more, not {_shown(value)}.")
    return value


def dollars_of(name: str, value: Any, *, may_be_zero: bool = False) -> float:
    """An amount of US dollars.

    Raises:
        InvalidRequestError: It is not a finite number, or negative.
    """
    amount = _finite(value)
    if amount is None or amount < 0 or (amount == 0 and not may_be_zero):
        least = "0 or more" if may_be_zero else "more than 0"
        raise InvalidRequestError(f"`{name}` must be a number of US dollars, {least}, not {_shown(value)}.")
    return amount


def _finite(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, Real):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if isfinite(number) else None


def _shown(value: Any) -> str:
    shown = repr(value)
    return shown if len(shown) <= 40 else f"{shown[:40]}..."
