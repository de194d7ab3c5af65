"""Finding tasks by the key that they were created under."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import TypeVar

from browser_use_client.contracts import Contract
from browser_use_client.effects import Clock, Flow
from browser_use_client.errors import UnexpectedResponseError
from browser_use_client.flows.pages import all_pages
from browser_use_client.limits import LATEST
from browser_use_client.models import Page, Task, Unreadable
from browser_use_client.models.keys import tag_of, without_tag
from browser_use_client.retrying import retried
from browser_use_client.server_clock import ServerClock

log = logging.getLogger("browser_use_client")

T = TypeVar("T")

LOOK_BACK = timedelta(days=7)
"""How far back a key is looked for when its owner does not say."""

CLOCK_SKEW = timedelta(minutes=10)
"""How far the clock that stamps tasks may be from the one that dates the server's answers: these may be two machines,
and before the first answer it is ours."""


def ago(clock: Clock, interval: timedelta) -> datetime:
    """The moment that was `interval` ago."""
    return datetime.fromtimestamp(clock(), timezone.utc) - interval


def tasks_with_keys(
    contract: Contract,
    keys: Collection[str],
    *,
    after: datetime,
    server_clock: ServerClock,
    session_id: str | None = None,
    own: Mapping[str, str] | None = None,
    prompt: str = "",
    latest_only: bool = False,
) -> Flow[list[Task]]:
    """All tasks that carry one of some keys, the oldest first: in one order for every caller, so all elect the same.

    Args:
        contract: What the server speaks.
        keys: The keys. Each task that is found has its own in `key`.
        after: Tasks before this moment by our clock, less `CLOCK_SKEW`, are passed over.
        server_clock: Says what moment that is on the server. Where its answers show that this was too late, the tasks
            are read again.
        session_id: Only tasks of this session. Default: all.
        own: Tasks that are known to have been created under one of the keys, by id.
        prompt: What such a task was asked, with its key if that stands there.
        latest_only: Read no further back than the latest of them: up to the first page without one, after one with one.
            So those that were created together are found together, even across the end of a page.
    """
    if not keys:
        return []
    wanted = Keys(keys, own=own, prompt=prompt)
    found = yield from _by_server_clock(
        after, server_clock, lambda since: _read(contract, wanted, since, session_id, latest_only=latest_only)
    )
    return _oldest_first(found)


@dataclass
class TaskLists:
    """The lists of tasks as they stood at one moment, to look up many keys in.

    Attributes:
        pages: The lists, the newest task first.
        whole: Tasks that the lists show shortened, as they were read since.
    """

    pages: Sequence[Page[Task]] = ()
    whole: dict[str, Task] = field(default_factory=dict)

    @property
    def tasks(self) -> list[Task]:
        """What could be read, each task once, in the order of the lists."""
        listed = {task.id: task for page in self.pages for task in page.items}
        return [self.whole.get(task_id, task) for task_id, task in listed.items()]

    def with_keys(self, contract: Contract, keys: Keys) -> Flow[list[Task]]:
        """The tasks that carry one of some keys, the oldest first. See `tasks_with_keys`."""
        found: dict[str, Task] = {}
        for page in self.pages:
            found |= yield from _on_page(contract, keys, page, self.whole)
        return _oldest_first(found)


ReadLists = Callable[[], TaskLists | Awaitable[TaskLists]]
"""Says how the lists stand as a key is looked up; the async client awaits what it returns."""


def read_lists(contract: Contract, *, after: datetime, server_clock: ServerClock) -> Flow[TaskLists]:
    """All tasks since a moment by our clock. See `tasks_with_keys`."""
    pages = yield from _by_server_clock(
        after,
        server_clock,
        lambda since: all_pages(lambda cursor: contract.list_tasks(cursor=cursor, after=since)),
    )
    return TaskLists(pages)


def find_task(
    contract: Contract, key: str, *, after: datetime, session_id: str | None, server_clock: ServerClock
) -> Flow[Task | None]:
    """The task under a key that counts: a live one, else the newest that ended; None if there is none."""
    found = yield from tasks_with_keys(contract, [key], after=after, session_id=session_id, server_clock=server_clock)
    live = [task for task in found if not task.has_ended]
    return live[0] if live else found[-1] if found else None


class Keys:
    """Keys that are looked for.

    Args:
        keys: The keys.
        own: See `tasks_with_keys`.
        prompt: See `tasks_with_keys`.
    """

    def __init__(
        self,
        keys: Collection[str],
        *,
        own: Mapping[str, str] | None = None,
        prompt: str = "",
    ) -> None:
        self._keys = frozenset(keys)
        self._by_tag = {tag_of(key): key for key in keys}
        self._own = own or {}
        self._prompt = prompt if without_tag(prompt)[1] else ""

    def key_of(self, item: Task | Unreadable) -> str | None:
        """The key that something was created under, if it is one of these."""
        if item.key in self._keys:
            return item.key
        if (key := self._by_tag.get(item.tag or "")) is not None:
            return key
        if (own := self._own.get(item.id)) is not None:
            log.error(came_back_without_key(item.id, own))
        return own

    def may_carry_one(self, task: Task) -> bool:
        """Whether a task is shown with so little of its prompt that the tag of a key would not be seen."""
        if not self._prompt or task.tag is not None or task.id in self._own:
            return False
        shown = task.task.rstrip(".\u2026 ")
        return bool(shown) and self._prompt.startswith(shown) and task.task != without_tag(self._prompt)[0]

    def tasks_of(self, page: Page[Task]) -> list[Task]:
        """The tasks of a page that carry one of these keys, each with it.

        Raises:
            UnexpectedResponseError: One of them cannot be read.
        """
        for item in page.unreadable:
            if (key := self.key_of(item)) is not None:
                raise UnexpectedResponseError(
                    f"Task {item.id} carries the key {key!r}, but the server shows it in a form that this client cannot"
                    f" read: {item.problem}. It may run and cost, so no other was created. Look at it where you manage"
                    " your tasks, and stop it; then use another key, or update this client.",
                    task_id=item.id,
                )
        keyed = ((task, self.key_of(task)) for task in page.items)
        return [task if task.key == key else task.model_copy(update={"key": key}) for task, key in keyed if key]


def came_back_without_key(task_id: str, key: str) -> str:
    """What to log where the server does not send back what tasks are found by."""
    return (
        f"Task {task_id} was created under the key {key!r}, but the server shows it without. If the answer to a create"
        " is lost there, its task cannot be found again, and the same work may run and cost twice. Please report it."
    )


def moment_of(task: Task) -> datetime:
    """When a task was created, by the server's clock; the contract may say only when it started."""
    return task.created_at or task.started_at or LATEST


def _read(
    contract: Contract, keys: Keys, after: datetime, session_id: str | None, *, latest_only: bool
) -> Flow[dict[str, Task]]:
    """Reads page after page: each holds 100 tasks, and a busy account has more than that in a minute.

    What arrives meanwhile pushes others to later pages, so a task may be read twice; none is passed over.
    """
    found: dict[str, Task] = {}
    cursor: str | None = None
    while True:
        page = yield from retried(contract.list_tasks(cursor=cursor, session_id=session_id, after=after))
        here = yield from _on_page(contract, keys, page, {})
        is_past_latest = latest_only and bool(found) and not here
        found |= here
        if page.next is None or is_past_latest:
            return found
        cursor = page.next


def _on_page(contract: Contract, keys: Keys, page: Page[Task], whole: dict[str, Task]) -> Flow[dict[str, Task]]:
    """The tasks of a page that carry one of some keys, where need be read whole."""
    found = {task.id: task for task in keys.tasks_of(page)}
    for task in filter(keys.may_carry_one, page.items):
        if task.id not in whole:
            whole[task.id] = yield from retried(contract.get_task(task.id), known=True)
        found |= {task.id: task for task in keys.tasks_of(Page(items=(whole[task.id],)))}
    return found


def _by_server_clock(after: datetime, server_clock: ServerClock, read: Callable[[datetime], Flow[T]]) -> Flow[T]:
    """Reads what is since a moment by our clock; again, where the answers show that the server's is far behind."""
    since = server_clock.time_of(after)
    found = yield from read(since - CLOCK_SKEW)
    if server_clock.time_of(after) < since - CLOCK_SKEW / 2:
        found = yield from read(server_clock.time_of(after) - CLOCK_SKEW)
    return found


def _oldest_first(newest_first: Mapping[str, Task]) -> list[Task]:
    """Of tasks of one moment, the last in the list stays the oldest."""
    oldest_first = list(newest_first.values())[::-1]
    return sorted(oldest_first, key=moment_of)
