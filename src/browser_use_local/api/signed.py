"""URLs that open without the API key, since this server has signed them: those of screenshots, and the check of all."""

from __future__ import annotations

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from browser_use_local.api.http import local, path_id
from browser_use_local.api.views import Links
from browser_use_local.keeping import screenshot_path


def check_signature(request: Request, path: str) -> None:
    """404 for a URL that does not have the signature that this server gave out for the path."""
    if not Links.is_valid(path, request.query_params.get("signature", "")):
        raise HTTPException(404, "Not found: the URL is not complete, or was given out before the server restarted")


async def screenshot(request: Request) -> Response:
    """A screenshot."""
    check_signature(request, request.url.path)
    path = screenshot_path(local(request).settings.data_dir, path_id(request, "task_id"), request.path_params["number"])
    if not path.is_file():
        raise HTTPException(404, "Screenshot not found")
    return FileResponse(path, media_type="image/jpeg")


OPEN_ROUTES = [Route("/screenshots/{task_id}/{number:int}.jpg", screenshot)]
