"""Faults on demand, for tests of clients: `up --faults`, then PUT /_faults."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta, timezone
from fnmatch import fnmatch
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from browser_use_local.api.http import InvalidError, raw_body
from browser_use_local.records import wire_time

# How the contracts call what is in a list.
LISTS = ("items", "runs", "sessions")
GARBAGE = b'<html>{"id": "'


class Fault(BaseModel):
    """One rule: which requests go wrong, and how.

    Args:
        method: The method, such as POST; `*` is any.
        path: The path below /api/v2 or /api/v4, such as `/tasks` or `/runs/*`; with either of them it is of that one.
        times: How many requests; null is all of them.
        delay: Seconds to wait before anything else.
        status: The HTTP status to answer with.
        retry_after: Seconds, for the header Retry-After of that answer.
        drop: Drop the connection without an answer.
        garbage: Answer 200 with a body that is no JSON.
        when: Whether that happens `before` the work is done, which then is not done, or `after` it.
        hide: Leave tasks and runs younger than so many seconds out of lists.
    """

    model_config = ConfigDict(extra="forbid")

    method: str = "*"
    path: str = "/*"
    times: int | None = Field(default=None, ge=1)
    delay: float = Field(default=0, ge=0, le=600)
    status: int | None = Field(default=None, ge=400, le=599)
    retry_after: float | None = None
    drop: bool = False
    garbage: bool = False
    when: Literal["before", "after"] = "before"
    hide: float | None = Field(default=None, ge=0)

    def matches(self, method: str, path: str) -> bool:
        """Whether a request is meant."""
        return self.times != 0 and self.method in {"*", method} and fnmatch(path, self.path)


FAULTS = TypeAdapter(list[Fault])


class Faults:
    """Lets requests go wrong as the rules say; of several rules that match, the first one counts.

    Args:
        app: The server.
        starts: Where each contract begins.
    """

    def __init__(self, app: ASGIApp, starts: tuple[str, ...]) -> None:
        self._app = app
        self._starts = starts
        self.rules: list[Fault] = []
        self.drop: Callable[[Scope], None] = lambda scope: None  # noqa: ARG005 - until something can drop connections

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves a request, well or badly."""
        fault = self._fault(scope)
        if fault is None:
            await self._app(scope, receive, send)
            return
        await asyncio.sleep(fault.delay)
        if fault.status or fault.drop or fault.garbage:
            if fault.when == "after":
                await self._app(scope, receive, _nowhere)
            await self._go_wrong(fault, scope, receive, send)
        elif fault.hide is not None:
            await self._app(scope, receive, _Rewritten(send, fault.hide))
        else:
            await self._app(scope, receive, send)

    def _fault(self, scope: Scope) -> Fault | None:
        path = scope.get("path", "")
        start = next((start for start in self._starts if path.startswith(start)), None)
        if scope["type"] != "http" or start is None:
            return None
        names = (path, path.removeprefix(start))
        matching = (rule for rule in self.rules if any(rule.matches(scope["method"], name) for name in names))
        fault = next(matching, None)
        if fault and fault.times:
            fault.times -= 1
        return fault

    async def _go_wrong(self, fault: Fault, scope: Scope, receive: Receive, send: Send) -> None:
        if fault.drop:
            self.drop(scope)
            while (await receive())["type"] != "http.disconnect":
                pass
            return
        if fault.garbage:
            await Response(GARBAGE, 200, media_type="application/json")(scope, receive, send)
            return
        headers = {} if fault.retry_after is None else {"Retry-After": f"{fault.retry_after:g}"}
        await JSONResponse({"detail": "A fault on demand"}, fault.status or 500, headers)(scope, receive, send)

    async def endpoint(self, request: Request) -> Response:
        """GET and PUT /_faults."""
        if request.method == "PUT":
            try:
                self.rules = FAULTS.validate_json(await raw_body(request))
            except ValidationError as error:
                raise InvalidError.of(error, "body") from None
        return JSONResponse(FAULTS.dump_python(self.rules))

    def route(self, middleware: list[Middleware]) -> Route:
        """Where the rules are set."""
        return Route("/_faults", self.endpoint, methods=["GET", "PUT"], middleware=middleware)


async def _nowhere(message: Message) -> None:
    """Sends an answer to nobody."""


class _Rewritten:
    """Sends on a list of tasks without those that are too young."""

    def __init__(self, send: Send, seconds: float) -> None:
        self._send: Callable[[Message], Awaitable[None]] = send
        self._seconds = seconds
        self._start: Message = {}
        self._body = b""

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._start = message
            return
        self._body += message.get("body", b"")
        if message.get("more_body"):
            return
        body = self._without_young(self._body)
        headers = [pair for pair in self._start["headers"] if pair[0] != b"content-length"]
        await self._send({**self._start, "headers": [*headers, (b"content-length", str(len(body)).encode())]})
        await self._send({"type": "http.response.body", "body": body})

    def _without_young(self, body: bytes) -> bytes:
        try:
            page: Any = json.loads(body)
        except ValueError:
            return body
        name = next((name for name in LISTS if isinstance(page, dict) and name in page), None)
        if name is None:
            return body
        latest = wire_time(datetime.now(timezone.utc) - timedelta(seconds=self._seconds))
        items = [item for item in page[name] if (item.get("createdAt") or item["startedAt"]) < latest]
        total = {"totalItems": page["totalItems"] - len(page[name]) + len(items)} if "totalItems" in page else {}
        return json.dumps({**page, name: items, **total}).encode()
