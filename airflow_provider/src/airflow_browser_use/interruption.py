"""Signals on a worker: SIGTERM is noted, and acted on where Airflow can be asked why; a time-out strikes at once."""

from __future__ import annotations

import signal
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from airflow.providers.common.compat.sdk import AirflowTaskTimeout

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import timedelta
    from typing import NoReturn

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


@contextmanager
def striking_time_out(execution_timeout: timedelta | None) -> Iterator[None]:
    """Let `execution_timeout` raise without a line in the log, for as long as a remote task may be waited for.

    Airflow writes one first (3.3.2). If it strikes while a line is being written, which on a busy machine takes time,
    it waits for the lock that it has interrupted: for ever, and the remote task goes on and costs.
    """
    airflows = signal.getsignal(signal.SIGALRM)
    if execution_timeout is None or not callable(airflows) or threading.current_thread() is not threading.main_thread():
        yield
        return

    def strike(*_: object) -> NoReturn:
        raise AirflowTaskTimeout(f"The task took longer than its `execution_timeout` of {execution_timeout}.")

    signal.signal(signal.SIGALRM, strike)
    try:
        yield
    finally:
        signal.signal(signal.SIGALRM, airflows)
