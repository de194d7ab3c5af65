"""Waiting for a remote task in the triggerer, which holds no worker."""

from __future__ import annotations

import asyncio
import random
from contextlib import suppress
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from airflow.triggers.base import BaseTrigger, TriggerEvent

from airflow_browser_use.cancelled import CancelledTrigger
from airflow_browser_use.compat import is_dag_test
from airflow_browser_use.failures import to_event
from airflow_browser_use.hooks import BrowserUseHook
from airflow_browser_use.results import log_step
from airflow_browser_use.session_policy import SessionPolicy
from airflow_browser_use.watching import Watch, shared_watch
from browser_use_client import BrowserUseError, CreatedTask, TaskTimeoutError, seconds_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from datetime import timedelta

    from browser_use_client import AsyncBrowserUseClient
    from browser_use_client.models import AnyTask

LATEST_RESUME_SECONDS = 60.0
"""Seconds after its deadline at which a deferred task is resumed even if no triggerer lives to say that it is late."""

STEP_POLL_SECONDS = 3.0
"""Seconds between polls for the steps of a task."""

LOG_SECONDS = 60.0
"""From one line about a server that does not answer to the next."""

STEP_POLLS_PER_SECOND = 5.0
"""Polls per second at most, all triggers of a connection together."""

_STOPPING: set[asyncio.Task[None]] = set()
"""Keeps what stops a remote task from being collected while it runs."""


class BrowserUseTaskTrigger(BaseTrigger):
    """Fires when a remote task has ended, is late, or cannot be asked about any more.

    Its row in the database holds ids and plain settings: no key, no prompt, no secret, and no output either, which
    the worker fetches.

    Args:
        browser_use_conn_id: The connection.
        browser_task_id: The remote task. (Airflow sets `task_id` of a trigger to that of its task instance.)
        deadline: When it has to have ended, in seconds since the epoch, or None. Absolute, since a trigger may go on
            in another process.
        poll_interval: Seconds between polls, or a timedelta, or None to begin quick and slow down.
        stop_on_timeout: Stop the remote task when it is late.
        stop_on_kill: Stop it when the task instance is marked failed or successful, cleared, or timed out with its run.
        browser_session_id: Its session, if this Airflow has created it: then it is known to exist, whatever one odd
            answer says.
        session_policy: Who may go on in the session; see `SessionPolicy`.
        max_cost_usd: US dollars past which the remote task is stopped; None where nobody has to watch that.
        api_version: What the server speaks, if this Airflow has asked it already.
        in_dag_test: `dag.test()` runs this trigger itself. A triggerer of the same database may see it for a moment
            too, and then finds the task instance queued, as after a clear: it stops nothing.
        require_same_browser: The remote task is stopped if it does not go on in the browser of its session.
    """

    def __init__(
        self,
        *,
        browser_use_conn_id: str,
        browser_task_id: str,
        deadline: float | None = None,
        poll_interval: float | timedelta | None = None,
        stop_on_timeout: bool = True,
        stop_on_kill: bool = True,
        browser_session_id: str | None = None,
        session_policy: Mapping[str, Any] | None = None,
        max_cost_usd: str | None = None,
        api_version: str | None = None,
        in_dag_test: bool = False,
        require_same_browser: bool = False,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call] # Airflow's
        self.browser_use_conn_id = browser_use_conn_id
        self.browser_task_id = browser_task_id
        self.deadline = deadline
        self.poll_interval = seconds_of("poll_interval", poll_interval)
        self.stop_on_timeout = stop_on_timeout
        self.stop_on_kill = stop_on_kill
        self.browser_session_id = browser_session_id
        self.session_policy = SessionPolicy.from_values(session_policy)
        self.max_cost_usd = max_cost_usd
        self.api_version = api_version
        self.in_dag_test = in_dag_test
        self.require_same_browser = require_same_browser
        self._steps_logged = 0

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """What is needed to go on in another process."""
        return f"{type(self).__module__}.{type(self).__qualname__}", {
            "browser_use_conn_id": self.browser_use_conn_id,
            "browser_task_id": self.browser_task_id,
            "deadline": self.deadline,
            "poll_interval": self.poll_interval,
            "stop_on_timeout": self.stop_on_timeout,
            "stop_on_kill": self.stop_on_kill,
            "browser_session_id": self.browser_session_id,
            "session_policy": self.session_policy.to_values(),
            "max_cost_usd": self.max_cost_usd,
            "api_version": self.api_version,
            "in_dag_test": self.in_dag_test,
            "require_same_browser": self.require_same_browser,
        }

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Wait, then fire once."""
        error: dict[str, Any] | None = None
        try:
            async with shared_watch(self.browser_use_conn_id, self.poll_interval, self.api_version) as watch:
                await self._wait_and_follow(watch)
        except BrowserUseError as problem:
            error = to_event(problem)
        except asyncio.CancelledError:
            if is_dag_test():
                if self.stop_on_kill:
                    await self._cancelled.stop_with_run()
            elif not hasattr(BaseTrigger, "on_kill"):  # below 3.3, where being cancelled may mean anything
                await self.on_kill()
            raise
        event = {"browser_task_id": self.browser_task_id, "steps_logged": self._steps_logged, "error": error}
        yield TriggerEvent(event)  # type: ignore[no-untyped-call] # Airflow's

    @property
    def _browser_task(self) -> AnyTask:
        if self.browser_session_id is None:
            return self.browser_task_id
        limit = None if self.max_cost_usd is None else Decimal(self.max_cost_usd)
        return CreatedTask(id=self.browser_task_id, session_id=self.browser_session_id, max_cost_usd=limit)

    @property
    def _cancelled(self) -> CancelledTrigger:
        return CancelledTrigger(self.task_instance, self._browser_task, self.session_policy, self._new_client, self.log)

    async def _wait_and_follow(self, watch: Watch) -> None:
        waiting, following = asyncio.create_task(self._wait(watch)), asyncio.create_task(self._follow(watch))
        try:
            await asyncio.wait((waiting, following), return_when=asyncio.FIRST_COMPLETED)
            await (waiting if waiting.done() else self._wait_alone(watch))
        finally:
            for each in (waiting, following):
                each.cancel()
            await asyncio.gather(waiting, following, return_exceptions=True)

    async def _wait(self, watch: Watch) -> None:
        if self.max_cost_usd is None:  # the watcher stops nothing, and does not see what tasks cost
            with suppress(TaskTimeoutError):
                await watch.watcher.wait(self._browser_task, deadline=self.deadline)
                return
        await self._wait_alone(watch)

    async def _wait_alone(self, watch: Watch) -> None:
        """Wait with requests of its own, and by the client's decisions."""
        await watch.client.wait_for_task(
            self._browser_task,
            deadline=self.deadline,
            poll_interval=self.poll_interval,
            stop_on_timeout=self.stop_on_timeout,
            require_same_browser=self.require_same_browser,
        )

    async def _follow(self, watch: Watch) -> None:
        """Steps as they happen, from a request of their own; the more triggers share the server, the fewer.

        Ends only once it turns out that the remote task does not go on in the browser of its session. A server that
        does not answer is worth a line a minute; whether it counts is for the watcher to judge.
        """
        now, next_line = asyncio.get_running_loop().time, 0.0
        cursor: str | None = None
        while True:
            # With jitter: a triggerer starts many triggers together, and their polls would come together.
            pause = max(STEP_POLL_SECONDS, watch.triggers / STEP_POLLS_PER_SECOND) * random.uniform(0.5, 1.5)  # noqa: S311 - no secret
            await asyncio.sleep(pause)
            try:
                progress = await watch.client.get_progress(self.browser_task_id, cursor)
            except BrowserUseError as error:
                if now() >= next_line:
                    next_line = now() + LOG_SECONDS
                    self.log.info("Waiting for remote task %s. %s", self.browser_task_id, error)
                continue
            cursor = progress.cursor
            for step in progress.steps:
                log_step(self.log, step)
            self._steps_logged += len(progress.steps)
            if self.require_same_browser and progress.browser_reused is False:
                return

    async def on_kill(self) -> None:
        """Stop the remote task if nobody looks after it any more; see `stop_on_kill`.

        Airflow cancels a trigger again every second until it is gone, this method included (3.3.2). So what it does
        goes on by itself.
        """
        if self.stop_on_kill and not self.in_dag_test:
            stopping = asyncio.create_task(self._cancelled.stop_if_abandoned())
            _STOPPING.add(stopping)
            stopping.add_done_callback(self._stopped)
            await asyncio.shield(stopping)

    def _stopped(self, stopping: asyncio.Task[None]) -> None:
        _STOPPING.discard(stopping)
        if not stopping.cancelled() and (error := stopping.exception()):
            self.log.error("Remote task %s may still run and cost; stop it. %s", self.browser_task_id, error)

    async def _new_client(self) -> AsyncBrowserUseClient:
        known = {"api_version": self.api_version} if self.api_version else {}
        return await BrowserUseHook(self.browser_use_conn_id).get_async_client(**known)
