"""Lists of an account. Not all in them is ours: one item that cannot be read must not hide the others."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import lru_cache
from typing import Any, TypeVar

from pydantic import ValidationError

from browser_use_client.models import Page, Unreadable
from browser_use_client.schema import problems_of

T = TypeVar("T")

log = logging.getLogger("browser_use_client")


def page_of(
    what: str, parse_item: Callable[[Any], T], key_of: Callable[[Any], str | None] = lambda _: None
) -> Callable[[Any], Page[T]]:
    """Makes a parser of one page of a list.

    Args:
        what: What is listed, such as `/tasks`, for the warning about what cannot be read.
        parse_item: Makes one item.
        key_of: Says which idempotency key an item carries that cannot be read.
    """

    def parse(body: Any) -> Page[T]:
        items: list[T] = []
        unreadable: list[Unreadable] = []
        for item in body["items"]:
            try:
                items.append(parse_item(item))
            except (ValueError, KeyError, TypeError, AttributeError) as error:
                item_id = str((isinstance(item, dict) and item.get("id")) or "without an id")
                unreadable.append(Unreadable(id=item_id, key=key_of(item), problem=_problem(error)))
                _warn(what, item_id, _problem(error))
        return Page(items=tuple(items), unreadable=tuple(unreadable), total=body["totalItems"])

    return parse


@lru_cache(maxsize=1000)
def _warn(what: str, item_id: str, problem: str) -> None:
    """Once for each item, however often it is listed."""
    log.warning("Item %s of GET %s was passed over, since it cannot be read: %s", item_id, what, problem)


def _problem(error: Exception) -> str:
    """What is wrong with an item; never what stands in it."""
    if isinstance(error, ValidationError):
        return problems_of(error)
    return f"{error} is missing" if isinstance(error, KeyError) else "it has another form"
