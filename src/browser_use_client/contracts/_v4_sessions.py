"""What v4 shows of a conversation and of its browsers, as sessions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from browser_use_client.errors import NotFoundError
from browser_use_client.models import Session, SessionCost, Share


def session_of(row: Mapping[str, Any], browsers: Sequence[Mapping[str, Any]]) -> Session:
    """A conversation (SessionInfo) with its browsers: the one that is open, else the newest."""
    newest_first = sorted(browsers, key=lambda browser: str(browser.get("startedAt")), reverse=True)
    shown = next((one for one in newest_first if one["status"] == "active"), next(iter(newest_first), None))
    if shown is None:
        return Session(id=row["sessionId"], status="stopped", started_at=row.get("createdAt"))
    return _session(row["sessionId"], shown)


def session_of_browser(browser: Mapping[str, Any]) -> Session | None:
    """The session of a browser (BrowserSessionItemView); None of one that was started without an agent."""
    session_id = browser.get("agentSessionId")
    return None if session_id is None else _session(session_id, browser)


def ids_of(browsers: Sequence[Mapping[str, Any]]) -> list[str]:
    """The ids of browsers."""
    return [str(browser["id"]) for browser in browsers]


def _session(session_id: str, browser: Mapping[str, Any]) -> Session:
    is_active = browser["status"] == "active"
    return Session(
        id=session_id,
        status=browser["status"],
        live_url=browser.get("liveUrl") if is_active else None,
        recording_url=browser.get("recordingUrl"),
        started_at=browser.get("startedAt"),
        finished_at=browser.get("finishedAt"),
    )


def cost_of(body: Mapping[str, Any]) -> SessionCost:
    """What a session has cost (SessionCostResponse)."""
    return SessionCost(
        session_id=body["sessionId"],
        tasks=body["numRuns"],
        total_usd=body["totalCostUsd"],
        llm_usd=body["llmCostUsd"],
        search_usd=body["searchCostUsd"],
        browser_usd=body["browserCostUsd"],
        proxy_usd=body["proxyCostUsd"],
        proxy_mb=body["proxyUsedMb"],
    )


def share_of(session_id: str) -> Callable[[Any], Share]:
    """Makes the public link of a session (SessionShareInfo).

    Raises:
        NotFoundError: There is none, or it was taken away.
    """

    def parse(body: Any) -> Share:
        if body is None or not body["isActive"]:
            raise NotFoundError(f"Session {session_id} has no public link.", status_code=404)
        return Share(url=body["shareUrl"], views=body.get("viewCount") or 0)

    return parse
