"""How fast one client asks: a server counts the requests of all that it does."""

from __future__ import annotations

from collections import deque
from threading import Lock

from browser_use_client.effects import Clock


class Pace:
    """Keeps the requests of a client apart, so that no second sees more of them than its contract allows.

    Args:
        per_second: How many; None for any number.
        clock: The time now. Where it was set back, what it showed before counts no more.
    """

    def __init__(self, per_second: int | None, clock: Clock) -> None:
        self._clock = clock
        self._seen = float("-inf")
        self._lock = Lock()
        self._turns: deque[float] | None = None if per_second is None else deque(maxlen=per_second)

    def pause(self) -> float:
        """Takes the next turn, and says how many seconds to wait for it."""
        if self._turns is None:
            return 0.0
        with self._lock:
            now = self._clock()
            if now < self._seen:
                self._turns.clear()
            self._seen = now
            turn = max(now, self._turns[0] + 1.0) if len(self._turns) == self._turns.maxlen else now
            self._turns.append(turn)
        return turn - now
