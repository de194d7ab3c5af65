"""A line that says what is awaited and for how long."""

from __future__ import annotations

import sys
import time

SAY_SECONDS = 15.0
"""Between two lines where a line cannot be written over, as in a log."""


class Progress:
    """The progress of one wait, which begins now."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._start = time.monotonic()
        self._say_at = SAY_SECONDS
        self._overwrites = sys.stdout.isatty()

    @property
    def seconds(self) -> float:
        """How long it has taken so far."""
        return time.monotonic() - self._start

    def show(self) -> None:
        """Says that it is not there yet."""
        if self._overwrites:
            print(f"\r\033[KWaiting for {self._what}: {self.seconds:.0f} s", end="", flush=True)
        elif self.seconds >= self._say_at:
            self._say_at += SAY_SECONDS
            print(f"Waiting for {self._what}: {self.seconds:.0f} s", flush=True)

    def done(self) -> None:
        """Says that it is there."""
        start = "\r\033[K" if self._overwrites else ""
        print(f"{start}{self._what[:1].upper()}{self._what[1:]}: ready after {self.seconds:.0f} s", flush=True)
