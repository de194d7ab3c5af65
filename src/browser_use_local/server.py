"""Puts the server together."""

from __future__ import annotations

import contextlib
import dataclasses
import sqlite3
from collections.abc import AsyncIterator

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Mount, Route

from browser_use_local import demo_site, live
from browser_use_local.api import account, files, profiles, sessions, signed, tasks, v4
from browser_use_local.api.http import InvalidError, KeyCheck, on_full_disk, on_http_error, on_invalid, on_mistake
from browser_use_local.faults import Faults
from browser_use_local.local import Local
from browser_use_local.names import OwnNames
from browser_use_local.records import now
from browser_use_local.settings import Settings

API_V2 = "/api/v2"
API_V4 = "/api/v4"


async def health(request: Request) -> Response:
    """GET /health: answers as soon as tasks can be started; says which browsers broke down lately, and why."""
    here: Local = request.app.state.local
    broken = [dataclasses.asdict(breakdown) for breakdown in here.sessions.breakdowns]
    return JSONResponse({"status": "ok", "contract": here.settings.contract, "brokenBrowsers": broken})


def create_app(settings: Settings, *, is_local: bool) -> tuple[Starlette, Faults | None]:
    """The server as an ASGI application.

    Args:
        settings: What it is told.
        is_local: Whether it listens on an address that only this machine can reach.

    Returns:
        The application, and, where faults may be asked for, the same with faults around it.
    """

    @contextlib.asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        async with Local.running(settings) as app.state.local:
            app.state.started_at = now()
            yield

    v2: list[BaseRoute] = [
        route for part in (tasks, sessions, files, profiles, account) for route in part.routes(settings.contract)
    ]
    v2 += v4.missing.ROUTES
    check_key = [Middleware(KeyCheck, key=settings.api_key)]
    routes: list[BaseRoute] = [
        Route("/health", health),
        Mount(API_V2, routes=v2, middleware=check_key),
        Mount(API_V4, routes=v4.routes(), middleware=check_key),
        *signed.OPEN_ROUTES,
        *files.OPEN_ROUTES,
        *v4.OPEN_ROUTES,
        *live.ROUTES,
        *(demo_site.ROUTES if settings.demo_site else []),
    ]
    app = Starlette(
        routes=routes,
        lifespan=lifespan,
        middleware=[Middleware(OwnNames)] if is_local else [],
        exception_handlers={
            HTTPException: on_http_error,
            InvalidError: on_invalid,
            sqlite3.Error: on_full_disk,
            OSError: on_full_disk,
            Exception: on_mistake,
        },
    )
    if not settings.faults:
        return app, None
    faults = Faults(app, (API_V2, API_V4))
    app.router.routes.append(faults.route(check_key))
    return app, faults
