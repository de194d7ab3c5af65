"""Why a client waits, in the log."""

from __future__ import annotations

import logging

from browser_use_client.effects import Clock, Effect, Sleep

log = logging.getLogger("browser_use_client")

LOG_SECONDS = 60.0
"""From one line about a wait to the next."""


class WaitLog:
    """Says in the log why a client waits for a server that is full or does not answer: at once, then a line a minute.

    One for all flows of a client, of which many may wait.

    Args:
        clock: The time now.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._next = float("-inf")

    def note(self, effect: Effect) -> None:
        """Notes what a flow asks for next."""
        if isinstance(effect, Sleep) and effect.because and (now := self._clock()) >= self._next:
            self._next = now + LOG_SECONDS
            log.info("Waiting to try again. %s", effect.because)
