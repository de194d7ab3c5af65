"""Ends what would never end, without a look at the clock: the time that counts is the one of this process alone."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator


@contextlib.contextmanager
def at_most(cpu_seconds: float) -> Iterator[None]:
    """Fails what needs more, however busy the machine is."""

    def bark(*_: object) -> None:
        raise AssertionError(f"it had not ended after {cpu_seconds} seconds of work")

    before = signal.signal(signal.SIGVTALRM, bark)
    signal.setitimer(signal.ITIMER_VIRTUAL, cpu_seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)
