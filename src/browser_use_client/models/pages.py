"""What a page of a list holds."""

from __future__ import annotations

from typing import Generic, TypeVar

from browser_use_client.models._base import View
from browser_use_client.models.keys import Keyed

T = TypeVar("T")


class Unreadable(Keyed):
    """An item of a list that could not be read.

    Attributes:
        id: Its id.
        problem: What is wrong with it.
    """

    id: str
    problem: str


class Page(View, Generic[T]):
    """One page of a list.

    Attributes:
        items: What it holds.
        unreadable: What else it holds.
        next: The cursor of the page after it; None if it is the last that can hold what was asked for.
    """

    items: tuple[T, ...]
    unreadable: tuple[Unreadable, ...] = ()
    next: str | None = None

    @property
    def size(self) -> int:
        """How many it holds of both."""
        return len(self.items) + len(self.unreadable)
