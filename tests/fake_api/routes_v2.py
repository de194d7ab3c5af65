"""The endpoints of both revisions of v2, on a `World`."""

from __future__ import annotations

from uuid import uuid4

from . import views_v2 as views
from .exchange import Answer, RefusedError, Request, checked_body, checked_query, moment_of, page, problem
from .files import download_url, presigned
from .routing import route
from .tasks import Session, Task
from .world import World

V2 = ("v2-nested", "v2-flat")
ACTIONS = {"pause": "paused", "resume": "started"}


@route("POST", "/tasks", *V2)
def create_task(world: World, request: Request, origin: str) -> Answer:  # noqa: ARG001 - all handlers alike
    nested = world.contract == "v2-nested"
    body = checked_body(world, request, "create task", bare=not nested)
    agent = body.get("agentSettings", {}) if nested else body
    session_id = body.get("browserSettings", {}).get("sessionId") if nested else body.get("sessionId")
    if session_id:
        session = _session(world, session_id)
        if session.status == "stopped":
            raise RefusedError(400, "Browser session is stopped. Please start a new session and try again.")
        if any(task.is_live for task in session.tasks):
            raise RefusedError(
                400, "Agent session already has a running task. Please wait for it to finish or stop it manually."
            )
    else:
        if nested:
            _charge(world)
            _check_profile(world, "agent-profiles", agent.get("profileId"))
            _check_profile(world, "browser-profiles", body.get("browserSettings", {}).get("profileId"))
        else:
            _check_profile(world, "profiles", (body.get("sessionSettings") or {}).get("profileId"))
        _make_room(world)
        session = world.create_session(keep_alive=nested)
    default = "o3" if nested else "browser-use-2.0"
    task = world.create_task(body, agent.get("llm", default), session)
    return Answer(202, {"id": task.id, "sessionId": task.session_id})


@route("GET", "/tasks", *V2)
def list_tasks(world: World, request: Request, origin: str) -> Answer:  # noqa: ARG001 - all handlers alike
    query = checked_query(request, "pageSize", "pageNumber", "sessionId", "filterBy", "after", "before")
    after, before = moment_of(query, "after"), moment_of(query, "before")
    live = ("created", "started") if world.contract == "v2-flat" else ("started", "paused")
    ended = ("finished", "failed", "stopped") if world.contract == "v2-flat" else ("finished", "stopped")
    if query.get("filterBy", live[0]) not in live + ended:
        raise RefusedError(422, {"detail": [problem("filterBy", "Input should be a task status")]})
    tasks = [
        task
        for task in world.listed_tasks()
        if query.get("filterBy", task.status) == task.status
        and query.get("sessionId", task.session_id) == task.session_id
        and (after is None or task.created_at > after)
        and (before is None or task.created_at < before)
    ]
    return page(query, tasks, lambda task: views.task_item(world, task) | task.script.odd)


@route("GET", "/tasks/{id}", *V2)
def get_task(world: World, request: Request, origin: str, task_id: str) -> Answer:  # noqa: ARG001
    task = _task(world, task_id)
    world.poll(task)
    return Answer(200, views.whole_task(world, task, origin))


@route("GET", "/tasks/{id}/status", "v2-flat")
def get_status(world: World, request: Request, origin: str, task_id: str) -> Answer:  # noqa: ARG001
    task = _task(world, task_id)
    world.poll(task)
    return Answer(200, views.task_status(world, task))


@route("PATCH", "/tasks/{id}", *V2)
def update_task(world: World, request: Request, origin: str, task_id: str) -> Answer:
    action = checked_body(world, request, "update task", bare=world.contract == "v2-flat")["action"]
    task = _task(world, task_id)
    if action in ACTIONS:
        if task.is_live:
            task.status = ACTIONS[action]
        return Answer(200, views.whole_task(world, task, origin))
    task.stops += 1
    world.end(task, "stopped")
    if action == "stop_task_and_session":
        world.stop_session(world.sessions[task.session_id])
    return Answer(200, views.whole_task(world, task, origin))


@route("GET", "/tasks/{id}/logs", *V2)
def get_logs(world: World, request: Request, origin: str, task_id: str) -> Answer:  # noqa: ARG001
    task = _task(world, task_id)
    return Answer(200, {"downloadUrl": download_url(world, origin, f"Log of task {task.id}\n".encode())})


@route("GET", "/tasks/{id}/output-files/{id}", "v2-nested")
@route("GET", "/files/tasks/{id}/output-files/{id}", "v2-flat")
def get_output_file(world: World, request: Request, origin: str, task_id: str, file_id: str) -> Answer:  # noqa: ARG001
    for name, known in _task(world, task_id).file_ids.items():
        if known == file_id and known in world.downloads:
            return Answer(200, {"id": file_id, "fileName": name, "downloadUrl": f"{origin}/_files/{file_id}"})
    raise RefusedError(404, "Output file not found")


@route("POST", "/sessions", "v2-flat")
def create_session(world: World, request: Request, origin: str) -> Answer:
    body = checked_body(world, request, "create session", bare=True)
    _charge(world)
    _check_profile(world, "profiles", body.get("profileId"))
    _make_room(world)
    session = world.create_session(keep_alive=body.get("keepAlive", True))
    return Answer(201, views.session_item(world, session, origin))


@route("GET", "/sessions", *V2)
def list_sessions(world: World, request: Request, origin: str) -> Answer:
    query = checked_query(request, "pageSize", "pageNumber", "filterBy")
    sessions = [
        session
        for session in reversed(world.sessions.values())
        if query.get("filterBy", session.status) == session.status
    ]
    return page(query, sessions, lambda session: views.session_item(world, session, origin))


@route("GET", "/sessions/{id}", *V2)
def get_session(world: World, request: Request, origin: str, session_id: str) -> Answer:  # noqa: ARG001
    return Answer(200, views.whole_session(world, _session(world, session_id), origin))


@route("PATCH", "/sessions/{id}", *V2)
def update_session(world: World, request: Request, origin: str, session_id: str) -> Answer:
    checked_body(world, request, "update session", bare=world.contract == "v2-flat")
    session = _session(world, session_id)
    world.stop_session(session)
    return Answer(200, views.whole_session(world, session, origin))


@route("DELETE", "/sessions/{id}", *V2)
def delete_session(world: World, request: Request, origin: str, session_id: str) -> Answer:  # noqa: ARG001
    session = _session(world, session_id)
    world.stop_session(session)
    for task in session.tasks:
        del world.tasks[task.id]
    del world.sessions[session.id]
    return Answer(204)


@route("GET", "/sessions/{id}/public-share", *V2)
def get_share(world: World, request: Request, origin: str, session_id: str) -> Answer:  # noqa: ARG001
    session = _session(world, session_id)
    if session.share_token is None:
        raise RefusedError(404, "Public share not found")
    return Answer(200, views.share(session, origin))


@route("POST", "/sessions/{id}/public-share", *V2)
def create_share(world: World, request: Request, origin: str, session_id: str) -> Answer:  # noqa: ARG001
    session = _session(world, session_id)
    session.share_token = session.share_token or uuid4().hex
    return Answer(201, views.share(session, origin))


@route("DELETE", "/sessions/{id}/public-share", *V2)
def delete_share(world: World, request: Request, origin: str, session_id: str) -> Answer:  # noqa: ARG001
    _session(world, session_id).share_token = None
    return Answer(204)


@route("POST", "/users/me/files/presigned-url", "v2-nested")
def user_upload(world: World, request: Request, origin: str) -> Answer:
    return presigned(world, request, origin, world.user_files)


@route("POST", "/files/sessions/{id}/presigned-url", "v2-flat")
def session_upload(world: World, request: Request, origin: str, session_id: str) -> Answer:
    return presigned(world, request, origin, _session(world, session_id).workspace.files)


@route("GET", "/users/me", "v2-nested")
@route("GET", "/billing/account", "v2-flat", "v4")
def get_account(world: World, request: Request, origin: str) -> Answer:  # noqa: ARG001 - all handlers alike
    return Answer(200, views.account(world))


def _profile_routes(kind: str, *contracts: str) -> None:
    """List, create, read and delete of one kind of profiles."""

    def create(world: World, request: Request, origin: str) -> Answer:  # noqa: ARG001 - all handlers alike
        body = checked_body(world, request, kind, bare=world.contract != "v2-nested")
        now = views.moment(world.now)
        profile = {"id": str(uuid4()), **body, "createdAt": now, "updatedAt": now}
        world.profiles.setdefault(kind, {})[profile["id"]] = profile
        return Answer(201, profile)

    def listed(world: World, request: Request, origin: str) -> Answer:  # noqa: ARG001 - all handlers alike
        query = checked_query(request, "pageSize", "pageNumber", *(["query"] if world.contract == "v4" else []))
        return page(query, list(reversed(world.profiles.get(kind, {}).values())), lambda profile: profile)

    def read(world: World, request: Request, origin: str, profile_id: str) -> Answer:  # noqa: ARG001
        _check_profile(world, kind, profile_id)
        return Answer(200, world.profiles[kind][profile_id])

    def delete(world: World, request: Request, origin: str, profile_id: str) -> Answer:  # noqa: ARG001
        world.profiles.get(kind, {}).pop(profile_id, None)
        return Answer(204)

    route("GET", f"/{kind}", *contracts)(listed)
    route("POST", f"/{kind}", *contracts)(create)
    route("GET", f"/{kind}/{{id}}", *contracts)(read)
    route("DELETE", f"/{kind}/{{id}}", *contracts)(delete)


_profile_routes("agent-profiles", "v2-nested")
_profile_routes("browser-profiles", "v2-nested")
_profile_routes("profiles", "v2-flat", "v4")


def _task(world: World, task_id: str) -> Task:
    task = world.tasks.get(task_id)
    if task is None or not task.ours or world.now - task.created_at < task.script.unknown:
        raise RefusedError(404, "Task not found")
    return task


def _session(world: World, session_id: str) -> Session:
    if session_id not in world.sessions:
        raise RefusedError(404, "Session not found")
    return world.sessions[session_id]


def _check_profile(world: World, kind: str, profile_id: str | None) -> None:
    if profile_id is not None and profile_id not in world.profiles.get(kind, {}):
        raise RefusedError(404, "Profile not found")


def _charge(world: World) -> None:
    if world.credits <= 0:
        raise RefusedError(402, "Insufficient credits")


def _make_room(world: World) -> None:
    if world.max_sessions is not None and world.active_sessions() >= world.max_sessions:
        raise RefusedError(
            429, "Too many concurrent active sessions. Please wait for one to finish, kill one, or upgrade your plan."
        )
