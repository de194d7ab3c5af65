"""A request that was read, the answer to it, and what all endpoints do with the two."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from . import schemas, schemas_v4
from .world import World

BODIES = {"v2-nested": schemas.NESTED, "v2-flat": schemas.FLAT, "v4": schemas_v4.BODIES}


@dataclass(frozen=True)
class Request:
    """A request that was read whole."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes


@dataclass
class Answer:
    """What to send back: JSON, or bytes as they are."""

    status: int
    content: Any = None
    headers: dict[str, str] = field(default_factory=dict)

    def encoded(self) -> bytes:
        """The body on the wire."""
        if isinstance(self.content, bytes):
            return self.content
        return b"" if self.content is None else json.dumps(self.content).encode()


class RefusedError(Exception):
    """An answer that ends the work early."""

    def __init__(self, status: int, detail: Any) -> None:
        super().__init__(detail)
        self.answer = Answer(status, detail if isinstance(detail, dict) else {"detail": detail})


def checked_body(world: World, request: Request, what: str, *, bare: bool) -> Any:
    """The decoded body, checked; a bare ValidationError where the contract documents one."""
    kinds = BODIES[world.contract]
    try:
        body = json.loads(request.body)
    except ValueError:
        found = [problem("body", "JSON decode error")]
    else:
        found = list(schemas.problems(schemas.without(kinds[what], world.unknown_fields), body))
    if found:
        raise RefusedError(422, found[0] if bare else {"detail": found})
    return body


def checked_query(request: Request, *names: str) -> Mapping[str, str]:
    unknown = request.query.keys() - set(names)
    if unknown:
        raise RefusedError(422, {"detail": [problem(name, "Extra inputs are not permitted") for name in unknown]})
    return request.query


def problem(name: str, message: str) -> dict[str, Any]:
    return {"type": "value_error", "loc": ["query", name], "msg": message, "input": None}


def moment_of(query: Mapping[str, str], name: str) -> float | None:
    if name not in query:
        return None
    try:
        return datetime.fromisoformat(query[name].replace("Z", "+00:00")).timestamp()
    except ValueError:
        raise RefusedError(422, {"detail": [problem(name, "Input should be a valid datetime")]}) from None


def page(query: Mapping[str, str], items: list[Any], view: Callable[[Any], Any]) -> Answer:
    size, number = query.get("pageSize", "10"), query.get("pageNumber", "1")
    if not (size.isdigit() and 1 <= int(size) <= 100 and number.isdigit() and int(number) >= 1):
        raise RefusedError(422, {"detail": [problem("pageSize", "Input should be between 1 and 100")]})
    start = (int(number) - 1) * int(size)
    return Answer(
        200,
        {
            "items": [view(item) for item in items[start : start + int(size)]],
            "totalItems": len(items),
            "pageNumber": int(number),
            "pageSize": int(size),
        },
    )
