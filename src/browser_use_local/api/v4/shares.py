"""/sessions/{id}/share: the public link of a session."""

from __future__ import annotations

import secrets
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from browser_use_local.api.http import links, local, raw_body, read
from browser_use_local.api.v4.bodies import ShareChange
from browser_use_local.api.v4.sessions import known_conversation
from browser_use_local.records import ConversationShare


def _share(request: Request) -> ConversationShare | None:
    return local(request).store.get(ConversationShare, conversation_id=known_conversation(request).id)


def _view(request: Request, share: ConversationShare) -> dict[str, Any]:
    """A public link (SessionShareInfo)."""
    return {
        "id": share.id,
        "shareToken": share.token,
        "sessionId": share.conversation_id,
        "isActive": share.is_active,
        "viewCount": share.views,
        "createdAt": share.created_at,
        "shareUrl": links(request).plain(f"/share/{share.token}"),
    }


async def get(request: Request) -> Response:
    """GET /sessions/{id}/share: null for a session that was never shared."""
    share = _share(request)
    return JSONResponse(_view(request, share) if share else None)


async def create(request: Request) -> Response:
    """POST /sessions/{id}/share. A session that was shared before keeps its link."""
    store = local(request).store
    if share := _share(request):
        store.change(ConversationShare, {"id": share.id}, is_active=True)
    else:
        token = secrets.token_urlsafe(24)
        store.add(ConversationShare(conversation_id=known_conversation(request).id, token=token))
    return await get(request)


async def change(request: Request) -> Response:
    """PUT /sessions/{id}/share: turns the link off and on."""
    share = _share(request)
    if share is None:
        raise HTTPException(404, "Share not found")
    is_active = read(ShareChange, await raw_body(request)).is_active
    local(request).store.change(ConversationShare, {"id": share.id}, is_active=is_active)
    return await get(request)


ROUTES = [
    Route("/sessions/{session_id}/share", get, methods=["GET"]),
    Route("/sessions/{session_id}/share", create, methods=["POST"]),
    Route("/sessions/{session_id}/share", change, methods=["PUT"]),
]
