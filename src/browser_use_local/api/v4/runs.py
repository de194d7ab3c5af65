"""/runs."""

from __future__ import annotations

from itertools import islice
from typing import Annotated, Any
from uuid import UUID

from pydantic import Field, TypeAdapter
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from browser_use_local.api.http import links, local, parameter, path_id, raw_body, read
from browser_use_local.api.sessions import too_many
from browser_use_local.api.v4.bodies import NewRun
from browser_use_local.api.v4.missing import not_here
from browser_use_local.api.v4.paging import newest
from browser_use_local.api.v4.views import attachment_view, events, run_status, run_view
from browser_use_local.conversations import NotOfTheSessionError, WorkspaceNotFoundError
from browser_use_local.profiles import ProfileNotFoundError
from browser_use_local.records import Conversation, Run, Task
from browser_use_local.sessions import TooManySessionsError
from browser_use_local.tasks import SessionBusyError, SessionNotFoundError

SESSION: TypeAdapter[UUID | None] = TypeAdapter(UUID)
EVENTS: TypeAdapter[int] = TypeAdapter(Annotated[int, Field(ge=1, le=1000)])
AFTER: TypeAdapter[int] = TypeAdapter(Annotated[int, Field(ge=0)])


def _known(request: Request) -> Task:
    """The run that the path names; 404 if there is none."""
    store = local(request).store
    run_id = path_id(request, "run_id")
    task = store.get(Task, id=run_id)
    if task is None or not store.count(Run, {"task_id": run_id}):
        raise HTTPException(404, "Run not found")
    return task


def _view(request: Request, run_id: str) -> dict[str, Any]:
    """A run (RunSummary); 404 if it was deleted meanwhile."""
    store = local(request).store
    run, task = store.get(Run, task_id=run_id), store.get(Task, id=run_id)
    conversation = store.get(Conversation, id=run.conversation_id) if run else None
    if not (run and task and conversation):
        raise HTTPException(404, "Run not found")
    return run_view(run, task, conversation)


async def create(request: Request) -> Response:
    """POST /runs."""
    here = local(request)
    body = read(NewRun, await raw_body(request))
    if name := body.not_here():
        raise not_here(f"{name} of a run")
    try:
        task = here.conversations.start(body.turn())
    except SessionNotFoundError:
        raise HTTPException(404, "Session not found") from None
    except WorkspaceNotFoundError:
        raise HTTPException(404, "Workspace not found") from None
    except ProfileNotFoundError as error:
        raise HTTPException(404, str(error)) from None
    except NotOfTheSessionError as error:
        raise HTTPException(400, str(error)) from None
    except SessionBusyError:
        raise HTTPException(409, "The session has an active run: wait for its end, or cancel it") from None
    except TooManySessionsError as error:
        raise too_many(error) from None
    view = _view(request, task.id)
    shown = view["attachedFileIds"] or []
    missing = [file_id for file_id in map(str, body.attached_file_ids or []) if file_id not in shown]
    made = {key: view[key] for key in ("id", "status", "model", "sessionId", "workspaceId")}
    url = links(request).plain(f"/api/v4/runs/{task.id}/events")
    return JSONResponse({**made, "eventsUrl": url, "missingFileIds": missing, "skippedVaultItems": []})


async def listing(request: Request) -> Response:
    """GET /runs."""
    session = parameter(request, "sessionId", SESSION, None)
    where = {"conversation_id": str(session)} if session else {}
    runs, following = newest(request, Run, where, "created_at || task_id", 50)
    return JSONResponse({"runs": [_view(request, run.task_id) for run in runs], **following})


async def get(request: Request) -> Response:
    """GET /runs/{id}."""
    return JSONResponse(_view(request, path_id(request, "run_id")))


async def status(request: Request) -> Response:
    """GET /runs/{id}/status."""
    return JSONResponse({"status": run_status(_known(request))})


async def cancel(request: Request) -> Response:
    """POST /runs/{id}/cancel. One that has ended stays as it is."""
    task = _known(request)
    await local(request).tasks.stop(task.id)
    return JSONResponse(_view(request, task.id))


async def listing_of_events(request: Request) -> Response:
    """GET /runs/{id}/events."""
    task = _known(request)
    here = local(request)
    limit = parameter(request, "limit", EVENTS, 200)
    after = parameter(request, "after", AFTER, 0)
    happened = events(
        task, here.steps(task), links(request), is_reattached=here.conversations.is_follow_up_in_browser(task)
    )
    later = (event for event in happened if event["id"] > after)
    found = list(islice(later, limit))
    return JSONResponse(
        {
            "events": found,
            "nextAfter": found[-1]["id"] if found else None,
            "hasMore": next(later, None) is not None,
        }
    )


async def attachments(request: Request) -> Response:
    """GET /runs/{id}/attachments."""
    run_id = _known(request).id
    here = local(request)
    run = here.store.get(Run, task_id=run_id)
    files = here.workspaces.attached(run.attached_file_ids or []) if run else []
    return JSONResponse({"attachments": [attachment_view(file) for file in files]})


ROUTES = [
    Route("/runs", create, methods=["POST"]),
    Route("/runs", listing, methods=["GET"]),
    Route("/runs/{run_id}", get, methods=["GET"]),
    Route("/runs/{run_id}/status", status, methods=["GET"]),
    Route("/runs/{run_id}/cancel", cancel, methods=["POST"]),
    Route("/runs/{run_id}/events", listing_of_events, methods=["GET"]),
    Route("/runs/{run_id}/attachments", attachments, methods=["GET"]),
]
