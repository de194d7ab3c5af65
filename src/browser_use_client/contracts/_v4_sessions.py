"""What v4 shows of a conversation and of its browsers, as sessions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, TypeVar

from browser_use_client.contracts._pages import PAGE_SIZE, numbered_page
from browser_use_client.contracts._refusing import uuid_of
from browser_use_client.contracts._v4_base import V4Base, nothing, run_path, session_path
from browser_use_client.contracts._v4_runs import latest_run, task_of
from browser_use_client.effects import Call, Flow, call
from browser_use_client.errors import BadRequestError, NotFoundError
from browser_use_client.models import Page, Session, SessionCost, Share

T = TypeVar("T")


class V4Sessions(V4Base):
    """The sessions of v4: conversations that have no end, and the browsers that come and go with their runs."""

    def get_session(self, session_id: str) -> Flow[Session]:
        """GET /sessions/{id} for the conversation, and GET /browsers for what is open of it.

        Of a browser that has stopped GET /browsers/{id} is asked as well: only that says where its recording is.
        """
        begun = yield from call(self._call("GET", session_path(session_id), lambda body: body.get("createdAt")))
        browser_id, session = yield from call(self._browsers(session_id, partial(shown_of, session_id), status=None))
        if session is None:
            return Session(id=session_id, status="stopped", started_at=begun)
        if session.status == "active":
            return session
        return (yield from call(self._call("GET", f"/browsers/{browser_id}", partial(_session, session_id))))

    def list_sessions(self, *, cursor: str | None = None, status: str | None = None) -> Call[Page[Session]]:
        """GET /browsers: of each browser its session, since the list of sessions does not say which has one."""
        listing = numbered_page("/browsers", session_of_browser, cursor, params={"filterBy": status})

        def parse(body: Any) -> Page[Session]:
            page = listing.parse(body)
            of_sessions = tuple(session for session in page.items if session is not None)
            return Page(items=of_sessions, unreadable=page.unreadable, next=page.next)

        return replace(self._call("GET", listing.path, parse), params=listing.params)

    def stop_session(self, session_id: str, *, is_idle: bool = False) -> Flow[None]:
        """Cancels the active run, and stops the browsers: the conversation itself has no end."""
        if not is_idle:
            try:
                latest = yield from call(self._call("GET", session_path(session_id), latest_run))
            except NotFoundError:
                return
            if not latest.has_ended:
                yield from call(self._call("POST", f"{run_path(latest.id)}/cancel", task_of))
        yield from self._stop_browsers(session_id)

    def delete_session(self, session_id: str) -> Call[None]:
        """DELETE /sessions/{id}."""
        return self._call("DELETE", session_path(session_id), nothing)

    def get_session_cost(self, session_id: str) -> Call[SessionCost]:
        """GET /sessions/{id}/cost."""
        return self._call("GET", f"{session_path(session_id)}/cost", cost_of)

    def get_share(self, session_id: str) -> Call[Share]:
        """GET /sessions/{id}/share, which is null where there never was one."""
        return self._call("GET", f"{session_path(session_id)}/share", share_of(session_id))

    def share_session(self, session_id: str) -> Call[Share]:
        """POST /sessions/{id}/share."""
        return self._call("POST", f"{session_path(session_id)}/share", share_of(session_id))

    def unshare_session(self, session_id: str) -> Call[None]:
        """PUT /sessions/{id}/share."""
        return self._call("PUT", f"{session_path(session_id)}/share", nothing, json={"isActive": False})

    def _browsers(self, session_id: str, parse: Callable[[Any], T], *, status: str | None) -> Call[T]:
        params = {"agentSessionId": uuid_of("session_id", session_id), "filterBy": status, "pageSize": PAGE_SIZE}
        return replace(self._call("GET", "/browsers", lambda body: parse(body["items"])), params=params)

    def _stop_browsers(self, session_id: str) -> Flow[None]:
        for browser_id in (yield from call(self._browsers(session_id, ids_of, status="active"))):
            try:
                yield self._call("PATCH", f"/browsers/{browser_id}", nothing, json={"action": "stop"})
            except (NotFoundError, BadRequestError):  # it has stopped by itself
                continue


def shown_of(session_id: str, browsers: Sequence[Mapping[str, Any]]) -> tuple[str | None, Session | None]:
    """Of the browsers of a session the open one, else the newest: its id, and the session as it shows it."""
    newest_first = sorted(browsers, key=lambda browser: str(browser.get("startedAt")), reverse=True)
    shown = next((one for one in newest_first if one["status"] == "active"), next(iter(newest_first), None))
    return (None, None) if shown is None else (str(shown["id"]), _session(session_id, shown))


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
