"""Waiting for many tasks at once, in one event loop, with one sweep for all of them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass

from browser_use_client.effects import Clock
from browser_use_client.errors import BrowserUseError, TaskTimeoutError, TaskUnreachableError
from browser_use_client.flows.polls import given_up, ids_of, named, polls_of
from browser_use_client.flows.wait import poll_pause
from browser_use_client.flows.watch import Memory, Sweep
from browser_use_client.limits import moment_of
from browser_use_client.models import AnyTask, TaskState, id_of
from browser_use_client.retrying import Attempts, pause_before, retry_after

SECONDS_PER_REQUEST = 0.05
"""From one sweep to the next, for each request that comes again: at most 20 a second, however many tasks there are."""

SLICE_SECONDS = 0.5
"""Seconds after which a pause is thought over: a task that came meanwhile is young, and is to be polled soon."""

FORGET_AFTER_SWEEPS = 20
"""Sweeps after which tasks that were alone are looked for in the lists again, since others start and end tasks too."""


@dataclass(eq=False)
class _Wait:
    task: AnyTask
    since: float
    deadline: float | None
    polls: Attempts
    ended: asyncio.Future[TaskState]

    def give_up(self, error: BrowserUseError) -> None:
        if not self.ended.done():
            self.ended.set_exception(error)


class TaskWatcher:
    """Waits for any number of tasks of one account, sharing one client and one sweep.

    One task is polled as `wait_for_task` polls it. Of many, lists of tasks are read instead, 100 a request, and only
    what they do not show together with others is asked for. Made by `AsyncBrowserUseClient.watcher`; belongs to the
    event loop that it is used in.
    """

    def __init__(
        self,
        sweep: Callable[[Collection[str], Memory], Awaitable[Sweep]],
        *,
        sleep: Callable[[float], Awaitable[object]],
        clock: Clock,
        poll_interval: float | None,
        max_failures: int,
    ) -> None:
        self._sweep_once = sweep
        self._sleep = sleep
        self._clock = clock
        self._poll_interval = poll_interval
        self._max_failures = max_failures
        self._waits: set[_Wait] = set()
        self._sweeping: asyncio.Task[None] | None = None

    async def wait(self, task: AnyTask, *, deadline: float | None = None) -> TaskState:
        """Wait until a task has ended. Nothing stops the task: neither the deadline nor a cancellation.

        Args:
            task: The task, or its id; see `BrowserUseClient.wait_for_task`.
            deadline: Seconds since the epoch. Default: none.

        Returns:
            The state that it ended in, as a poll shows it; steps and files are in `get_task`.

        Raises:
            TaskTimeoutError: The deadline passed; the task still runs.
            TaskUnreachableError: `max_failures` polls in a row failed; the task may still run.
            InvalidRequestError: The deadline is not a moment.
            BrowserUseError: The server never answered for this task, and asking again cannot help.
        """
        deadline = moment_of("deadline", deadline)
        polls = polls_of(task, limit=self._max_failures, clock=self._clock)
        wait = _Wait(task, self._clock(), deadline, polls, asyncio.get_running_loop().create_future())
        self._waits.add(wait)
        if self._sweeping is None:
            self._sweeping = asyncio.create_task(self._sweep_while_waited())
        try:
            return await wait.ended
        finally:
            self._waits.discard(wait)
            if not self._waits and self._sweeping is not None:
                self._sweeping.cancel()
                self._sweeping = None

    async def _sweep_while_waited(self) -> None:
        try:
            await self._sweep()
        except Exception as error:  # noqa: BLE001 - a wait must not hang because the sweep has a fault
            self._sweeping = None
            for wait in self._waits:
                wait.give_up(_unexpected(wait.task, error))

    async def _sweep(self) -> None:
        memory = Memory()
        sweeps = 0
        while self._waits:
            began = self._clock()
            waits = [wait for wait in self._waits if not wait.ended.done()]
            waited_for = {id_of(wait.task) for wait in waits}
            try:
                swept = await self._sweep_once(waited_for, memory)
            except BrowserUseError as error:
                swept = Sweep(unanswered=dict.fromkeys(waited_for, error), memory=memory)
            sweeps += 1
            memory = swept.memory if sweeps % FORGET_AFTER_SWEEPS else Memory(swept.memory.parts)
            self._tell(waits, swept)
            await self._pause(swept, began)

    def _tell(self, waits: Sequence[_Wait], swept: Sweep) -> None:
        now = self._clock()
        for wait in waits:
            if wait.ended.done():
                continue
            task_id = id_of(wait.task)
            if error := swept.unanswered.get(task_id):
                if wait.polls.end_with(error):
                    wait.give_up(given_up(wait.task, wait.polls, error))
            else:
                wait.polls.answered()
            if state := swept.ended.get(task_id):
                wait.ended.set_result(state)
            elif wait.deadline is not None and now >= wait.deadline:
                late = f"{named(wait.task)} did not end within {now - wait.since:.0f} s."
                wait.give_up(TaskTimeoutError(f"{late} It still runs and costs.", **ids_of(wait.task)))

    async def _pause(self, swept: Sweep, began: float) -> None:
        swept_at = self._clock()
        again = swept.requests - len(swept.ended)
        in_proportion = began + again * SECONDS_PER_REQUEST - swept_at
        at_least = max(in_proportion, *map(retry_after, swept.unanswered.values()), 0.0)
        # While any task is answered for, the sweeps go on for it; only a server that answers for none is left in peace.
        if failures := min((wait.polls.failures for wait in self._waits if not wait.ended.done()), default=0):
            at_least = max(at_least, pause_before(failures, None))
        while waits := [wait for wait in self._waits if not wait.ended.done()]:
            now = self._clock()
            youngest = max(wait.since for wait in waits)
            due = swept_at + max(poll_pause(max(swept_at - youngest, 0.0), self._poll_interval), at_least)
            due = min([due, *(wait.deadline for wait in waits if wait.deadline is not None)])
            if now >= due:
                return
            await self._sleep(min(due - now, SLICE_SECONDS))
        await self._sleep(0)


def _unexpected(task: AnyTask, error: BaseException) -> BrowserUseError:
    return TaskUnreachableError(
        f"{named(task)} may still run and cost: the sweep that polled it failed ({type(error).__name__}: {error}).",
        **ids_of(task),
    )
