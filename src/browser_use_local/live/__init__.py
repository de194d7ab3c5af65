"""The live view: sessions as they are now, at `/live` and `/live/{session_id}`; shared ones at `/share/{token}`.

Who may see a session at /live may also stop it there. A share shows what happens, and nothing more.
"""

from __future__ import annotations

from importlib.resources import files

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from browser_use_local.api.http import links, local, nothing, path_id
from browser_use_local.api.signed import check_signature
from browser_use_local.api.views import session_item, task_view
from browser_use_local.records import Conversation, ConversationShare, Session, Share, Step, Task, now
from browser_use_local.tasks import screenshot_path

LISTED = 50
# A page of another site can send this header nowhere unasked: so none can stop a session here.
ASKED_BY_OUR_PAGE = "X-Browser-Use-Live"


def _page(name: str) -> Response:
    return HTMLResponse(files(__package__).joinpath(name).read_text(encoding="utf-8"))


def _allowed(request: Request, path: str) -> None:
    """A server without an API key shows its sessions to whoever can reach it; one with a key wants the signature."""
    if local(request).settings.api_key is not None:
        check_signature(request, path)


def _shared(request: Request, token: str) -> str:
    """The session of a public link: of one of v4 the browser of its latest run."""
    here = local(request)
    if share := here.store.get(Share, token=token):
        return share.session_id
    public = here.store.get(ConversationShare, token=token, is_active=True)
    conversation = here.store.get(Conversation, id=public.conversation_id) if public else None
    latest = here.conversations.latest(conversation) if conversation else None
    return latest.session_id if latest else ""


def _session(request: Request) -> Session:
    """The session that the path names, by its id or by the token of its public share."""
    store = local(request).store
    token = request.path_params.get("token")
    if token is None:
        session_id = path_id(request, "session_id")
        _allowed(request, f"/live/{session_id}")
    else:
        session_id = _shared(request, token)
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
    token = request.path_params.get("token", "")
    if share := store.get(Share, token=token):
        store.change(Share, {"session_id": session.id}, views=share.views + 1, last_viewed_at=now())
    elif public := store.get(ConversationShare, token=token):
        store.change(ConversationShare, {"id": public.id}, views=public.views + 1)
    return _page("session.html")


async def state(request: Request) -> Response:
    """GET .../state: what the page of a session shows."""
    session = _session(request)
    here = local(request)
    is_shared = "token" in request.path_params
    tasks = here.store.select(Task, {"session_id": session.id}, order="created_at")
    return JSONResponse(
        {
            "session": {"id": session.id, "status": session.status, "startedAt": session.started_at},
            "list": None if is_shared else _list_address(request),
            "tasks": [_task(request, task, session, is_shared=is_shared) for task in tasks],
        }
    )


def _task(request: Request, task: Task, session: Session, *, is_shared: bool) -> dict[str, object]:
    """A task as the page of its session shows it: with the step that it is at, and addresses of its files."""
    here, address = local(request), links(request)
    files = here.files_of(task)
    current = here.tasks.current_step(task.id)
    return {
        **task_view(task, session, here.steps(task), files, address),
        "currentStep": {"goal": current.goal, "since": current.since} if current else None,
        "downloads": [
            {"name": file.name, "url": address.to(f"/downloads/{file.id}")}
            for file in files
            if file.is_output and not is_shared
        ],
    }


def _list_address(request: Request) -> str:
    return links(request).to("/live") if local(request).settings.api_key is not None else "/live"


async def stop(request: Request) -> Response:
    """POST /live/{session_id}/stop: stops the session, and the task in it."""
    session = _session(request)
    if ASKED_BY_OUR_PAGE not in request.headers:
        raise HTTPException(403, "Sessions are stopped by the pages of the live view")
    await local(request).tasks.stop_session(session.id)
    return nothing()


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
    Route("/live/{session_id}/stop", stop, methods=["POST"]),
    *(
        Route(f"{start}{end}", endpoint)
        for start in ("/live/{session_id}", "/share/{token}")
        for end, endpoint in (("", view), ("/state", state), ("/picture", picture))
    ),
]
