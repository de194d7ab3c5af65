"""How many tasks stand, with as few requests as that takes."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from math import ceil

from browser_use_client.contracts import Contract
from browser_use_client.contracts._pages import PAGE_SIZE
from browser_use_client.effects import Call, Flow, Together
from browser_use_client.errors import BadRequestError, BrowserUseError, NotFoundError, RejectedRequestError
from browser_use_client.models import Overview, TaskState

REQUESTS_PER_UNSEEN_TASK = 0.1
"""Requests that may be spent on parts that show nothing new, for each task that is not seen yet."""

_REFUSALS = (BadRequestError, NotFoundError, RejectedRequestError)


@dataclass(frozen=True)
class Memory:
    """What one sweep tells the next.

    Attributes:
        parts: The cursors of the parts of the overview that showed two watched tasks or more, in their order.
        alone: The tasks that none of these parts showed: they are asked for one by one.
    """

    parts: tuple[str | None, ...] = ()
    alone: frozenset[str] = frozenset()


@dataclass
class Sweep:
    """What one sweep found.

    Attributes:
        ended: The tasks that have ended, by id.
        requests: How many requests it took.
        unanswered: Tasks of which the server did not say how they stand, by id, and why.
        memory: For the next sweep.
    """

    ended: dict[str, TaskState] = field(default_factory=dict)
    requests: int = 0
    unanswered: dict[str, BrowserUseError] = field(default_factory=dict)
    memory: Memory = Memory()


def sweep(contract: Contract, task_ids: Collection[str], *, memory: Memory = Memory()) -> Flow[Sweep]:
    """Polls tasks once: through the parts of an overview that show several of them, and the rest one by one.

    A task that no part shows is asked for itself before anything is said of it. So parts that shift while they are
    read, and tasks that change their status meanwhile, cost a request and never a wrong answer.

    Args:
        contract: What the server speaks.
        task_ids: The tasks.
        memory: Of the sweep before.

    Raises:
        BrowserUseError: The overview could not be read.
    """
    reading = _Reading(contract, set(task_ids))
    yield from reading.read(memory.parts)
    new = len(reading.unseen - memory.alone)
    if ceil(new / PAGE_SIZE) + 1 < new:
        yield from reading.walk()
    found = Sweep(requests=len(reading.further))
    yield from _ask(reading.unseen, contract.get_task_state, found)
    yield from _ask({*reading.ended, *found.ended}, contract.get_end, found)
    found.ended = {task_id: state for task_id, state in found.ended.items() if state.has_ended}
    found.memory = Memory(tuple(reading.useful), frozenset(set(task_ids) - reading.covered))
    return found


@dataclass
class _Reading:
    """The overview, as far as it is read.

    Attributes:
        contract: What the server speaks.
        unseen: The watched tasks that no part has shown yet.
        ended: Those that a part has shown to have ended.
        covered: Those that the useful parts show.
        useful: The cursors of the parts that showed two of them or more that no other part had shown.
        further: The cursors of the parts that have been read, and those that each of them leads to.
    """

    contract: Contract
    unseen: set[str]
    ended: set[str] = field(default_factory=set)
    covered: set[str] = field(default_factory=set)
    useful: list[str | None] = field(default_factory=list)
    further: dict[str | None, tuple[str, ...]] = field(default_factory=dict)

    def read(self, cursors: Sequence[str | None]) -> Flow[int]:
        """Reads parts, and says how many of them, at the end, showed nothing new. One that is refused shows nothing."""
        answers: list[Overview | BrowserUseError] = yield Together(tuple(map(self.contract.overview, cursors)))
        barren = 0
        for cursor, answer in zip(cursors, answers, strict=True):
            if isinstance(answer, BrowserUseError) and not isinstance(answer, _REFUSALS):
                raise answer
            part = answer if isinstance(answer, Overview) else Overview(live=())
            self.further[cursor] = part.further
            shown = self.unseen.intersection((*part.live, *part.ended))
            barren = 0 if shown else barren + 1
            self.unseen -= shown
            self.ended |= shown.intersection(part.ended)
            if len(shown) > 1:
                self.useful.append(cursor)
                self.covered |= shown
        return barren

    def walk(self) -> Flow[None]:
        """Reads on from the beginning until all are seen, or too many parts in a row have shown none of them."""
        ahead: list[str | None] = [None]
        passed: set[str | None] = set()
        barren = 0
        while ahead and self.unseen and (left := ceil(len(self.unseen) * REQUESTS_PER_UNSEEN_TASK) - barren) >= 0:
            unread = [cursor for cursor in ahead if cursor not in self.further][: left + 1]
            if unread:
                ended_with = yield from self.read(unread)
                barren = barren + ended_with if ended_with == len(unread) else ended_with
            read = [cursor for cursor in ahead if cursor in self.further]
            passed.update(read)
            led_to = [further for cursor in read for further in self.further[cursor]]
            ahead = [one for one in dict.fromkeys([*ahead, *led_to]) if one not in passed]


def _ask(task_ids: Iterable[str], question: Callable[[str], Call[TaskState] | None], found: Sweep) -> Flow[None]:
    """Asks for tasks one by one, where there is such a question about them, and notes which may have ended."""
    calls = {task_id: call for task_id in task_ids if (call := question(task_id)) is not None}
    answers = yield Together(tuple(calls.values()))
    found.requests += len(calls)
    for task_id, answer in zip(calls, answers, strict=True):
        found.ended.pop(task_id, None)
        if not isinstance(answer, TaskState):
            found.unanswered[task_id] = answer
        elif answer.may_have_ended:
            found.ended[task_id] = answer
