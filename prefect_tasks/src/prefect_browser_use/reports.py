"""Tells Prefect what a task does while it runs: in the run log, as artifacts and as events."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from pathlib import Path
from uuid import UUID

import anyio
import httpx
from anyio.lowlevel import RunVar
from prefect.artifacts import (
    Artifact,
    acreate_progress_artifact,
    aupdate_progress_artifact,
    create_progress_artifact,
    update_progress_artifact,
)
from prefect.exceptions import MissingContextError, PrefectException
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
from prefect_browser_use.artifacts import KEY, emit, live_view, of_ended_task, outcome
from prefect_browser_use.credentials import BrowserUseCredentials
from prefect_browser_use.flow_runs import FAREWELL, FlowRunEndedError

MOST_STEPS = 100
"""What the agent may take if the request does not say (`v2-flat`)."""

ENDED_BADLY = (TaskFailedError, TaskStoppedError)
MASK = "********"
UNSHOWN = (httpx.HTTPError, PrefectException)
"""What may go wrong when something is shown. It is no reason to lose a task that is paid for."""

AT_ONCE = 8
"""Artifacts that a process sends at the same time: Prefect's client has 16 connections, and each request that waits
for one slows it down. Meanwhile steps do not update the progress; they are in the log, and the end is always shown."""

_turns = threading.BoundedSemaphore(AT_ONCE)
_async_turns: RunVar[anyio.CapacityLimiter] = RunVar("turns")

_opened: ContextVar[list[str] | None] = ContextVar("opened", default=None)


@contextmanager
def opened_sessions(session_ids: list[str]) -> Iterator[None]:
    """Notes in a list the sessions of tasks that are run inside, as soon as they are known."""
    token = _opened.set(session_ids)
    try:
        yield
    finally:
        _opened.reset(token)


class _Report:
    def __init__(self, request: CreateTaskRequest, artifacts: bool, screenshots: bool) -> None:
        self._shows = artifacts
        try:
            self._log = get_run_logger()
        except MissingContextError:
            self._log = get_logger("browser_use")
            self._shows = False  # there is no run that artifacts could belong to
        self._secrets = [value for secret in request.secrets.values() if (value := secret.get_secret_value())]
        self._most_steps = request.agent_settings.max_steps or MOST_STEPS
        self._screenshots = screenshots
        self._progress: UUID | None = None
        self.created: CreatedTask | None = None
        self.live_url: str | None = None

    def _tell_error(self, error: BaseException) -> None:
        """Something from outside ended the run, which stopped the task."""
        if self.created and not isinstance(error, BrowserUseError):
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

    def _tell_ended(self, task: Task) -> Task:
        emit(
            outcome(task),
            task.id,
            task.session_id,
            cost=float(task.cost) if task.cost is not None else None,
            steps=len(task.steps),
            is_success=task.is_success,
        )
        return Task.model_validate_json(self._masked(task.model_dump_json()))

    def on_downloaded(self, paths: Sequence[Path]) -> None:
        """Logs where the files of the task lie."""
        self._log.info("Downloaded %d files%s", len(paths), "".join(f"\n{path}" for path in paths))

    def _step(self, step: Step) -> tuple[float, str]:
        text = self._masked(f"Step {step.number}: {step.goal or 'no goal'} ({step.url})")
        self._log.info(text)
        return min(100.0 * step.number / self._most_steps, 99.0), text

    def _masked(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, MASK).replace(json.dumps(secret)[1:-1], MASK)
        return text

    def _could_not_show(self, error: Exception) -> None:
        self._log.warning("Prefect could not be shown what the task does: %s", error)


def _turn() -> anyio.CapacityLimiter:
    """Of the event loop, which may be one of several."""
    try:
        return _async_turns.get()
    except LookupError:
        _async_turns.set(limiter := anyio.CapacityLimiter(AT_ONCE))
        return limiter


def _give_up(seconds: float) -> None:
    raise FlowRunEndedError(f"There is no time to try again in {seconds:.0f} s.")


class Report(_Report):
    """Callbacks for `BrowserUseClient.run_task`.

    Args:
        client: Knows where the browser can be watched.
        request: What is asked; its secrets are masked in all that is shown.
        artifacts: Whether there are artifacts, or only the log and events.
        screenshots: Whether each step's picture is an artifact.
    """

    def __init__(
        self, client: BrowserUseClient, request: CreateTaskRequest, *, artifacts: bool, screenshots: bool
    ) -> None:
        super().__init__(request, artifacts, screenshots)
        self._client = client

    def on_created(self, created: CreatedTask) -> None:
        """Shows where the task can be watched."""
        self.created = created
        try:
            live_url = self._client.get_session(created.session_id).live_url
        except BrowserUseError as error:
            self._log.warning("Where to watch the task is unknown: %s", error)
            live_url = None
        self._tell_created(created, live_url)
        if live_url:
            self._show(live_view(created, live_url))
        if self._shows:
            try:
                with _turns:
                    self._progress = create_progress_artifact(0.0, f"{KEY}-progress", f"Task {created.id}", _sync=True)  # type: ignore[call-arg,assignment]
            except UNSHOWN as error:
                self._could_not_show(error)

    def on_step(self, step: Step) -> None:
        """Shows a step."""
        progress, text = self._step(step)
        self._update(progress, text, wait=False)

    def on_ended(self, task: Task) -> None:
        """Shows what came of it."""
        shown = self._tell_ended(task)
        self._update(100.0, f"Task {task.id} {outcome(task)}")
        for artifact in of_ended_task(shown, screenshots=self._screenshots):
            self._show(artifact)

    def on_error(self, error: BaseException) -> None:
        """Shows how a task failed, or why it was stopped."""
        if isinstance(error, ENDED_BADLY) and error.task_id:
            with suppress(BrowserUseError):
                self.on_ended(self._client.get_task(error.task_id))
        else:
            self._tell_error(error)

    def _show(self, artifact: Artifact) -> None:
        if self._shows:
            try:
                with _turns:
                    artifact.create(_sync=True)  # type: ignore[call-arg] # `async_dispatch`
            except UNSHOWN as error:
                self._could_not_show(error)

    def _update(self, progress: float, description: str, *, wait: bool = True) -> None:
        if self._progress and _turns.acquire(blocking=wait):
            try:
                update_progress_artifact(self._progress, progress, description, _sync=True)  # type: ignore[call-arg]
            except UNSHOWN as error:
                self._could_not_show(error)
            finally:
                _turns.release()


class AsyncReport(_Report):
    """Callbacks for `AsyncBrowserUseClient.run_task`. See `Report`."""

    def __init__(
        self, client: AsyncBrowserUseClient, request: CreateTaskRequest, *, artifacts: bool, screenshots: bool
    ) -> None:
        super().__init__(request, artifacts, screenshots)
        self._client = client

    async def on_created(self, created: CreatedTask) -> None:
        """Shows where the task can be watched."""
        self.created = created
        try:
            live_url = (await self._client.get_session(created.session_id)).live_url
        except BrowserUseError as error:
            self._log.warning("Where to watch the task is unknown: %s", error)
            live_url = None
        self._tell_created(created, live_url)
        if live_url:
            await self._show(live_view(created, live_url))
        if self._shows:
            try:
                async with _turn():
                    self._progress = await acreate_progress_artifact(0.0, f"{KEY}-progress", f"Task {created.id}")
            except UNSHOWN as error:
                self._could_not_show(error)

    async def on_step(self, step: Step) -> None:
        """Shows a step."""
        progress, text = self._step(step)
        await self._update(progress, text, wait=False)

    async def on_ended(self, task: Task) -> None:
        """Shows what came of it."""
        shown = self._tell_ended(task)
        await self._update(100.0, f"Task {task.id} {outcome(task)}")
        for artifact in of_ended_task(shown, screenshots=self._screenshots):
            await self._show(artifact)

    async def on_error(self, error: BaseException) -> None:
        """Shows how a task failed, or why it was stopped."""
        if isinstance(error, ENDED_BADLY) and error.task_id:
            with suppress(BrowserUseError):
                await self.on_ended(await self._client.get_task(error.task_id))
        else:
            self._tell_error(error)

    async def _show(self, artifact: Artifact) -> None:
        if self._shows:
            try:
                async with _turn():
                    await artifact.acreate()
            except UNSHOWN as error:
                self._could_not_show(error)

    async def _update(self, progress: float, description: str, *, wait: bool = True) -> None:
        if self._progress and (wait or _turn().available_tokens):
            try:
                async with _turn():
                    await aupdate_progress_artifact(self._progress, progress, description)
            except UNSHOWN as error:
                self._could_not_show(error)
