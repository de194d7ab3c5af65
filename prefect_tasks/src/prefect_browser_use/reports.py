"""Tells Prefect what a task does while it runs: in the run log, as artifacts and as events."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from pathlib import Path
from typing import Generic, TypeVar

from prefect.exceptions import MissingContextError
from prefect.logging import get_logger, get_run_logger

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
)
from prefect_browser_use.artifacts import emit, live_view, of_ended_task, outcome, progress
from prefect_browser_use.credentials import BrowserUseCredentials
from prefect_browser_use.flow_runs import FAREWELL, FlowRunEndedError, FlowRunWatch
from prefect_browser_use.showing import Showing

MOST_STEPS = 100
"""What the agent may take if the request does not say (`v2-flat`)."""

ENDED_BADLY = (TaskFailedError, TaskStoppedError)
MASK = "********"

C = TypeVar("C")

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
        client: Knows where the browser can be watched.
        request: What is asked; its secrets are masked in all that is shown.
        watch: Ends the wait for what is not shown yet when the flow run ends.
        artifacts: Whether there are artifacts, or only the log and events.
        screenshots: Whether each step's picture is an artifact.
    """

    def __init__(
        self, client: C, request: CreateTaskRequest, watch: FlowRunWatch, *, artifacts: bool, screenshots: bool
    ) -> None:
        self._client = client
        self._watch = watch
        try:
            self._log = get_run_logger()
        except MissingContextError:
            self._log = get_logger("browser_use")
            artifacts = False  # there is no run that they could belong to
        self._showing = Showing(artifacts, self._could_not_show)
        self._secrets = [value for secret in request.secrets.values() if (value := secret.get_secret_value())]
        self._most_steps = request.agent_settings.max_steps or MOST_STEPS
        self._screenshots = screenshots
        self.created: CreatedTask | None = None
        self.live_url: str | None = None

    def on_step(self, step: Step) -> None:
        """Shows a step."""
        text = self._masked(f"Step {step.number}: {step.goal or 'no goal'} ({step.url})")
        self._log.info(text)
        self._showing.show_progress(progress(min(100.0 * step.number / self._most_steps, 99.0), text))

    def _tell_error(self, error: BaseException) -> None:
        """Unless the API was it, something from outside ended the run, which stopped the task."""
        if isinstance(error, BrowserUseError):
            return
        self._showing.drop()
        if self.created:
            reason = str(error) if isinstance(error, FlowRunEndedError) else type(error).__name__
            self._log.warning("Browser Use task %s was told to stop: %s", self.created.id, reason)
            emit("stopped", self.created.id, self.created.session_id, reason=reason)

    def stop(self, credentials: BrowserUseCredentials, *, stop_session: bool) -> None:
        """Stops the task, if there is one, in no more than one request: whoever cancels does not wait for long."""
        if self.created:
            with (
                self.warning(f"Browser Use task {self.created.id} may still run and cost"),
                credentials.get_client(timeout=FAREWELL, sleep=_give_up) as client,
            ):
                client.stop_task(self.created.id, stop_session=stop_session)

    @contextmanager
    def warning(self, what: str) -> Iterator[None]:
        """What cannot be done inside is logged with what follows from it; it is no reason to lose a result."""
        try:
            yield
        except (BrowserUseError, FlowRunEndedError) as error:
            self._log.warning("%s: %s", what, error)

    def _tell_created(self, created: CreatedTask, live_url: str | None) -> None:
        self.live_url = live_url
        if (opened := _opened.get()) is not None:
            opened.append(created.session_id)
        self._log.info(
            "Browser Use task %s %s in session %s%s",
            created.id,
            "was started before and goes on" if created.adopted else "started",
            created.session_id,
            f": watch it at {live_url}" if live_url else "",
        )
        emit("created", created.id, created.session_id, live_url=live_url, adopted=created.adopted)
        if live_url:
            self._showing.show(live_view(created, live_url))
        self._showing.show_progress(progress(0.0, f"Task {created.id}"))

    def _tell_ended(self, task: Task) -> None:
        emit(
            outcome(task),
            task.id,
            task.session_id,
            cost=float(task.cost) if task.cost is not None else None,
            steps=len(task.steps),
            is_success=task.is_success,
        )
        self._showing.show_progress(progress(100.0, f"Task {task.id} {outcome(task)}"), at_end=True)
        shown = Task.model_validate_json(self._masked(task.model_dump_json()))
        for artifact in of_ended_task(shown, screenshots=self._screenshots):
            self._showing.show(artifact)

    def on_downloaded(self, paths: Sequence[Path]) -> None:
        """Logs where the files of the task lie."""
        self._log.info("Downloaded %d files%s", len(paths), "".join(f"\n{path}" for path in paths))

    def _masked(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, MASK).replace(json.dumps(secret)[1:-1], MASK)
        return text

    def _could_not_show(self, error: Exception) -> None:
        self._log.warning("Prefect could not be shown what the task does: %s", error)


def _give_up(seconds: float) -> None:
    raise FlowRunEndedError(f"There is no time to try again in {seconds:.0f} s.")


class Report(_Report[BrowserUseClient]):
    """Callbacks for `BrowserUseClient.run_task`."""

    def on_created(self, created: CreatedTask) -> None:
        """Shows where the task can be watched."""
        self.created = created
        try:
            live_url = self._client.get_session(created.session_id).live_url
        except BrowserUseError as error:
            self._log.warning("Where to watch the task is unknown: %s", error)
            live_url = None
        self._tell_created(created, live_url)

    def on_ended(self, task: Task) -> None:
        """Shows what came of it, and waits until it is shown."""
        self._tell_ended(task)
        self._showing.wait(self._watch.sleep)

    def on_error(self, error: BaseException) -> None:
        """Shows how a task failed, or why it was stopped."""
        if isinstance(error, ENDED_BADLY) and error.task_id:
            with suppress(BrowserUseError):
                self.on_ended(self._client.get_task(error.task_id))
        else:
            self._tell_error(error)


class AsyncReport(_Report[AsyncBrowserUseClient]):
    """Callbacks for `AsyncBrowserUseClient.run_task`. See `Report`."""

    async def on_created(self, created: CreatedTask) -> None:
        """Shows where the task can be watched."""
        self.created = created
        try:
            live_url = (await self._client.get_session(created.session_id)).live_url
        except BrowserUseError as error:
            self._log.warning("Where to watch the task is unknown: %s", error)
            live_url = None
        self._tell_created(created, live_url)

    async def on_ended(self, task: Task) -> None:
        """Shows what came of it, and waits until it is shown."""
        self._tell_ended(task)
        await self._showing.async_wait(self._watch.asleep)

    async def on_error(self, error: BaseException) -> None:
        """Shows how a task failed, or why it was stopped."""
        if isinstance(error, ENDED_BADLY) and error.task_id:
            with suppress(BrowserUseError):
                await self.on_ended(await self._client.get_task(error.task_id))
        else:
            self._tell_error(error)
