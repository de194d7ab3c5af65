"""The application that Airflow's API server mounts: its routes, and what every answer carries."""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING, Annotated

from fastapi import Depends, FastAPI, HTTPException, Request
from fastapi.responses import HTMLResponse, Response
from fastapi.staticfiles import StaticFiles

from airflow_browser_use.ui import browsers_page, task_page
from airflow_browser_use.ui.access import CAN_READ_DAGS, CAN_READ_TASK
from airflow_browser_use.ui.browser_view import policy_of_view, view_of
from airflow_browser_use.ui.browsers_page import Listing
from airflow_browser_use.ui.pictures import picture_of_step
from airflow_browser_use.ui.rendering import render
from airflow_browser_use.ui.task_page import Instance, Known

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

TASK = "/dags/{dag_id}/runs/{run_id}/tasks/{task_id}"
OWN_PARTS_ONLY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; frame-src 'self';"
    " base-uri 'none'; form-action 'self'; frame-ancestors 'self'"
)
"""The content security policy of all but the frame with the browser: no inline scripts, nothing from elsewhere."""

HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": OWN_PARTS_ONLY,
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}

app = FastAPI(title="Browser Use", openapi_url=None)
app.mount("/static", StaticFiles(directory=str(files(__package__) / "static")), name="static")


@app.middleware("http")
async def harden(request: Request, answer: Callable[[Request], Awaitable[Response]]) -> Response:
    """Every answer is for one user and for now, unless it says otherwise; static files are asked for anew."""
    is_static = request.url.path.startswith(f"{request.scope['root_path']}/static/")
    response = await answer(request)
    if is_static:
        response.headers["Cache-Control"] = "no-cache"
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    return response


@app.exception_handler(401)
async def ask_to_sign_in(request: Request, _: Exception) -> Response:
    """Who is signed out is told so."""
    return render(request, "sign_in.html", status_code=401)


@app.exception_handler(403)
@app.exception_handler(404)
async def not_found(request: Request, _: Exception) -> Response:
    """What a user may not see is not there for them."""
    return render(request, "not_found.html", status_code=404)


@app.get("/", response_class=HTMLResponse, dependencies=CAN_READ_DAGS)
@app.get("/browsers", response_class=HTMLResponse, dependencies=CAN_READ_DAGS)
async def browsers(request: Request, listing: Annotated[Listing, Depends(browsers_page.listing)]) -> Response:
    """What runs, what ran lately, and what that cost."""
    is_entry = request.url.path == f"{request.scope['root_path']}/"
    return render(request, "browsers.html", is_entry=is_entry, **await browsers_page.fill(listing))


@app.get(TASK, response_class=HTMLResponse, dependencies=CAN_READ_TASK)
@app.get(TASK + "/{map_index}", response_class=HTMLResponse, dependencies=CAN_READ_TASK)
async def task(request: Request, known: Annotated[Known, Depends(task_page.known)]) -> Response:
    """The browser of a task instance, and what its agent does or did there."""
    return render(request, "task.html", **await task_page.fill(known))


@app.get(TASK + "/{map_index}/browser", response_class=HTMLResponse, dependencies=CAN_READ_TASK)
async def browser_view(request: Request, instance: Instance) -> Response:
    """The live browser, or its recording, alone: the only document that holds a live URL."""
    shown = view_of(await task_page.look_at(instance))
    if shown is None:
        raise HTTPException(404)
    headers = {"Content-Security-Policy": policy_of_view(shown)}
    return render(request, "browser_view.html", headers=headers, shown=shown)


@app.get(TASK + "/{map_index}/pictures/{number}", dependencies=CAN_READ_TASK)
async def picture(instance: Instance, number: int) -> Response:
    """What the page looked like in a step of the agent."""
    found = await picture_of_step(instance.record, number) if instance.record else None
    if found is None:
        raise HTTPException(404)
    content, media_type = found
    return Response(content, media_type=media_type, headers={"Cache-Control": "private, max-age=600"})
