"""What all endpoints share: reading requests, and answering in the shapes of the contract."""

from __future__ import annotations

import hmac
import logging
from collections.abc import Sequence
from typing import Any, TypeVar, cast
from uuid import UUID

from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic_core import ErrorDetails
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from browser_use_local.api.views import Links, in_contract
from browser_use_local.local import Local

logger = logging.getLogger(__name__)

MAX_BODY_BYTES = 2 * 1024 * 1024

AnyBody = TypeVar("AnyBody", bound=BaseModel)
T = TypeVar("T")


class InvalidError(Exception):
    """A request that does not fit the contract: 422."""

    def __init__(self, errors: Sequence[dict[str, Any]]) -> None:
        super().__init__(errors)
        self.errors = errors

    @classmethod
    def of(cls, error: ValidationError, *where: str) -> InvalidError:
        """From what pydantic says. The input is left out: it may be a secret."""

        def entry(fault: ErrorDetails) -> dict[str, Any]:
            return {"loc": [*where, *fault["loc"]], "msg": fault["msg"], "type": fault["type"]}

        return cls(
            [entry(fault) for fault in error.errors(include_url=False, include_context=False, include_input=False)]
        )

    @classmethod
    def because(cls, message: str, *where: str) -> InvalidError:
        """With one message."""
        return cls([{"loc": list(where), "msg": message, "type": "value_error"}])


def local(request: Request) -> Local:
    """The server that got the request."""
    return cast("Local", request.app.state.local)


def links(request: Request) -> Links:
    """Makes URLs that the client of this request can open."""
    return Links(str(request.base_url))


def respond(request: Request, body: Any, status: int = 200) -> Response:
    """A JSON answer with the names that this server's contract has."""
    return JSONResponse(in_contract(body, local(request).settings.contract), status)


def nothing() -> Response:
    """204."""
    return Response(status_code=204)


async def raw_body(request: Request) -> bytes:
    """The body, if it is not too large."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY_BYTES:
            raise HTTPException(413, f"The request is larger than {MAX_BODY_BYTES // 1024} KB")
    return body


def read(kind: type[AnyBody], body: bytes) -> AnyBody:
    """The body as the contract defines it."""
    try:
        return kind.model_validate_json(body or b"{}")
    except ValidationError as error:
        raise InvalidError.of(error, "body") from None


def parameter(request: Request, name: str, kind: TypeAdapter[T], default: T) -> T:
    """A parameter of the query."""
    if name not in request.query_params:
        return default
    try:
        return kind.validate_strings(request.query_params[name])
    except ValidationError as error:
        raise InvalidError.of(error, "query", name) from None


def path_id(request: Request, name: str) -> str:
    """An id in the path, which must be a UUID."""
    try:
        return str(UUID(request.path_params[name]))
    except ValueError:
        raise InvalidError.because("Input should be a valid UUID", "path", name) from None


class KeyCheck:
    """Lets only requests with the API key through.

    Without a key to compare with, any key will do. There must be one all the same: a web page cannot send that header
    to another site unasked, so no page that the user happens to visit can start tasks here.
    """

    def __init__(self, app: ASGIApp, key: str | None) -> None:
        self._app = app
        self._key = key

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers 401, or passes the request on."""
        if scope["type"] == "http" and (problem := self._problem(dict(scope["headers"]))):
            await JSONResponse({"detail": problem}, 401)(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    def _problem(self, headers: dict[bytes, bytes]) -> str | None:
        key = headers.get(b"x-browser-use-api-key", b"").strip()
        if not key:
            return "The API key is missing: send it in the header X-Browser-Use-API-Key"
        if self._key is not None and not hmac.compare_digest(key, self._key.encode()):
            return "The API key is wrong: this server was started with another one (--api-key)"
        return None


async def on_http_error(request: Request, error: Exception) -> Response:  # noqa: ARG001 - Starlette's signature
    """An error with a status, as the contract writes it."""
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for this class
    return JSONResponse({"detail": error.detail}, error.status_code, error.headers)


async def on_invalid(request: Request, error: Exception) -> Response:  # noqa: ARG001
    """422. The contract has two shapes for it, one fault bare and a list below `detail`: this is both."""
    assert isinstance(error, InvalidError)  # noqa: S101
    return JSONResponse({"detail": error.errors, **error.errors[0]}, 422)


async def on_full_disk(request: Request, error: Exception) -> Response:  # noqa: ARG001
    """503: what cannot be written down is not done."""
    logger.warning("the data folder cannot be used: %s", error)
    detail = f"The data folder of the local server cannot be used, so nothing was done: {error}. Is its disk full?"
    return JSONResponse({"detail": detail}, 503, {"Retry-After": "5"})


async def on_mistake(request: Request, error: Exception) -> Response:  # noqa: ARG001
    """500, with nothing of the inside."""
    return JSONResponse({"detail": "An internal server error occurred; the server's log says more"}, 500)
