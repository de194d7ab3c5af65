"""Tells Prefect what a task does, in the run log, as artifacts and as events."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
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
    TaskUnreachableError,
)
from prefect_browser_use.artifact_queue import ArtifactQueue
from prefect_browser_use.artifacts import (
    artifact_key,
    of_ended_task,
    of_running_task,
    of_stopped_task,
    outcome,
    seconds_of_run,
)
from prefect_browser_use.credentials import BrowserUseCredentials
from prefect_browser_use.events import emit
from prefect_browser_use.flow_runs import FlowRunEndedError, FlowRunWatch, run_log
from prefect_browser_use.lifecycle import Lifecycle, has_ended_badly
from prefect_browser_use.live_view import how_to_open, may_be_shown
from prefect_browser_use.masking import Mask
from prefect_browser_use.pictures import embedded
from prefect_browser_use.stops import await_stops, wait_for_stops

C = TypeVar("C", bound=BrowserUseClient | AsyncBrowserUseClient)


class _Report(Generic[C]):
    """Callbacks for `run_task` of a client.

    Args:
        client: Reads how a task that failed ended.
        credentials: Who may stop the task.
        request: What is asked; its secrets are masked in all that is shown.
        watch: Ends the wait for what is not shown yet when the flow run ends.
        session_id: The session that the task continues, where the request does not say; None for a new one.
        keep_session: Whether the session stays open after the task.
        artifacts: Whether there is an artifact, or only the log and events.
        screenshots: Whether it shows each step's picture in full.
        show_live_url: Whether the live URL is shown. Default: as the credentials say.
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
        show_live_url: bool | None = None,
    ) -> None:
        self._client = client
        self._credentials = credentials
        self._watch = watch
        self._log = run_log()
        self._mask = Mask(request)
        has_run = TaskRunContext.get() or FlowRunContext.get()  # for artifacts to belong to
        self._artifacts = ArtifactQueue(artifacts and has_run is not None, self._could_not_show)
        self._artifact_key = artifact_key()
        self._has_artifact = False
        self._screenshots = screenshots
        self._show_live_url = credentials.show_live_url if show_live_url is None else show_live_url
        opens_session = session_id is None and request.browser_settings.session_id is None
        self._lifecycle = Lifecycle(watch, credentials, self._log, opens_session, keep_session)
        self.live_url: str | None = None

    @property
    def has_created(self) -> bool:
        """Whether the task is known."""
        return self._lifecycle.started is not None

    def on_created(self, created: CreatedTask) -> None:
        """Shows that the task runs; from now on it is stopped with its flow run."""
        self._lifecycle.note_start(created)
        with self._whatever_happens():
            self._log.info(
                "Browser Use task %s %s in session %s. To watch its browser: %s",
                created.id,
                "was reattached to" if created.reattached else "started",
                created.session_id,
                how_to_open(created.session_id, self._credentials),
            )
            emit("created", created.id, created.session_id, reattached=created.reattached)

    def on_live_url(self, live_url: str) -> None:
        """Shows that the browser can be watched, and where if that may be shown."""
        with self._whatever_happens():
            if may_be_shown(live_url, show_live_url=self._show_live_url):
                self.live_url = live_url
                self._log.info("Watch the browser at %s", live_url)
            self._show_start()

    def on_step(self, step: Step) -> None:
        """Logs a step."""
        with self._whatever_happens():
            goal, url = self._mask.text(step.goal) or "no goal", self._mask.text(step.url)
            self._log.info("Step %d: %s (%s)", step.number, goal, url)
            if step.number > 1:  # a poll tells its steps first, and then the live URL
                self._show_start()

    def _show_start(self) -> None:
        """Shows once that the task runs: when its live URL is known, or else at its second step."""
        started = self._lifecycle.started
        if self._has_artifact or not started or not started.task:
            return
        self._has_artifact = True
        watch = how_to_open(started.session_id, self._credentials)
        artifact = of_running_task(self._artifact_key, started.task, self.live_url, watch)
        self._artifacts.put(lambda: artifact)

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

    def _tell_error(self, error: BaseException) -> None:
        started, stop = self._lifecycle.started, self._lifecycle.stop
        if not started or self._lifecycle.has_ended:
            return
        self._artifacts.drop()
        if stop is None:
            self._log.warning("Browser Use %s may still run and cost; a retry goes on with it.", started)
        elif stop.done() and stop.result():
            reason = str(error) if isinstance(error, FlowRunEndedError) else type(error).__name__
            left = ", and its session left open" if self._lifecycle.leaves_session else ""
            self._log.warning("Browser Use %s was stopped%s: %s", started, left, reason)
            if isinstance(error, BrowserUseError):
                error.args = (f"{error} Nobody waited for it any more, so it was stopped.",)
            if task := started.task:
                emit("stopped", task.id, task.session_id, reason=reason)
                self._artifacts.put(lambda: of_stopped_task(self._artifact_key, task, reason))

    def _tell_ended(self, task: Task) -> None:
        self._lifecycle.note_end()
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
            if task.browser_reused is False and not self._lifecycle.opens_session:
                self._log.warning(
                    "Task %s did not go on in the browser of the tasks before: session %s had none any more, so it"
                    " got a new one, in which nobody is signed in.",
                    task.id,
                    task.session_id,
                )
            masked = self._mask.task(task)
            self._artifacts.put(
                lambda: of_ended_task(
                    self._artifact_key,
                    masked,
                    pictures=self._screenshots,
                    embed=lambda url: embedded(url, self._credentials),
                )
            )

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
        self._artifacts.wait(self._watch.sleep)

    def on_error(self, error: BaseException) -> None:
        """Shows how a task failed, or stops it."""
        self._mask.error(error)
        if isinstance(error, TaskUnreachableError) and error.ended:
            self._lifecycle.note_end()
        if has_ended_badly(error) and error.task_id and not self._lifecycle.has_ended:
            self._lifecycle.note_end()
            with suppress(BrowserUseError, FlowRunEndedError):
                self.on_ended(self._client.get_task(error.task_id))
            return
        wait_for_stops(self._lifecycle.stops_after(error))
        self._tell_error(error)


class AsyncReport(_Report[AsyncBrowserUseClient]):
    """Callbacks for `AsyncBrowserUseClient.run_task`. See `Report`."""

    async def on_ended(self, task: Task) -> None:
        """Shows what came of it, and waits until it is shown."""
        self._tell_ended(task)
        await self._artifacts.async_wait(self._watch.asleep)

    async def on_error(self, error: BaseException) -> None:
        """Shows how a task failed, or stops it."""
        self._mask.error(error)
        if isinstance(error, TaskUnreachableError) and error.ended:
            self._lifecycle.note_end()
        if has_ended_badly(error) and error.task_id and not self._lifecycle.has_ended:
            self._lifecycle.note_end()
            with suppress(BrowserUseError, FlowRunEndedError):
                await self.on_ended(await self._client.get_task(error.task_id))
            return
        await await_stops(self._lifecycle.stops_after(error))
        self._tell_error(error)
