"""Being told to end: a signal is noticed here, and acted on where Airflow can be asked what it is about."""

from __future__ import annotations

import time

SLICE_SECONDS = 0.5
"""How long a wait sleeps before it looks whether the worker was told to end. After 5 s, Airflow kills it."""


class WorkerInterruptedError(Exception):
    """The worker was told to end (SIGTERM) while it waited."""


class Interruption:
    """Whether the worker was told to end.

    A signal handler sets it, since it can do nothing else in safety: what the process was about to send is half sent.
    """

    def __init__(self) -> None:
        self.asked = False

    def ask(self) -> None:
        """Say that the worker was told to end; from a signal handler."""
        self.asked = True

    def raise_if_asked(self) -> None:
        """End what waits.

        Raises:
            WorkerInterruptedError: The worker was told to end.
        """
        if self.asked:
            raise WorkerInterruptedError

    def sleep(self, seconds: float) -> None:
        """Sleep for the client's waits, until the worker is told to end."""
        until = time.monotonic() + seconds
        self.raise_if_asked()
        while (left := until - time.monotonic()) > 0:
            time.sleep(min(left, SLICE_SECONDS))
            self.raise_if_asked()
