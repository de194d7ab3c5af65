"""How many tasks stand, with as few requests as that takes."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from math import ceil
from typing import Any

from browser_use_client.contracts import Contract
from browser_use_client.effects import Call, Flow, Together, call
from browser_use_client.errors import BrowserUseError
from browser_use_client.models import Page, TaskState

PAGE_SIZE = 100


@dataclass
class Sweep:
    """What one look at many tasks found.

    Attributes:
        ended: The tasks that have ended, by id.
        running: How many tasks of the account run, of anyone; None if this look did not tell.
        requests: How many requests it took.
        unanswered: Tasks of which the server did not say how they stand, by id, and why.
    """

    ended: dict[str, TaskState] = field(default_factory=dict)
    running: int | None = None
    requests: int = 0
    unanswered: dict[str, BrowserUseError] = field(default_factory=dict)


def sweep(contract: Contract, task_ids: Collection[str], *, running: int | None) -> Flow[Sweep]:
    """Looks at tasks once: through the lists of running ones where that takes fewer requests, else one by one.

    A task that is in no list is asked for itself before anything is said of it. So pages that shift while they
    are read, and tasks that change their status meanwhile, cost a request and never a wrong answer.

    Args:
        contract: What the server speaks.
        task_ids: The tasks.
        running: How many tasks of the account run, from an earlier look; None if unknown.

    Raises:
        BrowserUseError: A list could not be read.
    """
    found = Sweep(running=running)
    unseen = list(task_ids)
    pages = ceil((running or len(unseen)) / PAGE_SIZE) + len(contract.LIVE_STATUSES) - 1
    if pages < len(unseen):
        live = yield from _live_ids(contract, found)
        unseen = [task_id for task_id in unseen if task_id not in live]
    answers = yield Together(tuple(contract.get_task_state(task_id) for task_id in unseen))
    found.requests += len(unseen)
    for task_id, answer in zip(unseen, answers, strict=True):
        if isinstance(answer, TaskState):
            if answer.has_ended:
                found.ended[task_id] = answer
        else:
            found.unanswered[task_id] = answer
    return found


def _live_ids(contract: Contract, found: Sweep) -> Flow[set[str]]:
    """The ids of all tasks that run, of anyone in the account."""
    live: set[str] = set()
    found.running = 0
    for status in contract.LIVE_STATUSES:
        first: Page[str] = yield from call(contract.list_task_ids(status, 1))
        more: tuple[Call[Any], ...] = tuple(
            contract.list_task_ids(status, page) for page in range(2, ceil(first.total / PAGE_SIZE) + 1)
        )
        for page in [first, *(yield Together(more))]:
            if isinstance(page, BrowserUseError):
                raise page
            live.update(page.items)
        found.running += first.total
        found.requests += 1 + len(more)
    return live
