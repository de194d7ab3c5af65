"""Bounds for work whose amount a request decides: patterns and references of a schema may ask for years of it."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator


class TooMuchWorkError(Exception):
    """The work was given up."""


@contextlib.contextmanager
def bounded(seconds: float) -> Iterator[None]:
    """Gives up what keeps this process at work for longer than so many seconds; a busy machine does not count.

    Also a regular expression at work is interrupted, since Python's looks at signals. Those come to the main thread
    only, which is where the server runs.

    Raises:
        TooMuchWorkError: It took longer.
    """

    def give_up(*_: object) -> None:
        raise TooMuchWorkError

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGVTALRM, give_up)
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)
