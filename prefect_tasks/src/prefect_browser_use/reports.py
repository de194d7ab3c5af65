"""Tells Prefect what a task does, in the run log, as artifacts and as events; stops it if its run ends."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import replace
from pathlib import Path
from typing import Generic, TypeVar

from prefect.context import FlowRunContext, TaskRunContext

from browser_use_client import (
    AsyncBrowserUseClient,
    BrowserUseClient,
    BrowserUseError,
    CreatedTask,
    CreateTaskRequest,
    Step,
    Task,
    TaskFailedError,
    TaskStoppedError,
    TaskUnreachableError,
)
from prefect_browser_use.artifacts import (
    emit,
    inline,
    live_view,
    of_ended_task,
    outcome,
    progress,
    seconds_of_run,
)
from prefect_browser_use.credentials import BrowserUseCredentials
from prefect_browser_use.flow_runs import FlowRunEndedError, FlowRunWatch, flow_is_retried, run_log
from prefect_browser_use.masking import Mask
from prefect_browser_use.showing import Showing
from prefect_browser_use.started import Started, is_session_of, stop_all_of
from prefect_browser_use.stops import await_stops, wait_for_stops

MOST_STEPS = 100
"""What the agent may take if the request does not say (`v2-flat`)."""

ENDED_BADLY = (TaskFailedError, TaskStoppedError)

C = TypeVar("C", bound=BrowserUseClient | AsyncBrowserUseClient)

_opened: ContextVar[list[str] | None] = ContextVar("opened", default=None)


@contextmanager
def opened_sessions(session_ids: list[str]) -> Iterator[None]:
    """Notes in a list the sessions of tasks that are run inside, as soon as they are known."""
    token = _opened.set(session_ids)
    try:
        yield
    finally:
        _opened.reset(token)


class _Report(Generic[C]):
    """Callbacks for `run_task` of a client.

    Args:
        client: Reads how a task that failed ended.
        credentials: Who may stop the task.
        request: What is asked; its secrets are masked in all that is shown.
        watch: Ends the wait for what is not shown yet when the flow run ends.
        session_id: The session that the task continues, where the request does not say; None for a new one.
        keep_session: Whether the session stays open after the task.
        artifacts: Whether there are artifacts, or only the log and events.
        screenshots: Whether each step's picture is an artifact.
    """

    def __init__(
        self,
        client: C,
        credentials: BrowserUseCredentials,
        request: CreateTaskRequest,
        watch: FlowRunWatch,
        *,
        session_id: str | None,
        keep_session: bool,
        artifacts: bool,
        screenshots: bool,
    ) -> None:
        self._client = client
        self._credentials = credentials
        self._watch = watch
        self._log = run_log()
        self._mask = Mask(request)
        has_run = TaskRunContext.get() or FlowRunContext.get()  # for artifacts to belong to
        self._showing = Showing(artifacts and has_run is not None, self._could_not_show)
        self._most_steps = request.agent_settings.max_steps or MOST_STEPS
        self._screenshots = screenshots
        self._keep_session = keep_session
        self._opens_session = session_id is None and request.browser_settings.session_id is None
        self._started: Started | None = None
        self._has_ended = False
        self._stop: Future[bool] | None = None
        self._closes_session = True
        self.live_url: str | None = None

    @property
    def has_created(self) -> bool:
        """Whether the task is known."""
        return self._started is not None

    def on_created(self, created: CreatedTask) -> None:
        """Shows that the task runs; from now on it is stopped with its flow run."""
        self._note_start(created)
        with self._whatever_happens():
            self._log.info(
                "Browser Use task %s %s in session %s",
                created.id,
                "was started before and goes on" if created.adopted else "started",
                created.session_id,
            )
            emit("created", created.id, created.session_id, reattached=created.adopted)
            self._showing.show_progress(progress(0.0, f"Task {created.id}"))

    def on_live_url(self, live_url: str) -> None:
        """Shows where the task can be watched."""
        self.live_url = live_url
        with self._whatever_happens():
            self._log.info("Watch the browser at %s", live_url)
            if self._started and self._started.task:
                self._showing.show(live_view(self._started.task, live_url))

    def on_step(self, step: Step) -> None:
        """Shows a step."""
        with self._whatever_happens():
            text = f"Step {step.number}: {self._mask.text(step.goal) or 'no goal'} ({self._mask.text(step.url)})"
            self._log.info(text)
            percent = min(100.0 * step.number / self._most_steps, 99.0)
            self._showing.show_progress(progress(percent, inline(text)))

    def on_downloaded(self, paths: Sequence[Path]) -> None:
        """Logs where the files of the task lie."""
        with self._whatever_happens():
            places = "".join(f"\n{self._mask.text(str(path))}" for path in paths)
            self._log.info("Downloaded %d files%s", len(paths), places)

    @contextmanager
    def warning(self, what: str) -> Iterator[None]:
        """What cannot be done inside is logged with what follows from it; it is no reason to lose a result."""
        try:
            yield
        except BrowserUseError as error:
            self._log.warning("%s: %s", what, error)

    def _note_start(self, created: CreatedTask) -> None:
        """From now on the task is stopped with its flow run."""
        opened = _opened.get()
        if opened is not None:
            opened.append(created.session_id)
        session = Started(self._watch, self._credentials, self._log, created.session_id)
        if self._opens_session and self._keep_session:
            session.note()
        self._started = replace(session, task=created, keeps_session=self._keep_session)
        self._started.note()

    def _note_end(self) -> None:
        self._has_ended = True
        if self._started:
            self._started.has_ended()

    def _stops_after(self, error: BaseException) -> Sequence[Future[bool]]:
        """Stops what has to be stopped because of an error: the task, and all others if it ends their flow run."""
        ended = self._watch.ended_flow_run(error)
        is_cancelled = isinstance(error, asyncio.CancelledError)
        stops = list(stop_all_of(ended)) if ended and not is_cancelled else []
        if self._started is None or self._is_taken_up_after(error):
            return stops
        from_outside = not isinstance(error, BrowserUseError)
        # A session of a block is closed by the block, which may go on after a cancellation.
        nobody_follows_up = (
            from_outside
            and _opened.get() is None
            and (self._opens_session or is_session_of(ended, self._started.session_id))
        )
        if not self._has_ended:
            self._closes_session = not self._keep_session or nobody_follows_up
            self._stop = self._started.stop(with_session=self._closes_session)
            stops.append(self._stop)
        elif self._keep_session and nobody_follows_up and ended:
            stops.append(replace(self._started, task=None).stop(with_session=True))
        return stops

    def _is_taken_up_after(self, error: BaseException) -> bool:
        """Whether a retry of the task or flow goes on with what runs."""
        if not isinstance(error, BrowserUseError) or not error.retryable:
            return False
        context = TaskRunContext.get()
        return flow_is_retried() or (context is not None and context.task_run.run_count <= context.task.retries)

    def _tell_error(self, error: BaseException) -> None:
        if not self._started or self._has_ended:
            return
        self._showing.drop()
        if self._stop is None:
            self._log.warning("Browser Use %s may still run and cost; a retry goes on with it.", self._started)
        elif self._stop.done() and self._stop.result():
            reason = str(error) if isinstance(error, FlowRunEndedError) else type(error).__name__
            left = "" if self._closes_session or _opened.get() is not None else ", and its session left open"
            self._log.warning("Browser Use %s was stopped%s: %s", self._started, left, reason)
            if isinstance(error, BrowserUseError):
                error.args = (f"{error} Nobody waited for it any more, so it was stopped.",)
            if self._started.task:
                emit("stopped", self._started.task.id, self._started.session_id, reason=reason)

    def _tell_ended(self, task: Task) -> None:
        self._note_end()
        with self._whatever_happens():
            emit(
                outcome(task),
                task.id,
                task.session_id,
                cost=float(task.cost) if task.cost is not None else None,
                steps=len(task.steps),
                is_success=task.is_success,
                seconds=seconds_of_run(task),
                requests=self._client.traffic.requests,
                retries=self._client.traffic.retries,
            )
            self._showing.show_progress(progress(100.0, f"Task {task.id} {outcome(task)}"), at_end=True)
            for artifact in of_ended_task(self._mask.task(task), screenshots=self._screenshots):
                self._showing.show(artifact)

    @contextmanager
    def _whatever_happens(self) -> Iterator[None]:
        """Nothing that goes wrong where a task is shown is a reason to lose it."""
        try:
            yield
        except Exception as error:  # noqa: BLE001 - see above
            self._could_not_show(error)

    def _could_not_show(self, error: Exception) -> None:
        self._log.warning("Prefect could not be shown what the task does: %s", self._mask.text(str(error)))


class Report(_Report[BrowserUseClient]):
    """Callbacks for `BrowserUseClient.run_task`."""

    def on_ended(self, task: Task) -> None:
        """Shows what came of it, and waits until it is shown."""
        self._tell_ended(task)
        self._showing.wait(self._watch.sleep)

    def on_error(self, error: BaseException) -> None:
        """Shows how a task failed, or stops it."""
        self._mask.error(error)
        if isinstance(error, TaskUnreachableError) and error.ended:
            self._note_end()
        if isinstance(error, ENDED_BADLY) and error.task_id and not self._has_ended:
            self._note_end()
            with suppress(BrowserUseError, FlowRunEndedError):
                self.on_ended(self._client.get_task(error.task_id))
            return
        wait_for_stops(self._stops_after(error))
        self._tell_error(error)


class AsyncReport(_Report[AsyncBrowserUseClient]):
    """Callbacks for `AsyncBrowserUseClient.run_task`. See `Report`."""

    async def on_ended(self, task: Task) -> None:
        """Shows what came of it, and waits until it is shown."""
        self._tell_ended(task)
        await self._showing.async_wait(self._watch.asleep)

    async def on_error(self, error: BaseException) -> None:
        """Shows how a task failed, or stops it."""
        self._mask.error(error)
        if isinstance(error, TaskUnreachableError) and error.ended:
            self._note_end()
        if isinstance(error, ENDED_BADLY) and error.task_id and not self._has_ended:
            self._note_end()
            with suppress(BrowserUseError, FlowRunEndedError):
                await self.on_ended(await self._client.get_task(error.task_id))
            return
        await await_stops(self._stops_after(error))
        self._tell_error(error)
