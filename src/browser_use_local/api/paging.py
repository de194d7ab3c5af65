"""Lists: pages of records, newest first."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any, TypeVar

from pydantic import Field, TypeAdapter
from starlette.requests import Request

from browser_use_local.api.http import local, parameter
from browser_use_local.records import Profile, Session, Task

SIZE: TypeAdapter[int] = TypeAdapter(Annotated[int, Field(ge=1, le=100)])
NUMBER: TypeAdapter[int] = TypeAdapter(Annotated[int, Field(ge=1, le=1_000_000_000)])

Listed = TypeVar("Listed", Session, Task, Profile)


def page(
    request: Request, kind: type[Listed], where: Mapping[str, Any], order: str, view: Callable[[Listed], dict[str, Any]]
) -> dict[str, Any]:
    """The page of records that the request asks for."""
    size = parameter(request, "pageSize", SIZE, 10)
    number = parameter(request, "pageNumber", NUMBER, 1)
    store = local(request).store
    records = store.select(kind, where, order=f"{order} DESC", limit=size, offset=(number - 1) * size)
    return {
        "items": [view(record) for record in records],
        "totalItems": store.count(kind, where),
        "pageNumber": number,
        "pageSize": size,
    }
