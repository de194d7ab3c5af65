"""/browsers: the browsers of sessions. In v2 each of them is called a session."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from pydantic import TypeAdapter
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from browser_use_local.api.bodies import SessionAction
from browser_use_local.api.http import links, local, parameter, raw_body, read
from browser_use_local.api.paging import page
from browser_use_local.api.sessions import STATUS, known_session
from browser_use_local.api.v4.missing import not_here
from browser_use_local.api.v4.paging import in_order
from browser_use_local.records import File, Session, Task, now, wire_time

SESSION: TypeAdapter[UUID | None] = TypeAdapter(UUID)
WITH_URLS: TypeAdapter[bool] = TypeAdapter(bool)


def _item(request: Request, browser: Session) -> dict[str, Any]:
    """A browser (BrowserSessionItemView)."""
    return {
        "id": browser.id,
        "status": browser.status,
        "liveUrl": links(request).to(f"/live/{browser.id}") if browser.status == "active" else None,
        "cdpUrl": None,
        "timeoutAt": browser.finished_at or _timeout_at(request, browser),
        "startedAt": browser.started_at,
        "finishedAt": browser.finished_at,
        "proxyUsedMb": "0",
        "proxyCost": "0",
        "browserCost": "0",
        "agentSessionId": browser.conversation_id,
        "recordingUrl": None,
        "metadata": {},
        "extensions": [],
    }


def _timeout_at(request: Request, browser: Session) -> str:
    """When a browser that is open ends, if nothing more happens to it."""
    here = local(request)
    latest = here.store.select(Task, {"session_id": browser.id}, order="created_at DESC", limit=1)
    used_at = latest[0].finished_at or now() if latest else browser.started_at
    active = here.sessions.get(browser.id)
    stays = timedelta(seconds=active.idle_timeout if active else 0)
    return wire_time(datetime.fromisoformat(used_at.replace("Z", "+00:00")) + stays)


def _view(request: Request, browser: Session) -> dict[str, Any]:
    """A browser (BrowserSessionView)."""
    return {**_item(request, browser), "recordingAvailable": False}


async def listing(request: Request) -> Response:
    """GET /browsers."""
    status = parameter(request, "filterBy", STATUS, None)
    session = parameter(request, "agentSessionId", SESSION, None)
    where = {"status": status, "conversation_id": str(session) if session else None}
    wanted = {column: value for column, value in where.items() if value is not None}
    if request.query_params.getlist("metadata"):
        # No browser has any: a run has none, and there are no others.
        wanted["id"] = ""
    return JSONResponse(page(request, Session, wanted, "started_at", lambda one: _item(request, one)))


async def create(request: Request) -> Response:  # noqa: ARG001 - Starlette's signature
    """POST /browsers: a browser without an agent, for which there is no use here."""
    raise not_here("browsers of their own (POST /browsers); the browser of a run starts with the run")


async def get(request: Request) -> Response:
    """GET /browsers/{id}."""
    return JSONResponse(_view(request, known_session(request)))


async def stop(request: Request) -> Response:
    """PATCH /browsers/{id}: stops the browser, and the run in it. Its session can go on in a new one."""
    browser = known_session(request)
    read(SessionAction, await raw_body(request))
    await local(request).tasks.stop_session(browser.id)
    return JSONResponse(_view(request, known_session(request)))


async def downloads(request: Request) -> Response:
    """GET /browsers/{id}/downloads: what the runs in it have downloaded or given out."""
    browser = known_session(request)
    here = local(request)
    with_urls = parameter(request, "includeUrls", WITH_URLS, False)
    files, following = in_order(request, here.files.outputs(browser.id), lambda file: file.created_at + file.id)

    def view(file: File) -> dict[str, Any]:
        path = here.files.path(file)
        url = links(request).to(f"/downloads/{file.id}") if with_urls else None
        size = path.stat().st_size if path.exists() else 0
        return {"path": file.name, "size": size, "lastModified": file.created_at, "url": url}

    return JSONResponse({"files": [view(file) for file in files], **following})


ROUTES = [
    Route("/browsers", listing, methods=["GET"]),
    Route("/browsers", create, methods=["POST"]),
    Route("/browsers/{session_id}", get, methods=["GET"]),
    Route("/browsers/{session_id}", stop, methods=["PATCH"]),
    Route("/browsers/{session_id}/downloads", downloads, methods=["GET"]),
]
