"""Lists in v4: each page from a cursor on."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, TypeVar

from pydantic import Field, TypeAdapter
from starlette.exceptions import HTTPException
from starlette.requests import Request

from browser_use_local.api.http import local, parameter
from browser_use_local.records import Conversation, Run

LIMIT: TypeAdapter[int] = TypeAdapter(Annotated[int, Field(ge=1, le=100)])

JsonObject = dict[str, Any]
Listed = TypeVar("Listed", Run, Conversation)
T = TypeVar("T")


def cursor_of(place: str) -> str:
    """A place in a list as clients hand it back."""
    return base64.urlsafe_b64encode(json.dumps(place).encode()).decode()


def place_of(request: Request) -> str | None:
    """The place that the request's cursor stands for; 400 if it is none of ours."""
    if not (cursor := request.query_params.get("cursor")):
        return None
    try:
        place = json.loads(base64.urlsafe_b64decode(cursor))
    except (binascii.Error, ValueError):
        place = None
    if not isinstance(place, str):
        raise HTTPException(400, "The cursor is malformed")
    return place


def newest(
    request: Request, kind: type[Listed], where: Mapping[str, Any], place: str, default: int
) -> tuple[list[Listed], JsonObject]:
    """The records of the page that the request asks for, and what it says about the next one.

    Args:
        request: Has `limit` and `cursor`.
        kind: What is listed.
        where: Which ones.
        place: An expression for the place of a record in the list, the largest first.
        default: How many, where the request does not say.
    """
    limit = parameter(request, "limit", LIMIT, default)
    after = place_of(request)
    conditions = {**where, f"{place} <": after} if after else where
    found = local(request).store.select(kind, conditions, order=f"{place} DESC", limit=limit + 1)
    return _page(found, limit, lambda record: record.place)


def in_order(request: Request, items: Sequence[T], place: Callable[[T], str]) -> tuple[list[T], JsonObject]:
    """The same for items that are in the order of their places, the smallest first."""
    limit = parameter(request, "limit", LIMIT, 50)
    after = place_of(request)
    later = [item for item in items if after is None or place(item) > after]
    return _page(later, limit, place)


def _page(found: Sequence[T], limit: int, place: Callable[[T], str]) -> tuple[list[T], JsonObject]:
    page, has_more = list(found[:limit]), len(found) > limit
    return page, {"nextCursor": cursor_of(place(page[-1])) if has_more else None, "hasMore": has_more}
