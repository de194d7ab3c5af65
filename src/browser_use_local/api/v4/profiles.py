"""/profiles: those of the later revision of v2, whose browsers v4 shares."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from browser_use_local.api.bodies import Profile
from browser_use_local.api.profiles import Endpoints


def _respond(request: Request, body: Any, status: int = 200) -> Response:  # noqa: ARG001 - as in v2
    return JSONResponse(body, status)


ROUTES = Endpoints("profiles", Profile, _respond).routes()
