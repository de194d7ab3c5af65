"""The server's clock, as its answers show it: what happened there is told by it, however wrong it or ours may be."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime

from browser_use_client.effects import Clock


class ServerClock:
    """How far the server's clock is ahead of ours, from the `Date` header of its newest answer.

    Args:
        clock: Our time, in seconds since the epoch.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._newest: tuple[Mapping[str, str], float] | None = None

    def saw(self, headers: Mapping[str, str]) -> None:
        """Notes an answer that has just come. Read only when it is needed: most tasks never need it."""
        if "Date" in headers:
            self._newest = headers, self._clock()

    def time_of(self, moment: datetime) -> datetime:
        """What the server's clock showed at a moment of ours; the same as ours as long as it has not said."""
        return moment + self._ahead

    def our_time_of(self, moment: datetime) -> datetime:
        """What our clock showed at a moment of the server's."""
        return moment - self._ahead

    @property
    def _ahead(self) -> timedelta:
        if self._newest is None:
            return timedelta()
        headers, seen_at = self._newest
        try:
            return timedelta(seconds=parsedate_to_datetime(headers["Date"]).timestamp() - seen_at)
        except ValueError:
            return timedelta()
