"""SIGTERM on a worker: it is noticed here, and acted on where Airflow can be asked for the reason."""

from __future__ import annotations

import time

SLICE_SECONDS = 0.5
"""Seconds after which a wait notices at the latest that the worker received SIGTERM. Airflow kills it after 5 s."""


class WorkerInterruptedError(Exception):
    """The worker received SIGTERM while it waited."""


class Interruption:
    """Whether the worker received SIGTERM.

    A signal handler sets it, since it can do nothing else in safety: what the process was about to send is half sent.
    """

    def __init__(self) -> None:
        self.asked = False

    def ask(self) -> None:
        """Note that the worker received SIGTERM; called by a signal handler."""
        self.asked = True

    def raise_if_asked(self) -> None:
        """End what waits.

        Raises:
            WorkerInterruptedError: The worker received SIGTERM.
        """
        if self.asked:
            raise WorkerInterruptedError

    def sleep(self, seconds: float) -> None:
        """Sleep for the client's waits, until the worker receives SIGTERM."""
        until = time.monotonic() + seconds
        self.raise_if_asked()
        while (left := until - time.monotonic()) > 0:
            time.sleep(min(left, SLICE_SECONDS))
            self.raise_if_asked()
