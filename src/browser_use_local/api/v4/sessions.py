"""/sessions: conversations, each with its latest run."""

from __future__ import annotations

from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from browser_use_local.api.http import local, path_id, raw_body, read
from browser_use_local.api.v4.bodies import SessionTitle
from browser_use_local.api.v4.paging import newest
from browser_use_local.api.v4.views import session_view
from browser_use_local.records import Conversation


def known_conversation(request: Request) -> Conversation:
    """The session that the path names; 404 if there is none."""
    found = local(request).store.get(Conversation, id=path_id(request, "session_id"))
    if found is None:
        raise HTTPException(404, "Session not found")
    return found


def _view(request: Request, conversation: Conversation) -> dict[str, Any] | None:
    latest = local(request).conversations.latest(conversation)
    return session_view(conversation, latest) if latest else None


async def listing(request: Request) -> Response:
    """GET /sessions."""
    found, following = newest(request, Conversation, {}, "latest_run_at || id", 20)
    return JSONResponse({"sessions": [view for one in found if (view := _view(request, one))], **following})


async def get(request: Request) -> Response:
    """GET /sessions/{id}."""
    if view := _view(request, known_conversation(request)):
        return JSONResponse(view)
    raise HTTPException(404, "Session not found")


async def rename(request: Request) -> Response:
    """PATCH /sessions/{id}."""
    conversation = known_conversation(request)
    title = read(SessionTitle, await raw_body(request)).title
    local(request).store.change(Conversation, {"id": conversation.id}, title=title)
    return await get(request)


ROUTES = [
    Route("/sessions", listing, methods=["GET"]),
    Route("/sessions/{session_id}", get, methods=["GET"]),
    Route("/sessions/{session_id}", rename, methods=["PATCH"]),
]
