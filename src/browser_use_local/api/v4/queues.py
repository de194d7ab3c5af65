"""/sessions/{id}/queue: messages that become runs."""

from __future__ import annotations

from typing import Any

from pydantic import TypeAdapter, ValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from browser_use_local.api.http import InvalidError, local, raw_body, read
from browser_use_local.api.v4.bodies import NewMessage
from browser_use_local.api.v4.sessions import known_conversation
from browser_use_local.queues import QueueFullError
from browser_use_local.records import Message

MESSAGE_ID: TypeAdapter[int] = TypeAdapter(int)


def _known(request: Request) -> Message:
    """The message that the path names; 404 if there is none."""
    try:
        message_id = MESSAGE_ID.validate_strings(request.path_params["message_id"])
    except ValidationError as error:
        raise InvalidError.of(error, "path", "message_id") from None
    found = local(request).store.get(Message, id=message_id, conversation_id=known_conversation(request).id)
    if found is None:
        raise HTTPException(404, "Message not found")
    return found


def _view(message: Message) -> dict[str, Any]:
    """A message (QueuedMessage)."""
    return {
        "id": message.id,
        "sessionId": message.conversation_id,
        "runId": message.run_id,
        "mode": message.mode,
        "status": message.status,
        "text": message.text,
        "attachedFileIds": message.attached_file_ids,
        "createdAt": message.created_at,
    }


async def send(request: Request) -> Response:
    """POST /sessions/{id}/queue."""
    conversation = known_conversation(request)
    body = read(NewMessage, await raw_body(request))
    attached = None if body.attached_file_ids is None else [str(one) for one in body.attached_file_ids]
    once = request.headers.get("x-v4-queue-deduplicate") == "exact-text-v1"
    queues = local(request).queues
    try:
        message = await queues.send(conversation, body.text, attached, interrupt=body.interrupt, once=once)
    except QueueFullError:
        raise HTTPException(429, "The queue of the session is full", headers={"Retry-After": "5"}) from None
    return JSONResponse(_view(message))


async def listing(request: Request) -> Response:
    """GET /sessions/{id}/queue: what waits, in the order in which it will run."""
    pending = local(request).queues.pending(known_conversation(request).id)
    return JSONResponse({"queue": [_view(message) for message in pending], "steeringCutoffs": []})


async def get(request: Request) -> Response:
    """GET /sessions/{id}/queue/{message_id}: a message, whatever became of it."""
    return JSONResponse(_view(_known(request)))


async def remove(request: Request) -> Response:
    """DELETE /sessions/{id}/queue/{message_id}."""
    if not local(request).queues.remove(_known(request)):
        raise HTTPException(409, "The message does not wait any more")
    return await get(request)


ROUTES = [
    Route("/sessions/{session_id}/queue", send, methods=["POST"]),
    Route("/sessions/{session_id}/queue", listing, methods=["GET"]),
    Route("/sessions/{session_id}/queue/{message_id}", get, methods=["GET"]),
    Route("/sessions/{session_id}/queue/{message_id}", remove, methods=["DELETE"]),
]
