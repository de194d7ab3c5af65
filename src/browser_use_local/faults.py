"""Faults on demand, for tests of clients: `up --faults`, then PUT /_faults."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta, timezone
from fnmatch import fnmatch
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, model_validator
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from browser_use_local.api.http import InvalidError, raw_body
from browser_use_local.records import wire_time

# How the contracts call what is in a list.
LISTS = ("items", "runs", "sessions")


class Fault(BaseModel):
    """One fault, for requests that match. Of `status`, `garbage`, `hang` and `hide` there is one at most.

    Without any of them and without `delay`, the connection is dropped.

    Args:
        method: The method, such as POST; `*` is any.
        path: The path below /api/v2 or /api/v4, such as `/tasks` or `/runs/*`; with either of them it is of that one.
        times: For so many requests; null is all of them.
        skip: After letting so many pass.
        work: Whether the work is done that was asked for: `never`, or `done` before the answer goes wrong.
        delay: Seconds to wait before anything else.
        status: Answer with this status instead.
        retry_after: Seconds, for the header Retry-After of that answer.
        detail: The detail of that answer.
        garbage: Answer 200 with this text instead.
        hang: Do not answer; the client has to give up.
        hide: Answer, but leave tasks and runs younger than so many seconds out of lists.
    """

    model_config = ConfigDict(extra="forbid")

    method: str = "*"
    path: str = "*"
    times: int | None = Field(default=1, ge=1)
    skip: int = Field(default=0, ge=0)
    work: Literal["never", "done"] = "never"
    delay: float = Field(default=0, ge=0, le=600)
    status: int | None = Field(default=None, ge=400, le=599)
    retry_after: float | None = None
    detail: Any = "A fault on demand"
    garbage: str | None = None
    hang: bool = False
    hide: float | None = Field(default=None, ge=0)

    @model_validator(mode="after")
    def _is_one(self) -> Fault:
        if sum([self.status is not None, self.garbage is not None, self.hang, self.hide is not None]) > 1:
            raise ValueError("a fault has one of status, garbage, hang and hide at most")
        return self

    @property
    def lets_through(self) -> bool:
        """Whether the server's own answer comes, late or with something left out."""
        return self.hide is not None or bool(
            self.delay and self.status is None and self.garbage is None and not self.hang
        )

    def strikes(self, method: str, paths: tuple[str, ...]) -> bool:
        """Whether a request is meant; counts those that are."""
        if self.times == 0 or self.method not in {"*", method} or not any(fnmatch(one, self.path) for one in paths):
            return False
        if self.skip:
            self.skip -= 1
            return False
        if self.times is not None:
            self.times -= 1
        return True


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
        if fault.lets_through:
            await self._app(scope, receive, send if fault.hide is None else _Rewritten(send, fault.hide))
            return
        if fault.work == "done":
            await self._app(scope, receive, _nowhere)
        await self._go_wrong(fault, scope, receive, send)

    def _fault(self, scope: Scope) -> Fault | None:
        path = scope.get("path", "")
        start = next((start for start in self._starts if path.startswith(start)), None)
        if scope["type"] != "http" or start is None:
            return None
        paths = (path, path.removeprefix(start))
        return next((rule for rule in self.rules if rule.strikes(scope["method"], paths)), None)

    async def _go_wrong(self, fault: Fault, scope: Scope, receive: Receive, send: Send) -> None:
        if fault.status is not None:
            headers = {} if fault.retry_after is None else {"Retry-After": f"{fault.retry_after:g}"}
            await JSONResponse({"detail": fault.detail}, fault.status, headers)(scope, receive, send)
        elif fault.garbage is not None:
            await Response(fault.garbage, 200, media_type="application/json")(scope, receive, send)
        else:
            if not fault.hang:
                self.drop(scope)
            while (await receive())["type"] != "http.disconnect":
                pass

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
