"""How fast one client asks: a server counts the requests of all that it does."""

from __future__ import annotations

from threading import Lock

from browser_use_client.effects import Clock


class Pace:
    """Lets a client send a second's requests at once, and after that as many a second.

    So any five seconds see at most six times that number, however the requests come: `v4` counts in windows of five
    seconds. No request waits longer than those before it make it: a task that asks for one thing after another is not
    held up.

    Args:
        per_second: How many; None for any number.
        clock: The time now. Where it was set back, what was sent before counts no more.
    """

    def __init__(self, per_second: int | None, clock: Clock) -> None:
        self._seconds_each = 0.0 if per_second is None else 1.0 / per_second
        self._clock = clock
        self._lock = Lock()
        self._seen = float("-inf")
        self._paid_until = float("-inf")

    def pause(self) -> float:
        """Takes the next turn, and says how many seconds to wait for it."""
        with self._lock:
            now = self._clock()
            if now < self._seen:
                self._paid_until = now
            self._seen = now
            self._paid_until = max(self._paid_until, now) + self._seconds_each
            return max(self._paid_until - now - 1.0, 0.0)
