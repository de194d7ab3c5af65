"""/sessions."""

from __future__ import annotations

import secrets
from typing import Literal

from pydantic import TypeAdapter
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from browser_use_local.api.bodies import NewSession, SessionAction
from browser_use_local.api.http import links, local, nothing, parameter, path_id, raw_body, read, respond
from browser_use_local.api.paging import page
from browser_use_local.api.views import session_item, session_view, share_view
from browser_use_local.profiles import ProfileNotFoundError
from browser_use_local.records import Session, Share, Task
from browser_use_local.sessions import TooManySessionsError
from browser_use_local.settings import Contract

STATUS: TypeAdapter[Literal["active", "stopped"] | None] = TypeAdapter(Literal["active", "stopped"])


def too_many(error: TooManySessionsError) -> HTTPException:
    """429, with a time to come back."""
    return HTTPException(429, str(error), headers={"Retry-After": "5"})


def stopped(reason: str | None) -> HTTPException:
    """400, in the words of the contract, and why where nobody asked for it."""
    why = f" It was stopped since {reason}." if reason else ""
    return HTTPException(400, f"Browser session is stopped. Please start a new session and try again.{why}")


def known_session(request: Request, session_id: str | None = None) -> Session:
    """The session of this id, else the one that the path names; 404 if there is none."""
    session = local(request).store.get(Session, id=session_id or path_id(request, "session_id"))
    if session is None:
        raise HTTPException(404, "Session not found")
    return session


def _view(request: Request, session_id: str) -> dict[str, object]:
    store = local(request).store
    tasks = store.select(Task, {"session_id": session_id}, order="created_at")
    share = store.get(Share, session_id=session_id)
    return session_view(known_session(request, session_id), tasks, share, links(request))


async def create(request: Request) -> Response:
    """POST /sessions of v2-flat."""
    body = read(NewSession, await raw_body(request))
    try:
        session = local(request).sessions.open(
            keep_alive=body.keep_alive,
            persist_memory=body.persist_memory,
            profile_id=str(body.profile_id) if body.profile_id else None,
            size=(body.browser_screen_width, body.browser_screen_height),
            start_url=body.start_url,
        )
    except ProfileNotFoundError as error:
        raise HTTPException(404, str(error)) from None
    except TooManySessionsError as error:
        raise too_many(error) from None
    return respond(request, session_item(session, links(request)), 201)


async def listing(request: Request) -> Response:
    """GET /sessions."""
    status = parameter(request, "filterBy", STATUS, None)
    where = {"status": status} if status else {}
    return respond(request, page(request, Session, where, "started_at", lambda one: session_item(one, links(request))))


async def get(request: Request) -> Response:
    """GET /sessions/{id}."""
    return respond(request, _view(request, known_session(request).id))


async def stop(request: Request) -> Response:
    """PATCH /sessions/{id}: stops the session and the task in it."""
    session = known_session(request)
    read(SessionAction, await raw_body(request))
    await local(request).tasks.stop_session(session.id)
    return respond(request, _view(request, session.id))


async def delete(request: Request) -> Response:
    """DELETE /sessions/{id}, and POST /sessions/{id}/purge of v2-flat: the session, its tasks and files are gone."""
    await local(request).delete_session(known_session(request).id)
    return nothing()


async def get_share(request: Request) -> Response:
    """GET /sessions/{id}/public-share."""
    share = local(request).store.get(Share, session_id=known_session(request).id)
    if share is None:
        raise HTTPException(404, "Public share not found")
    return respond(request, share_view(share, links(request)))


async def create_share(request: Request) -> Response:
    """POST /sessions/{id}/public-share. A session that is shared already keeps its link."""
    session = known_session(request)
    store = local(request).store
    share = store.get(Share, session_id=session.id)
    if share is None:
        share = Share(session_id=session.id, token=secrets.token_urlsafe(24))
        store.add(share)
    return respond(request, share_view(share, links(request)), 201)


async def delete_share(request: Request) -> Response:
    """DELETE /sessions/{id}/public-share."""
    local(request).store.delete(Share, session_id=known_session(request).id)
    return nothing()


def routes(contract: Contract) -> list[Route]:
    """The endpoints of the contract."""
    shared = [
        Route("/sessions", listing, methods=["GET"]),
        Route("/sessions/{session_id}", get, methods=["GET"]),
        Route("/sessions/{session_id}", stop, methods=["PATCH"]),
        Route("/sessions/{session_id}", delete, methods=["DELETE"]),
        Route("/sessions/{session_id}/public-share", get_share, methods=["GET"]),
        Route("/sessions/{session_id}/public-share", create_share, methods=["POST"]),
        Route("/sessions/{session_id}/public-share", delete_share, methods=["DELETE"]),
    ]
    flat = [
        Route("/sessions", create, methods=["POST"]),
        Route("/sessions/{session_id}/purge", delete, methods=["POST"]),
    ]
    return shared if contract == "v2-nested" else shared + flat
