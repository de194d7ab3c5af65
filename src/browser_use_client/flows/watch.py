"""How many tasks stand, with as few requests as that takes."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from math import ceil

from browser_use_client.contracts import Contract
from browser_use_client.effects import Call, Flow, Together
from browser_use_client.errors import BrowserUseError
from browser_use_client.models import Overview, TaskState

TASKS_PER_REQUEST = 100
"""How many running tasks one request for a part of the overview shows, about: a guess until it has been read."""


@dataclass
class Sweep:
    """What one sweep found.

    Attributes:
        ended: The tasks that have ended, by id.
        overview_requests: How many requests an overview of all that runs in the account takes; None if unknown.
        requests: How many requests it took.
        unanswered: Tasks of which the server did not say how they stand, by id, and why.
    """

    ended: dict[str, TaskState] = field(default_factory=dict)
    overview_requests: int | None = None
    requests: int = 0
    unanswered: dict[str, BrowserUseError] = field(default_factory=dict)


def sweep(contract: Contract, task_ids: Collection[str], *, overview_requests: int | None) -> Flow[Sweep]:
    """Polls tasks once: through an overview of what runs where that takes fewer requests, else one by one.

    A task that the overview does not show is asked for itself before anything is said of it. So pages that shift while
    they are read, and tasks that change their status meanwhile, cost a request and never a wrong answer.

    Args:
        contract: What the server speaks.
        task_ids: The tasks.
        overview_requests: How many requests the overview took in an earlier sweep; None if unknown.

    Raises:
        BrowserUseError: The overview could not be read.
    """
    found = Sweep(overview_requests=overview_requests)
    unseen = list(task_ids)
    if (overview_requests or ceil(len(unseen) / TASKS_PER_REQUEST) + 1) < len(unseen):
        live = yield from _live_ids(contract, found)
        unseen = [task_id for task_id in unseen if task_id not in live]
    yield from _ask(unseen, contract.get_task_state, found)
    yield from _ask(list(found.ended), contract.get_end, found)
    return found


def _ask(task_ids: Sequence[str], question: Callable[[str], Call[TaskState] | None], found: Sweep) -> Flow[None]:
    """Asks for tasks one by one, and notes which have ended."""
    calls = {task_id: call for task_id in task_ids if (call := question(task_id)) is not None}
    answers = yield Together(tuple(calls.values()))
    found.requests += len(calls)
    for task_id, answer in zip(calls, answers, strict=True):
        found.ended.pop(task_id, None)
        if not isinstance(answer, TaskState):
            found.unanswered[task_id] = answer
        elif answer.has_ended:
            found.ended[task_id] = answer


def _live_ids(contract: Contract, found: Sweep) -> Flow[set[str]]:
    """The ids of all tasks that run, of anyone in the account."""
    live: set[str] = set()
    parts: tuple[Call[Overview], ...] = (contract.overview(None),)
    while parts:
        answers: list[Overview | BrowserUseError] = yield Together(parts)
        found.requests += len(parts)
        parts = ()
        for answer in answers:
            if isinstance(answer, BrowserUseError):
                raise answer
            live.update(answer.live)
            parts += tuple(map(contract.overview, answer.further))
    found.overview_requests = found.requests
    return live
