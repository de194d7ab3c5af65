"""Waiting for what others bring about."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def until(
    what: str | Callable[[], str],
    look: Callable[[], T | None],
    within: float = 60.0,
    *,
    every: float = 0.1,
    check: Callable[[], object] = lambda: None,
) -> T:
    """Waits until a look finds something.

    Args:
        what: What is awaited; or what says so when it did not happen.
        look: Returns it once it is there, before that None or False.
        within: Seconds after which it is too late.
        every: Seconds between two looks: each takes its share of the processors from what is awaited.
        check: Is called before each look, and raises what makes waiting vain.

    Raises:
        TimeoutError: It is too late.
    """
    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        check()
        if found := look():
            return found
        time.sleep(every)
    raise TimeoutError(f"{what if isinstance(what, str) else what()}: not within {within:.0f} s")
