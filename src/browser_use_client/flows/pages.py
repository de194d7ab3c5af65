"""Reading a list to its end."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from browser_use_client.effects import Call, Flow
from browser_use_client.models import Page
from browser_use_client.retrying import retried

T = TypeVar("T")


def all_pages(list_page: Callable[[str | None], Call[Page[T]]]) -> Flow[list[Page[T]]]:
    """Every page of a list, of which each is read by its cursor.

    What arrives meanwhile pushes others to later pages, so an item may be read twice; none is passed over.
    """
    pages = [(yield from retried(list_page(None)))]
    while pages[-1].next is not None:
        pages.append((yield from retried(list_page(pages[-1].next))))
    return pages
