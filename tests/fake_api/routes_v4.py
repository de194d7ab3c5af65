"""The endpoints of v4, on a `World`."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from itertools import islice
from typing import Any
from uuid import uuid4

from . import views_v4 as views
from .cursors import cursor_of, encoded, number_of
from .exchange import Answer, RefusedError, Request, checked_body, checked_query, page, problem
from .routes_v4_files import workspace_of
from .routing import MOST_ROWS, route
from .tasks import Browser, Session, Task
from .world import KEEP_ALIVE_SECONDS, World

DEFAULT_MODEL = "gpt-6-luna"


# --- runs -----------------------------------------------------------------------------------------------------------


@route("POST", "/runs", "v4")
def create_run(world: World, request: Request, origin: str) -> Answer:  # noqa: ARG001 - all handlers alike
    body = checked_body(world, request, "create run", bare=False)
    if world.credits <= 0:
        raise RefusedError(402, "Insufficient credits")
    profile_id = (body.get("browserSettings") or {}).get("profileId")
    if profile_id is not None and profile_id not in world.profiles.get("profiles", {}):
        raise RefusedError(404, "Profile not found")
    wanted = body.get("workspaceId")
    reattached = False
    if body.get("sessionId"):
        session = _session(world, body["sessionId"])
        if any(task.is_live for task in session.tasks):
            raise RefusedError(409, "The session already has an active run")
        if wanted not in (None, session.workspace.id):
            raise RefusedError(400, "The workspace is not the session's")
        reattached = session.status == "active"
        if not reattached:
            _make_room(world)
            session.browsers.append(Browser(str(uuid4()), world.now))
    else:
        workspace = None if wanted is None else workspace_of(world, wanted)
        _make_room(world)
        session = world.create_session(workspace=workspace)
    if "keepAlive" in body:
        session.keep_alive = body["keepAlive"] or KEEP_ALIVE_SECONDS
    attached = body.get("attachedFileIds") or []
    task = world.create_task(body, body.get("model", DEFAULT_MODEL), session, reattached=reattached)
    missing = [file_id for file_id in attached if file_id not in session.workspace.attachments]
    return Answer(200, views.created_run(task, world.sessions[task.session_id], missing))


@route("GET", "/runs", "v4")
def list_runs(world: World, request: Request, origin: str) -> Answer:  # noqa: ARG001 - all handlers alike
    query = checked_query(request, "limit", "cursor", "sessionId")
    session_id = query.get("sessionId")
    tasks: Sequence[Task] = world.runs()
    if session_id is not None:
        tasks = [task for task in tasks if task.session_id == session_id]
    return _page_of_runs(world, query, tasks, "runs", lambda task: views.listed_run(world, task), default=50)


@route("GET", "/runs/{id}", "v4")
def get_run(world: World, request: Request, origin: str, run_id: str) -> Answer:  # noqa: ARG001
    task = _run(world, run_id)
    world.poll(task)
    return Answer(200, views.run(world, task))


@route("GET", "/runs/{id}/status", "v4")
def get_status(world: World, request: Request, origin: str, run_id: str) -> Answer:  # noqa: ARG001
    task = _run(world, run_id)
    world.poll(task)
    return Answer(200, {"status": views.status(task)})


@route("POST", "/runs/{id}/cancel", "v4")
def cancel_run(world: World, request: Request, origin: str, run_id: str) -> Answer:  # noqa: ARG001
    task = _run(world, run_id)
    task.stops += 1
    world.end(task, "stopped")
    return Answer(200, views.run(world, task))


@route("GET", "/runs/{id}/events", "v4")
def list_events(world: World, request: Request, origin: str, run_id: str) -> Answer:
    query = checked_query(request, "limit", "after", "include_output")
    task = _run(world, run_id)
    world.poll(task)
    limit, after = number_of(query, "limit", 200), number_of(query, "after", 0, smallest=0)
    newer = [event for event in views.events(world, task, origin) if event["id"] > after]
    shown = newer[:limit]
    last = shown[-1]["id"] if shown else None
    return Answer(200, {"events": shown, "nextAfter": last, "hasMore": len(newer) > limit})


@route("GET", "/runs/{id}/attachments", "v4")
def list_attachments(world: World, request: Request, origin: str, run_id: str) -> Answer:  # noqa: ARG001
    task = _run(world, run_id)
    workspace = world.sessions[task.session_id].workspace
    wanted = [workspace.attachments.get(file_id) for file_id in task.body.get("attachedFileIds") or ()]
    return Answer(200, {"attachments": [views.attachment(one, workspace.files) for one in wanted if one]})


# --- sessions and their browsers ------------------------------------------------------------------------------------


@route("GET", "/sessions", "v4")
def list_sessions(world: World, request: Request, origin: str) -> Answer:  # noqa: ARG001 - all handlers alike
    query = checked_query(request, "limit", "cursor")
    if number_of(query, "limit", 20) > MOST_ROWS:
        raise RefusedError(422, {"detail": [problem("limit", "Input should be less than or equal to 100")]})
    return _page_of_runs(
        world,
        query,
        world.latest_runs(),
        "sessions",
        lambda task: views.session(world, task),
        default=20,
    )


@route("GET", "/sessions/{id}", "v4")
def get_session(world: World, request: Request, origin: str, session_id: str) -> Answer:  # noqa: ARG001
    return Answer(200, views.session(world, _latest_run(world, session_id)))


@route("PATCH", "/sessions/{id}", "v4")
def update_session(world: World, request: Request, origin: str, session_id: str) -> Answer:  # noqa: ARG001
    checked_body(world, request, "update session", bare=False)
    return Answer(200, views.session(world, _latest_run(world, session_id)))


@route("DELETE", "/sessions/{id}", "v4")
def delete_session(world: World, request: Request, origin: str, session_id: str) -> Answer:  # noqa: ARG001
    session = world.sessions.pop(session_id, None)
    if session:
        world.stop_session(session)
        for task in session.tasks:
            del world.tasks[task.id]
    return Answer(204)


@route("GET", "/sessions/{id}/cost", "v4")
def get_cost(world: World, request: Request, origin: str, session_id: str) -> Answer:  # noqa: ARG001
    return Answer(200, views.session_cost(world, _session(world, session_id)))


@route("GET", "/sessions/{id}/share", "v4")
def get_share(world: World, request: Request, origin: str, session_id: str) -> Answer:  # noqa: ARG001
    session = _session(world, session_id)
    return Answer(200, views.share(session, origin, is_active=True) if session.share_token else b"null")


@route("POST", "/sessions/{id}/share", "v4")
def create_share(world: World, request: Request, origin: str, session_id: str) -> Answer:  # noqa: ARG001
    session = _session(world, session_id)
    session.share_token = session.share_token or uuid4().hex
    return Answer(200, views.share(session, origin, is_active=True))


@route("PUT", "/sessions/{id}/share", "v4")
def update_share(world: World, request: Request, origin: str, session_id: str) -> Answer:
    is_active = checked_body(world, request, "share", bare=False)["isActive"]
    session = _session(world, session_id)
    if session.share_token is None:
        raise RefusedError(404, "Share not found")
    view = views.share(session, origin, is_active=is_active)
    if not is_active:
        session.share_token = None
    return Answer(200, view)


@route("GET", "/browsers", "v4")
def list_browsers(world: World, request: Request, origin: str) -> Answer:
    query = checked_query(request, "pageSize", "pageNumber", "filterBy", "agentSessionId", "metadata")
    if query.get("filterBy", "active") not in ("active", "stopped"):
        raise RefusedError(422, {"detail": [problem("filterBy", "Input should be 'active' or 'stopped'")]})
    one = query.get("agentSessionId")
    sessions = world.sessions.values() if one is None else [world.sessions[one]] if one in world.sessions else []
    browsers = [
        (session, browser)
        for session in sessions
        for browser in session.browsers
        if query.get("filterBy", browser.status) == browser.status
    ]
    return page(query, browsers[::-1], lambda pair: views.browser(world, pair[0], pair[1], origin))


@route("GET", "/browsers/{id}", "v4")
def get_browser(world: World, request: Request, origin: str, browser_id: str) -> Answer:  # noqa: ARG001
    session, browser = _browser(world, browser_id)
    return Answer(200, views.browser(world, session, browser, origin) | {"recordingAvailable": False})


@route("PATCH", "/browsers/{id}", "v4")
def update_browser(world: World, request: Request, origin: str, browser_id: str) -> Answer:
    checked_body(world, request, "update browser", bare=True)
    session, browser = _browser(world, browser_id)
    world.stop_browser(browser)
    return Answer(200, views.browser(world, session, browser, origin) | {"recordingAvailable": False})


# --- what these share -----------------------------------------------------------------------------------------------


def _run(world: World, run_id: str) -> Task:
    task = world.tasks.get(run_id)
    if task is None or not task.ours or world.now - task.created_at < task.script.unknown:
        raise RefusedError(404, "Run not found")
    return task


def _session(world: World, session_id: str) -> Session:
    if session_id not in world.sessions:
        raise RefusedError(404, "Session not found")
    return world.sessions[session_id]


def _latest_run(world: World, session_id: str) -> Task:
    session = _session(world, session_id)
    if not session.tasks:
        raise RefusedError(404, "Session not found")
    return session.tasks[-1]


def _browser(world: World, browser_id: str) -> tuple[Session, Browser]:
    for session in world.sessions.values():
        for browser in session.browsers:
            if browser.id == browser_id:
                return session, browser
    raise RefusedError(404, "Session not found")


def _make_room(world: World) -> None:
    if world.max_sessions is not None and world.active_sessions() >= world.max_sessions:
        raise RefusedError(429, "Too many concurrent browsers. Wait for one to finish, stop one, or upgrade your plan.")


def _page_of_runs(
    world: World,
    query: Mapping[str, str],
    tasks: Sequence[Task],
    name: str,
    view: Callable[[Task], Any],
    *,
    default: int,
) -> Answer:
    """A page of runs that lists show by now, the newest first."""
    limit = min(number_of(query, "limit", default), MOST_ROWS)
    cursor = cursor_of(query)
    start = 0
    if cursor is not None:
        if not cursor.isdecimal():
            raise RefusedError(400, "Malformed pagination cursor")
        start = bisect_right(tasks, -int(cursor), key=lambda task: -task.stamp)
    left = (tasks[position] for position in range(start, len(tasks)))
    shown = (task for task in left if world.now - task.created_at >= task.script.hidden)
    rows = list(islice(shown, limit + 1))
    more = len(rows) > limit
    following = encoded(str(rows[limit - 1].stamp)) if more else None
    return Answer(200, {name: [view(task) for task in rows[:limit]], "nextCursor": following, "hasMore": more})
