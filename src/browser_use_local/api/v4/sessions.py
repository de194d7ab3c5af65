"""/sessions: conversations, each with its latest run."""

from __future__ import annotations

from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from browser_use_local.api.http import local, nothing, path_id, raw_body, read
from browser_use_local.api.v4.bodies import CostCap, SessionTitle
from browser_use_local.api.v4.paging import newest
from browser_use_local.api.v4.views import session_view
from browser_use_local.records import Conversation, Run


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


async def delete(request: Request) -> Response:
    """DELETE /sessions/{id}: cancels its run; its runs, their files and its browsers are gone. Its workspace stays."""
    await local(request).delete_conversation(known_conversation(request).id)
    return nothing()


async def purge(request: Request) -> Response:
    """POST /sessions/{id}/purge: for projects with Zero Data Retention, which this is not."""
    known_conversation(request)
    raise HTTPException(403, "The project has no Zero Data Retention: DELETE the session instead")


async def cost(request: Request) -> Response:
    """GET /sessions/{id}/cost: nothing."""
    conversation = known_conversation(request)
    parts = ("llmCostUsd", "searchCostUsd", "browserCostUsd", "proxyCostUsd", "proxyUsedMb", "totalCostUsd")
    runs = local(request).store.count(Run, {"conversation_id": conversation.id})
    return JSONResponse({"sessionId": conversation.id, "numRuns": runs, **dict.fromkeys(parts, "0")})


async def budget(request: Request) -> Response:
    """GET /sessions/{id}/cost-cap."""
    conversation = known_conversation(request)
    spent = {"spentUsd": "0", "maxCostUsd": conversation.max_cost_usd, "budgetScope": "session"}
    return JSONResponse({"sessionId": conversation.id, **spent})


async def change_budget(request: Request) -> Response:
    """PATCH /sessions/{id}/cost-cap."""
    conversation = known_conversation(request)
    most = str(read(CostCap, await raw_body(request)).max_cost_usd)
    local(request).store.change(Conversation, {"id": conversation.id}, max_cost_usd=most)
    return JSONResponse({"sessionId": conversation.id, "maxCostUsd": most})


ROUTES = [
    Route("/sessions", listing, methods=["GET"]),
    Route("/sessions/{session_id}", get, methods=["GET"]),
    Route("/sessions/{session_id}", rename, methods=["PATCH"]),
    Route("/sessions/{session_id}", delete, methods=["DELETE"]),
    Route("/sessions/{session_id}/purge", purge, methods=["POST"]),
    Route("/sessions/{session_id}/cost", cost, methods=["GET"]),
    Route("/sessions/{session_id}/cost-cap", budget, methods=["GET"]),
    Route("/sessions/{session_id}/cost-cap", change_budget, methods=["PATCH"]),
]
