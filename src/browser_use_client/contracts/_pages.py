"""Lists of an account. Not all in them is ours: one item that cannot be read must not hide the others."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any, TypeVar

from pydantic import ValidationError

from browser_use_client.effects import Call
from browser_use_client.models import Page, Unreadable
from browser_use_client.schema import problems_of

T = TypeVar("T")

log = logging.getLogger("browser_use_client")

PAGE_SIZE = 100
"""Items that a page of a list, and a part of an overview, holds at most."""


def none_of(_: Any) -> None:
    """The idempotency key, or the tag, of an item that carries none."""


def numbered_page(
    path: str,
    parse_item: Callable[[Any], T],
    cursor: str | None,
    *,
    params: Mapping[str, Any] | None = None,
    key_of: Callable[[Any], str | None] = none_of,
) -> Call[Page[T]]:
    """One page of at most `PAGE_SIZE` items of a list with a total, whose cursor is the number of the page.

    Args:
        path: The list.
        parse_item: Makes one item.
        cursor: Of the page; None for the first.
        params: What else is asked.
        key_of: See `read_items`.
    """
    number = int(cursor or 1)

    def parse(body: Any) -> Page[T]:
        items, unreadable = read_items(path, body["items"], parse_item, key_of)
        so_far = number * (body.get("pageSize") or PAGE_SIZE)
        is_last = not (items or unreadable) or so_far >= body["totalItems"]
        return Page(items=items, unreadable=unreadable, next=None if is_last else str(number + 1))

    return Call("GET", path, parse, params={"pageSize": PAGE_SIZE, "pageNumber": number, **(params or {})})


def read_items(
    what: str,
    items: Sequence[Any],
    parse_item: Callable[[Any], T],
    key_of: Callable[[Any], str | None] = none_of,
    tag_of_item: Callable[[Any], str | None] = none_of,
) -> tuple[tuple[T, ...], tuple[Unreadable, ...]]:
    """What a page holds: the items, and what else there is that cannot be read.

    Args:
        what: What is listed, such as `/tasks`, for the warning about what cannot be read.
        items: As they came.
        parse_item: Makes one item.
        key_of: Says which idempotency key an item carries that cannot be read.
        tag_of_item: Says which tag of a key it carries.
    """
    read: list[T] = []
    unreadable: list[Unreadable] = []
    for item in items:
        try:
            read.append(parse_item(item))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            item_id = str((isinstance(item, dict) and item.get("id")) or "without an id")
            problem = _problem(error)
            unreadable.append(Unreadable(id=item_id, key=key_of(item), tag=tag_of_item(item), problem=problem))
            _warn(what, item_id, problem)
    return tuple(read), tuple(unreadable)


@lru_cache(maxsize=1000)
def _warn(what: str, item_id: str, problem: str) -> None:
    """Once for each item, however often it is listed."""
    log.warning("Item %s of GET %s was passed over, since it cannot be read: %s", item_id, what, problem)


def _problem(error: Exception) -> str:
    """What is wrong with an item; never what stands in it."""
    if isinstance(error, ValidationError):
        return problems_of(error)
    return f"{error} is missing" if isinstance(error, KeyError) else "it has another form"
