"""/tasks."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import TypeAdapter
from pydantic_core import from_json
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from browser_use_local.api.bodies import FlatTaskAction, TaskAction, task_body
from browser_use_local.api.http import InvalidError, links, local, parameter, path_id, raw_body, read, respond
from browser_use_local.api.paging import page
from browser_use_local.api.sessions import known_session, stopped, too_many
from browser_use_local.api.views import task_item, task_status, task_view
from browser_use_local.files import UnknownFileError
from browser_use_local.profiles import ProfileNotFoundError
from browser_use_local.records import Task, TaskStatus, wire_time
from browser_use_local.sessions import TooManySessionsError
from browser_use_local.settings import Contract
from browser_use_local.tasks import SessionBusyError, SessionNotFoundError, SessionStoppedError

STATUS: dict[Contract, TypeAdapter[Any]] = {
    "both": TypeAdapter(TaskStatus),
    "v2-nested": TypeAdapter(Literal["started", "paused", "finished", "stopped"]),
    "v2-flat": TypeAdapter(Literal["created", "started", "finished", "failed", "stopped"]),
}
SESSION: TypeAdapter[UUID | None] = TypeAdapter(UUID)
MOMENT: TypeAdapter[datetime | None] = TypeAdapter(datetime)


def known_task(request: Request) -> Task:
    """The task that the path names; 404 if there is none."""
    task = local(request).store.get(Task, id=path_id(request, "task_id"))
    if task is None:
        raise HTTPException(404, "Task not found")
    return task


def _view(request: Request, task_id: str) -> dict[str, Any]:
    here = local(request)
    task = here.store.get(Task, id=task_id)
    if task is None:  # deleted meanwhile
        raise HTTPException(404, "Task not found")
    return task_view(
        task, known_session(request, task.session_id), here.steps(task), here.files_of(task), links(request)
    )


async def create(request: Request) -> Response:
    """POST /tasks."""
    here = local(request)
    body = await raw_body(request)
    try:
        fields = from_json(body)
        kind = task_body(here.settings.contract, frozenset(fields if isinstance(fields, dict) else ()))
    except ValueError as error:
        raise InvalidError.because(str(error), "body") from None
    wanted = read(kind, body).task_request()
    try:
        task = here.tasks.create(wanted)
    except SessionNotFoundError:
        raise HTTPException(404, "Session not found") from None
    except SessionStoppedError as error:
        raise stopped(str(error)) from None
    except SessionBusyError:
        raise HTTPException(
            400,
            "Agent session already has a running task. Please wait for it to finish or stop it manually.",
        ) from None
    except ProfileNotFoundError as error:
        raise HTTPException(404, str(error)) from None
    except UnknownFileError as error:
        message = f"no file of the name {error} was uploaded"
        raise InvalidError.because(message, "body", "includedFileNames") from None
    except TooManySessionsError as error:
        raise too_many(error) from None
    return respond(request, {"id": task.id, "sessionId": task.session_id}, 202)


async def listing(request: Request) -> Response:
    """GET /tasks."""
    status = parameter(request, "filterBy", STATUS[local(request).settings.contract], None)
    session = parameter(request, "sessionId", SESSION, None)
    after = parameter(request, "after", MOMENT, None)
    before = parameter(request, "before", MOMENT, None)
    where = {
        "status": status,
        "session_id": str(session) if session else None,
        "created_at >=": wire_time(after) if after else None,
        "created_at <=": wire_time(before) if before else None,
    }
    wanted = {column: value for column, value in where.items() if value is not None}
    return respond(request, page(request, Task, wanted, "created_at", task_item))


async def get(request: Request) -> Response:
    """GET /tasks/{id}."""
    return respond(request, _view(request, known_task(request).id))


async def status(request: Request) -> Response:
    """GET /tasks/{id}/status of v2-flat."""
    return respond(request, task_status(known_task(request)))


async def change(request: Request) -> Response:
    """PATCH /tasks/{id}. An action that comes too late changes nothing."""
    task = known_task(request)
    here = local(request)
    kind: type[TaskAction] = FlatTaskAction if here.settings.contract == "v2-flat" else TaskAction
    action = read(kind, await raw_body(request)).action
    if action == "stop":
        await here.tasks.stop(task.id)
    elif action == "stop_task_and_session":
        await here.tasks.stop(task.id)
        await here.tasks.stop_session(task.session_id)
    elif action == "pause":
        here.tasks.pause(task.id)
    else:
        here.tasks.resume(task.id)
    return respond(request, _view(request, task.id))


def routes(contract: Contract) -> list[Route]:
    """The endpoints of the contract."""
    shared = [
        Route("/tasks", create, methods=["POST"]),
        Route("/tasks", listing, methods=["GET"]),
        Route("/tasks/{task_id}", get, methods=["GET"]),
        Route("/tasks/{task_id}", change, methods=["PATCH"]),
    ]
    flat = [Route("/tasks/{task_id}/status", status, methods=["GET"])]
    return shared if contract == "v2-nested" else shared + flat
