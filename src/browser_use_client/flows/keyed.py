"""The tasks under one key, as one caller sees them: the one that counts, and duplicates, which are stopped."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any

from browser_use_client.contracts import Contract
from browser_use_client.effects import Clock, Flow, Notify, Sleep, call
from browser_use_client.errors import BrowserUseError
from browser_use_client.flows.lookup import CLOCK_SKEW, Keys, ReadLists, TaskLists, moment_of, tasks_with_keys
from browser_use_client.flows.sessions import at_once, log, quietly, stop_at_once, stop_session, stop_task
from browser_use_client.models import CreatedTask, Task
from browser_use_client.retrying import retried
from browser_use_client.server_clock import ServerClock

SETTLING_SECONDS = (0.0, 1.0, 2.0, 4.0, 8.0)
"""Seconds before each look-up of a task that a list does not show yet: lists lag behind by some seconds."""


@dataclass
class KeyedTasks:
    """The tasks under a key.

    Attributes:
        contract: What the server speaks.
        key: The key.
        after: When the first try with this key may have been, by our clock.
        session_id: The session that the task has to run in; None for any.
        accept: Whether a finished task will do, so that nothing new is created.
        clock: The time now.
        server_clock: What time it is on the server.
        lists: How the lists stand; None to read them.
        prompt: What is asked, with the key if that stands there.
    """

    contract: Contract
    key: str
    after: datetime
    session_id: str | None
    accept: Callable[[Task], bool]
    clock: Clock
    server_clock: ServerClock
    lists: ReadLists | None
    prompt: str
    _past: frozenset[str] = field(default=frozenset(), init=False)
    _own: dict[str, str] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        self.after = self.after.astimezone(timezone.utc)

    def reattach(self) -> Flow[CreatedTask | None]:
        """The task of an earlier call that makes a new one unnecessary. All that there are by now count as past."""
        earlier = yield from self._find()
        usable = self._choose(earlier)
        yield from self._stop_others(earlier, usable)
        self._past = frozenset(task.id for task in earlier)
        return self.reattached(usable) if usable else None

    def find_new(self, *, until_listed: bool) -> Flow[CreatedTask | None]:
        """The task of a POST whose answer does not show it.

        Args:
            until_listed: Whether to ask again until lists have had time to show it.
        """
        for pause in SETTLING_SECONDS if until_listed else (0.0,):
            if pause:
                yield Sleep(pause)
            tasks = yield from self._find_new()
            if tasks:
                return self.reattached(tasks[0])
        return None

    def elect(self, created: CreatedTask) -> Flow[CreatedTask]:
        """Of several live tasks under the key one stays; the others, of lost POSTs or other callers, are stopped."""
        self._own = {created.id: self.key}
        try:
            tasks = yield from self._find_until_shown(created)
        except BrowserUseError as error:
            log.warning("Whether task %s is the only one of its key could not be seen. %s", created.id, error)
            return created
        chosen = self._choose(tasks)
        yield from quietly(
            self._stop_others(tasks, chosen), f"Another task under the key {self.key!r} may run and cost."
        )
        return created if chosen is None or chosen.id == created.id else self.reattached(chosen)

    def stop_duplicates(self, created: CreatedTask) -> Flow[bool]:
        """Stops what has turned up beside a task, and says whether there was any; of what has ended, the session."""
        others = [task for task in (yield from self._find_new()) if task.id != created.id]
        for task in others:
            if task.has_ended and self._is_elsewhere(task):
                yield from stop_session(self.contract, task.session_id, known=True)
            elif not task.has_ended:
                yield from self._stop(task)
        return bool(others)

    def stop_duplicates_at_once(self, created: CreatedTask | None) -> Flow[bool]:
        """The same for a caller who is being ended: one look-up, of one page."""
        after = self.server_clock.time_of(self.after) - CLOCK_SKEW
        page = yield from call(at_once(self.contract.list_tasks(after=after, session_id=self._listed_session)))
        known = {*self._past, created.id} if created else self._past
        others = [task for task in Keys([self.key]).tasks_of(page) if task.id not in known]
        for task in others:
            yield from stop_at_once(self.contract, self.reattached(task), with_session=self._is_elsewhere(task))
        return bool(others)

    def reattached(self, task: Task) -> CreatedTask:
        """The task, as one that this call did not create."""
        return CreatedTask(id=task.id, session_id=task.session_id, reattached=True, **self.seen())

    def seen(self) -> dict[str, Any]:
        """What a `CreatedTask` says of how it is known."""
        return {"key": self.key, "seen_at": self.clock()}

    def _find(self) -> Flow[list[Task]]:
        if self.lists:
            lists: TaskLists = yield Notify(self.lists)
            return (yield from lists.with_keys(self.contract, Keys([self.key], own=self._own, prompt=self.prompt)))
        return (
            yield from tasks_with_keys(
                self.contract,
                [self.key],
                after=self.after,
                server_clock=self.server_clock,
                session_id=self._listed_session,
                own=self._own,
                prompt=self.prompt,
            )
        )

    @property
    def _listed_session(self) -> str | None:
        return self.contract.lists_with(self.session_id)

    def _find_new(self) -> Flow[list[Task]]:
        return [task for task in (yield from self._find()) if task.id not in self._past]

    def _find_until_shown(self, created: CreatedTask) -> Flow[list[Task]]:
        """What the lists show once they show the task itself. If they never do, it is read by its id.

        By the time that it says, the lists are read once more: it tells how late the clock is that stamps tasks.
        """
        for pause in SETTLING_SECONDS:
            if pause:
                yield Sleep(pause)
            tasks = yield from self._find_new()
            if any(task.id == created.id for task in tasks):
                return tasks
        itself = yield from retried(self.contract.get_task(created.id), known=True)
        self.after = min(self.after, self.server_clock.our_time_of(moment_of(itself)))
        others = [task for task in (yield from self._find_new()) if task.id != created.id]
        return sorted([*others, itself], key=moment_of)

    def _choose(self, tasks: Sequence[Task]) -> Task | None:
        """The oldest task that makes a new one unnecessary: every caller elects the same one."""
        return next((task for task in tasks if self._fits(task)), None)

    def _fits(self, task: Task) -> bool:
        in_session = self.session_id in (None, task.session_id)
        return in_session and (not task.has_ended or self.accept(task))

    def _is_elsewhere(self, task: Task) -> bool:
        """Whether its session is not the one to work in, so that it ends with the task."""
        return task.session_id != self.session_id

    def _stop_others(self, tasks: Sequence[Task], chosen: Task | None) -> Flow[None]:
        for task in tasks:
            if task != chosen and not task.has_ended:
                yield from self._stop(task)

    def _stop(self, task: Task) -> Flow[None]:
        yield from stop_task(self.contract, task.id, stop_session=self._is_elsewhere(task), known=True)
