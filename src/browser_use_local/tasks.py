"""The tasks that run now: making, stopping, pausing them, and writing down what they do."""

from __future__ import annotations

import asyncio
import dataclasses
import logging
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from playwright.async_api import Error as PlaywrightError

from browser_use_local.active_session import ActiveSession
from browser_use_local.browser import Browser
from browser_use_local.engine import DoneStep, Engine, EngineFailedError, Outcome, TaskRequest
from browser_use_local.files import Files
from browser_use_local.keeping import Keeping, NotKeptError
from browser_use_local.masking import mask
from browser_use_local.output_schema import as_json, faults
from browser_use_local.profiles import Profiles
from browser_use_local.records import Session, Task, TaskStatus, now
from browser_use_local.running_task import CurrentStep, Ending, RunningTask
from browser_use_local.sessions import Sessions
from browser_use_local.settings import Revision, Settings
from browser_use_local.store import Store

logger = logging.getLogger(__name__)

# Seconds that an engine gets to let go of a task that has ended.
UNWINDS_WITHIN_SECONDS = 5.0


class SessionNotFoundError(Exception):
    """No session has this id."""


class SessionStoppedError(Exception):
    """The session was stopped. The message says why, where nobody asked for it."""


class SessionBusyError(Exception):
    """The session has a task that still runs."""


def in_words_of(revision: Revision, status: TaskStatus) -> TaskStatus:
    """A status as readers of the revision know it: `v2-nested` has neither `created` nor `failed`."""
    if revision == "v2-nested":
        return {"created": "started", "failed": "stopped"}.get(status, status)  # type: ignore[return-value]
    return status


class Tasks:
    """Runs tasks, each in the browser of its session.

    A task ends in one place, `_end`, once, and before anything is tidied up: what fails afterwards is a warning.
    """

    def __init__(
        self,
        settings: Settings,
        store: Store,
        sessions: Sessions,
        files: Files,
        profiles: Profiles,
        engine: Engine,
        tell: Callable[[Task], None],
    ) -> None:
        self._store = store
        self._sessions = sessions
        self._files = files
        self._keeping = Keeping(settings.data_dir, store, files)
        self._profiles = profiles
        self._engine = engine
        self._tell = tell
        self._running: dict[str, RunningTask] = {}
        sessions.on_break = self._end_in_broken

    def create(self, request: TaskRequest, also: Callable[[Task], None] = lambda task: None) -> Task:  # noqa: ARG005
        """Makes a task and starts it.

        Args:
            request: The task.
            also: Writes down what belongs to the task besides: all of it, or nothing, and then there is no task.

        Raises:
            SessionNotFoundError, SessionStoppedError, SessionBusyError: The session to continue cannot take it.
            ProfileNotFoundError: It names a profile that is not there.
            UnknownFileError: A file that it includes was not uploaded.
            TooManySessionsError: There is no room for the session that it needs.
        """
        request = self._profiles.applied(request)
        self._files.check_uploaded(request.included_files)
        session = self._session_for(request)
        earlier = request.earlier or self._earlier(session)
        task = Task(
            session_id=session.id,
            revision=request.revision,
            llm=request.llm,
            task=request.task,
            status=in_words_of(request.revision, "created"),
            metadata=request.metadata,
        )
        try:
            with self._store.transaction():
                self._store.add(task)
                self._files.include(request.included_files, task)
                uploads = {**self._files.inputs(session.id, task.id), **request.uploads}
                also(task)
        except Exception:
            if request.session_id is None:
                self._sessions.retire(session, "its task could not be written down")
            raise
        session.secrets.update(request.secrets)
        request = dataclasses.replace(request, secrets=dict(session.secrets), uploads=uploads, earlier=earlier)
        session.running_task = task.id
        session.idle_timeout = request.idle_timeout or session.idle_timeout
        running = self._running[task.id] = RunningTask(task, session)
        running.may_go_on.set()
        running.work = asyncio.create_task(self._work(running, request))
        return task

    async def stop(self, task_id: str) -> None:
        """Stops a task, and returns when its session can take the next one. One that has ended stays as it is."""
        if running := self._running.get(task_id):
            self._end(running, Ending("stopped"))
            await self._sessions.settled(running.session)

    def current_step(self, task_id: str) -> CurrentStep | None:
        """The step that a task is at; None while its browser starts, and when it has ended."""
        running = self._running.get(task_id)
        return running.current if running else None

    async def report(self, running: RunningTask, step: DoneStep) -> None:
        """Keeps a step of a task, and returns when the next one may start."""
        running.current = None
        task_id, session = running.task.id, running.session
        browser = await self._sessions.browser(session)
        await self._keeping.step(task_id, step, browser, session.secrets, lambda: task_id in self._running)
        await running.may_go_on.wait()
        running.current = CurrentStep()

    def begins(self, running: RunningTask, goal: str) -> None:
        """Notes the step that a task is at."""
        running.current = CurrentStep(mask(goal, running.session.secrets))

    def pause(self, task_id: str) -> None:
        """Lets a task wait before its next step."""
        if running := self._running.get(task_id):
            running.may_go_on.clear()
            self._change({"id": task_id}, status="paused")

    def resume(self, task_id: str) -> None:
        """Lets a paused task go on."""
        if running := self._running.get(task_id):
            running.may_go_on.set()
            self._change({"id": task_id}, status="started")

    async def stop_session(self, session_id: str) -> None:
        """Stops a session, and first the task that runs in it."""
        session = self._sessions.get(session_id)
        if session is not None and session.running_task:
            await self.stop(session.running_task)
        await self._sessions.stop(session_id)

    def close(self) -> None:
        """Ends all tasks, since the server ends."""
        for running in list(self._running.values()):
            self._end(running, Ending.failed("The local server was stopped while this task ran."))

    def _session_for(self, request: TaskRequest) -> ActiveSession:
        if request.session_id is None:
            opened = self._sessions.open(
                keep_alive=request.keep_session,
                profile_id=request.browser_profile_id,
                size=request.screen,
                conversation_id=request.conversation_id,
            )
            session = self._sessions.get(opened.id)
        else:
            session = self._sessions.get(request.session_id)
        if session is None:
            record = self._store.get(Session, id=request.session_id)
            if record is None:
                raise SessionNotFoundError
            raise SessionStoppedError(record.reason or "")
        if session.running_task:
            raise SessionBusyError
        return session

    def _earlier(self, session: ActiveSession) -> list[tuple[str, str]]:
        record = self._store.get(Session, id=session.id)
        if record is None or not record.persist_memory:
            return []
        tasks = self._store.select(Task, {"session_id": session.id}, order="created_at")
        return [(task.task, task.output or task.status) for task in tasks]

    async def _work(self, running: RunningTask, request: TaskRequest) -> None:
        task, session = running.task, running.session

        async def browser() -> Browser:
            ready = await self._sessions.browser(session)
            ready.on_download = lambda download: running.downloads.append(
                asyncio.create_task(self._keeping.download(task.id, download, request.secrets))
            )
            self.begins(running, "")
            waiting = {"id": task.id, "status": in_words_of(request.revision, "created")}
            self._change(waiting, status="started", started_at=now())
            return ready

        try:
            outcome = await _given_out(await self._engine.run(request, browser, _Report(self, running)), request)
            await asyncio.gather(*running.downloads)
            ending = Ending("finished", outcome.output, outcome.is_success)
        except (EngineFailedError, NotKeptError) as error:
            ending = Ending.failed(mask(str(error), request.secrets))
        except PlaywrightError as error:
            self._sessions.broke(session, mask(error.message.splitlines()[0], request.secrets))
            return
        except Exception:  # noqa: BLE001 - whatever went wrong, the task has ended
            # The traceback of a browser's error holds what was typed.
            logger.error("task %s failed\n%s", task.id, mask(traceback.format_exc(), request.secrets))  # noqa: TRY400
            ending = Ending.failed("The local server made a mistake; its log says more.")
        self._end(running, ending)

    def _end_in_broken(self, session: ActiveSession, reason: str) -> None:
        """Ends the task in a session whose browser broke down."""
        if running := self._running.get(session.running_task or ""):
            self._end(running, Ending.failed(f"The browser of this session broke down: {reason}"))

    def _end(self, running: RunningTask, ending: Ending) -> None:
        """Ends a task, whatever it was doing: the first to say how counts. Tidying up begins when that is written."""
        task = running.task
        if self._running.pop(task.id, None) is None:
            return
        columns: dict[str, Any] = {
            "status": in_words_of(task.revision, ending.status),
            "finished_at": now(),
            "output": ending.output,
            "is_success": ending.is_success,
        }
        self._store.end(Task, task.id, **columns)
        self._tell(dataclasses.replace(task, **columns))
        self._sessions.end_task(running.session, self._unwind(running))

    async def _unwind(self, running: RunningTask) -> None:
        """Ends what still goes on for a task that has ended."""
        jobs = [job for job in (running.work, *running.downloads) if job and not job.done()]
        for job in jobs:
            job.cancel()
        if jobs:
            await asyncio.wait(jobs, timeout=UNWINDS_WITHIN_SECONDS)

    def _change(self, where: Mapping[str, Any], **columns: Any) -> None:
        """Changes a task that fits, and tells of its new status."""
        if task := self._store.get(Task, **where):
            self._store.change(Task, where, **columns)
            self._tell(dataclasses.replace(task, **columns))


@dataclass(frozen=True)
class _Report:
    """Where the engine of one task says what it does."""

    tasks: Tasks
    running: RunningTask

    async def __call__(self, step: DoneStep) -> None:
        """Keeps a step, and returns when the next one may start."""
        await self.tasks.report(self.running, step)

    def begins(self, goal: str) -> None:
        """Notes the step that the task is at."""
        self.tasks.begins(self.running, goal)


async def _given_out(outcome: Outcome, request: TaskRequest) -> Outcome:
    """The outcome as it is written down: without secrets, and with a schema as JSON that still fits it."""
    shown = mask(outcome.output, request.secrets)
    if request.output_schema is None or not outcome.is_success:
        return Outcome(shown, outcome.is_success)
    if shown != outcome.output and (problem := await faults(request.output_schema, shown)):
        return Outcome(
            f"Secrets are not given out, and without them the output does not fit the schema: {problem}", False
        )
    return Outcome(as_json(shown), True)
