"""What becomes of the remote task of a trigger that was cancelled."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from asgiref.sync import sync_to_async
from tenacity import retry, stop_after_attempt, wait_exponential

from airflow_browser_use import metrics, task_states
from airflow_browser_use.cleanup import Ending, Others, Outcome, outcome_of
from browser_use_client.models import id_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from airflow_browser_use.session_policy import SessionPolicy
    from browser_use_client import AsyncBrowserUseClient
    from browser_use_client.models import AnyTask

ON_ITS_WAY = {"scheduled", "queued"}
"""States of a task instance that a worker is about to take."""

ON_ITS_WAY_POLLS = 10
"""How often a task instance that is on its way is asked for, a second apart, before it counts as cleared."""


@dataclass(frozen=True)
class CancelledTrigger:
    """A trigger that was cancelled: its remote task is stopped if nobody looks after it any more.

    Attributes:
        ti: The task instance.
        task: The remote task.
        policy: Who may go on in its session.
        new_client: Makes a client of its connection.
        log: Of the trigger.
    """

    ti: Any
    task: AnyTask
    policy: SessionPolicy
    new_client: Callable[[], Awaitable[AsyncBrowserUseClient]]
    log: Any

    async def stop_if_abandoned(self) -> None:
        """Leaves the remote task to whoever looks after it.

        `on_kill` is also called where another triggerer has taken the trigger over (#73454), and after a clear possibly
        once the next try is deferred again: then the remote task is that triggerer's, or was stopped by that try.
        """
        state = await self._state()
        outcome = outcome_of(state)
        if outcome is Outcome.GOES_ON:
            self.log.info("Remote task %s is left running: its task instance is %s.", id_of(self.task), state)
            return
        async with await self.new_client() as client:
            task = await client.get_task(self.task)
            ending = Ending(outcome, task_runs=not task.has_ended)
            cleanup = await sync_to_async(self.policy.cleanup_after)(self.ti, ending)
            if cleanup.stop_task:
                stopped = await client.stop_task(task, stop_session=cleanup.close_session)
                metrics.count_stop(self.ti, stopped, metrics.reason_of(state))
                self.log.info("Remote task %s was stopped: its task instance is %s.", task.id, state or "cleared")
            elif cleanup.close_session:
                await client.stop_session(task.session_id)

    async def stop_with_run(self) -> None:
        """`dag.test()` was ended by Ctrl+C: neither the task goes on, nor any other in its session."""
        cleanup = self.policy.cleanup_beside(Others.NONE, Ending(Outcome.FAILED, task_runs=True))
        async with await self.new_client() as client:
            stopped = await client.stop_task(self.task, stop_session=cleanup.close_session)
        self.log.info("Remote task %s was stopped: its run was ended.", stopped.id)

    async def _state(self) -> str | None:
        """The state of the task instance; one on its way to a worker is asked for again, for some seconds.

        A clear brings it there. The next try stops the remote task when it begins, which may take long in a full pool.
        """
        for _ in range(ON_ITS_WAY_POLLS):
            state = await _state_of(self.ti)
            if state not in ON_ITS_WAY:
                break
            await asyncio.sleep(1.0)
        return state


@retry(stop=stop_after_attempt(6), wait=wait_exponential(multiplier=0.5), reraise=True)
async def _state_of(ti: Any) -> str | None:
    """Asked again when it fails, as a triggerer's first question to its own API can do (3.3.2)."""
    return await sync_to_async(task_states.state_of)(ti)
