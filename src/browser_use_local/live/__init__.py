"""The live view: sessions as they are now, at `/live` and `/live/{session_id}`; shared ones at `/share/{token}`."""

from __future__ import annotations

from importlib.resources import files

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from browser_use_local.api.http import links, local, path_id
from browser_use_local.api.signed import check_signature
from browser_use_local.api.views import session_item, task_view
from browser_use_local.records import Session, Share, Step, Task, now
from browser_use_local.tasks import screenshot_path

LISTED = 50


def _page(name: str) -> Response:
    return HTMLResponse(files(__package__).joinpath(name).read_text(encoding="utf-8"))


def _allowed(request: Request, path: str) -> None:
    """A server without an API key shows its sessions to whoever can reach it; one with a key wants the signature."""
    if local(request).settings.api_key is not None:
        check_signature(request, path)


def _session(request: Request) -> Session:
    """The session that the path names, by its id or by the token of its public share."""
    store = local(request).store
    token = request.path_params.get("token")
    if token is None:
        session_id = path_id(request, "session_id")
        _allowed(request, f"/live/{session_id}")
    else:
        share = store.get(Share, token=token)
        session_id = share.session_id if share else ""
    session = store.get(Session, id=session_id)
    if session is None:
        raise HTTPException(404, "Session not found")
    return session


async def index(request: Request) -> Response:
    """GET /live: the list of sessions, as a page."""
    _allowed(request, "/live")
    return _page("index.html")


async def index_state(request: Request) -> Response:
    """GET /live/state: what the list shows."""
    _allowed(request, "/live")
    store = local(request).store
    sessions = store.select(Session, {}, order="started_at DESC", limit=LISTED)
    return JSONResponse(
        [
            {
                **session_item(session, links(request)),
                "tasks": [
                    {"task": task.task, "status": task.status, "isSuccess": task.is_success}
                    for task in store.select(Task, {"session_id": session.id}, order="created_at")
                ],
            }
            for session in sessions
        ]
    )


async def view(request: Request) -> Response:
    """GET /live/{session_id} and /share/{token}: one session, as a page."""
    session = _session(request)
    store = local(request).store
    if "token" in request.path_params and (share := store.get(Share, session_id=session.id)):
        store.change(Share, {"session_id": session.id}, views=share.views + 1, last_viewed_at=now())
    return _page("session.html")


async def state(request: Request) -> Response:
    """GET .../state: what the page of a session shows."""
    session = _session(request)
    here = local(request)
    tasks = here.store.select(Task, {"session_id": session.id}, order="created_at")
    address = links(request)
    return JSONResponse(
        {
            "session": {"id": session.id, "status": session.status, "startedAt": session.started_at},
            "tasks": [task_view(task, session, here.steps(task), here.files_of(task), address) for task in tasks],
        }
    )


async def picture(request: Request) -> Response:
    """GET .../picture: the page as it is now; of a session that has stopped, its last screenshot."""
    session = _session(request)
    here = local(request)
    if (active := here.sessions.get(session.id)) and (jpeg := await here.sessions.picture(active)):
        return Response(jpeg, media_type="image/jpeg", headers={"Cache-Control": "no-store"})
    for task in here.store.select(Task, {"session_id": session.id}, order="created_at DESC"):
        for step in here.store.select(Step, {"task_id": task.id, "has_screenshot": True}, order="number DESC", limit=1):
            return FileResponse(screenshot_path(here.settings.data_dir, task.id, step.number), media_type="image/jpeg")
    return Response(status_code=204)


ROUTES = [
    Route("/live", index),
    Route("/live/state", index_state),
    *(
        Route(f"{start}{end}", endpoint)
        for start in ("/live/{session_id}", "/share/{token}")
        for end, endpoint in (("", view), ("/state", state), ("/picture", picture))
    ),
]
