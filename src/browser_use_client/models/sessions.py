"""What a session and an account are."""

from __future__ import annotations

from browser_use_client.models._base import UtcDatetime, View


class Session(View):
    """A browser session.

    Attributes:
        id: The session's id.
        status: `active` or `stopped`; others are kept as they come.
        live_url: Where to watch it while it is active.
        recording_url: Where to watch it afterwards, if it was recorded.
        share_url: Its public link, if one was made.
        started_at: When it started.
        finished_at: When it stopped.
        keep_alive: Whether it stays open after its tasks (`v2-flat`).
    """

    id: str
    status: str
    live_url: str | None = None
    recording_url: str | None = None
    share_url: str | None = None
    started_at: UtcDatetime | None = None
    finished_at: UtcDatetime | None = None
    keep_alive: bool | None = None


class Account(View):
    """The account behind an API key.

    Attributes:
        credits_usd: US dollars left.
        monthly_credits_usd: Those of the subscription.
        additional_credits_usd: Those that were bought on top.
        max_sessions: How many sessions the plan lets be active at a time; None if it does not say (`v2-nested`).
        active_sessions: How many are active now, by the same source.
        name: Its name if it has one.
    """

    credits_usd: float
    monthly_credits_usd: float | None = None
    additional_credits_usd: float | None = None
    max_sessions: int | None = None
    active_sessions: int | None = None
    name: str | None = None

    @property
    def free_sessions(self) -> int | None:
        """How many more sessions can start now: a snapshot, no reservation. None if the account does not say."""
        if self.max_sessions is None or self.active_sessions is None:
            return None
        return max(self.max_sessions - self.active_sessions, 0)


class Share(View):
    """A session's public link: anyone who has it can watch.

    Attributes:
        url: The link.
        views: How often it was opened.
        last_viewed_at: When it was opened last.
    """

    url: str
    views: int = 0
    last_viewed_at: UtcDatetime | None = None
