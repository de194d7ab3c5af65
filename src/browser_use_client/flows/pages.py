"""Reading a list to its end."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import TypeVar

from browser_use_client.effects import Call, Flow
from browser_use_client.models import Page
from browser_use_client.retrying import retried

T = TypeVar("T")


def all_pages(list_page: Callable[[int], Call[Page[T]]]) -> Flow[list[Page[T]]]:
    """Every page of a list.

    What arrives meanwhile pushes others to later pages, so an item may be read twice; none is passed over.
    """
    pages: list[Page[T]] = []
    seen = 0
    for number in count(1):
        page = yield from retried(list_page(number))
        pages.append(page)
        seen += page.size
        if not page.size or seen >= page.total:
            break
    return pages
