"""What a session and an account are."""

from __future__ import annotations

from decimal import Decimal

from browser_use_client.models._base import UtcDatetime, View


class Session(View):
    """A browser session. In `v4` it is a conversation, which goes on in a new browser once its own has stopped.

    Attributes:
        id: The session's id.
        status: `active` or `stopped`, which in `v4` is whether it has a browser; others are kept as they come.
        live_url: Where to watch it while it is active.
        recording_url: Where to watch it afterwards, if it was recorded.
        share_url: Its public link, if one was made (`v2`; in `v4` only `share_session` says it).
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


class SessionCost(View):
    """What a session has cost, with its browsers (`v4`). It settles within 90 seconds of the browser's stop.

    Attributes:
        session_id: The session.
        tasks: How many tasks there were in it.
        total_usd: US dollars in all, which are those below together.
        llm_usd: For models.
        search_usd: For searches of the web.
        browser_usd: For the time of its browsers.
        proxy_usd: For traffic through proxies.
        proxy_mb: Megabytes of that traffic.
    """

    session_id: str
    tasks: int
    total_usd: Decimal
    llm_usd: Decimal
    search_usd: Decimal
    browser_usd: Decimal
    proxy_usd: Decimal
    proxy_mb: Decimal


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
