"""The pages, their pictures, and their scripts and styles."""

from __future__ import annotations

from importlib.resources import files

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, Response

from browser_use_local.api.http import links, local
from browser_use_local.keeping import screenshot_path
from browser_use_local.live.access import FROM_OUR_PAGE, check_access, session_of
from browser_use_local.live.views import listed_sessions, session_view, tasks_view
from browser_use_local.records import ConversationShare, Share, Step, Task, now

TEMPLATES = Environment(
    loader=PackageLoader("browser_use_local.live"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; connect-src 'self';"
    " base-uri 'none'; form-action 'none'"
)
MEDIA_TYPES = {"css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}


def _page(template: str, policy: str = POLICY, **values: object) -> Response:
    headers = {
        "Content-Security-Policy": policy,
        "Cache-Control": "no-store",
        # The URLs are signed, and so are nobody else's business.
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
    }
    return HTMLResponse(TEMPLATES.get_template(template).render(values), headers=headers)


async def index(request: Request) -> Response:
    """GET /live: the list of sessions."""
    check_access(request, "/live")
    # A session may be framed by an orchestrator's UI, whose users have its URL; the list has all of them.
    return _page("list.html", f"{POLICY}; frame-ancestors 'self'", sessions=listed_sessions(request))


async def session(request: Request) -> Response:
    """GET /live/{session_id} and /share/{token}: one session. The page asks for itself again and again."""
    record = session_of(request)
    here = local(request)
    is_shared = "token" in request.path_params
    if is_shared and FROM_OUR_PAGE not in request.headers:
        _count_view(request)
    tasks = here.store.select(Task, {"session_id": record.id}, order="created_at")
    active = here.sessions.get(record.id)
    tabs = await active.tabs() if active else []
    view = session_view(request, record, tasks)
    return _page(
        "session.html",
        session=view,
        tasks=tasks_view(request, record, tasks, is_shared=is_shared),
        tabs=tabs,
        url=next((tab.url for tab in tabs if tab.is_front), ""),
        list_url=None if is_shared else _list_url(request),
        stop_url=None if is_shared else view["stopUrl"],
        control_url=None if is_shared or not here.settings.control else view["controlUrl"],
    )


def _count_view(request: Request) -> None:
    store, token = local(request).store, request.path_params["token"]
    if share := store.get(Share, token=token):
        store.change(Share, {"session_id": share.session_id}, views=share.views + 1, last_viewed_at=now())
    elif public := store.get(ConversationShare, token=token):
        store.change(ConversationShare, {"id": public.id}, views=public.views + 1)


def _list_url(request: Request) -> str:
    return links(request).to("/live") if local(request).settings.api_key is not None else "/live"


async def picture(request: Request) -> Response:
    """GET .../picture: the page as it is now; of a session that has stopped, its last screenshot."""
    record = session_of(request)
    here = local(request)
    if (active := here.sessions.get(record.id)) and (jpeg := await active.picture()):
        return Response(jpeg, media_type="image/jpeg", headers={"Cache-Control": "no-store"})
    for task in here.store.select(Task, {"session_id": record.id}, order="created_at DESC"):
        for step in here.store.select(Step, {"task_id": task.id, "has_screenshot": True}, order="number DESC", limit=1):
            return FileResponse(screenshot_path(here.settings.data_dir, task.id, step.number), media_type="image/jpeg")
    return Response(status_code=204)


async def static(request: Request) -> Response:
    """GET /live/static/{name}: a script or a style; the pages of a newer version need the newer ones."""
    name = request.path_params["name"]
    found = next((file for file in files(__package__).joinpath("static").iterdir() if file.name == name), None)
    if found is None:
        raise HTTPException(404, "Not found")
    media_type = MEDIA_TYPES[name.rpartition(".")[2]]
    return Response(found.read_bytes(), media_type=media_type, headers={"Cache-Control": "no-cache"})
