"""Under which key a task is created, so that a run that comes back finds it instead of paying again.

The keys of a flow run read `FLOW_RUN:INPUTS:ATTEMPT:TASK_RUN`. A task's metadata carries its key, so the API itself
remembers what a flow run started: across retries, killed processes, and runners that share no memory. Prefect's
own ids are not enough, for those of task runs change when a flow runs again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from prefect.context import FlowRunContext, TaskRunContext

from browser_use_client import AsyncBrowserUseClient, BrowserUseClient, CreateTaskRequest, NotFoundError, Task
from prefect_browser_use.files import digests

CLOCK_SKEW = timedelta(minutes=10)


@dataclass(frozen=True)
class Inputs:
    """What a task is asked, as far as it tells one call from another.

    Attributes:
        digest: Of everything; two calls that ask the same have the same.
        starts_chain: Whether the task opens a session for follow-ups.
        accept: Whether a finished task will do, so that a retry does not start a new one.
    """

    digest: str
    starts_chain: bool
    accept: Callable[[Task], bool]

    @classmethod
    def of(
        cls,
        request: CreateTaskRequest,
        session_id: str | None,
        *,
        keep_session: bool,
        files: Sequence[Path] = (),
        fail_on_unsuccessful: bool = True,
    ) -> Inputs:
        """The inputs of a call; reads the files."""
        # The dump masks secrets: not even their hash leaves the process.
        asked = [str(session_id), str(keep_session), request.model_dump_json(), *digests(files)]
        return cls(
            digest=sha256("\n".join(asked).encode()).hexdigest()[:16],
            starts_chain=keep_session and session_id is None,
            accept=_succeeded if fail_on_unsuccessful else _finished,
        )


@dataclass(frozen=True)
class Caller:
    """The task run that asks, and which attempt of its flow run it belongs to.

    Attributes:
        task_run_id: The task run.
        flow_run_id: Its flow run; None for a task that runs without one.
        attempt: How often the flow run was started, from 1.
        since: When the flow run, or else the task run, was first started, at the earliest.
        is_new: Whether the flow run and the task run were never started before, so that nothing can be found.
    """

    task_run_id: UUID
    flow_run_id: UUID | None
    attempt: int
    since: datetime | None
    is_new: bool

    @classmethod
    def current(cls) -> Caller:
        """Who calls: a task run, or with a made-up id the body of a flow, or a script."""
        task_context, flow_context = TaskRunContext.get(), FlowRunContext.get()
        task_run = task_context.task_run if task_context else None
        flow_run = flow_context.flow_run if flow_context else None
        since = (flow_run.start_time or flow_run.created) if flow_run else (task_run and task_run.created)
        return cls(
            task_run_id=task_run.id if task_run else uuid4(),
            flow_run_id=flow_run.id if flow_run else None,
            attempt=flow_run.run_count if flow_run else 1,
            since=since - CLOCK_SKEW if since else None,
            # A background task has no flow run that counts how often it was started.
            is_new=bool(flow_run and flow_run.run_count == 1 and (task_run is None or task_run.run_count <= 1)),
        )

    def find_key(self, client: BrowserUseClient, inputs: Inputs) -> str:
        """The key of the task that an earlier attempt left behind for this call, else a new one."""
        if self.attempt > 1:
            tasks = list(client.list_tasks(after=self.since))
            for task in self._left_behind(inputs, tasks):
                if not inputs.starts_chain or _leads_on(task, tasks) or _is_open(client, task.session_id):
                    return _key_of(task)
        return f"{self._prefix(inputs)}{self.attempt}:{self.task_run_id}"

    async def afind_key(self, client: AsyncBrowserUseClient, inputs: Inputs) -> str:
        """As `find_key`, for asyncio."""
        if self.attempt > 1:
            tasks = [task async for task in client.list_tasks(after=self.since)]
            for task in self._left_behind(inputs, tasks):
                if not inputs.starts_chain or _leads_on(task, tasks) or await _ais_open(client, task.session_id):
                    return _key_of(task)
        return f"{self._prefix(inputs)}{self.attempt}:{self.task_run_id}"

    def _prefix(self, inputs: Inputs) -> str:
        return f"{self.flow_run_id or 'no-flow'}:{inputs.digest}:"

    def _left_behind(self, inputs: Inputs, tasks: Sequence[Task]) -> Iterator[Task]:
        """What earlier attempts started for the same inputs, is of use, and no sibling took."""
        prefix, found = self._prefix(inputs), []
        for task in tasks:
            if _key_of(task).startswith(prefix) and (not task.has_ended or inputs.accept(task)):
                attempt, task_run_id = _key_of(task).removeprefix(prefix).split(":")
                found.append((int(attempt), UUID(task_run_id), task))
        # Ids of task runs are in the order of their creation (UUID7), as identical calls were made.
        for earlier, _, task in sorted(found, key=lambda item: item[:2]):
            if earlier < self.attempt and self._takes(task):
                yield task

    def _takes(self, task: Task) -> bool:
        return _taken.setdefault((task.id, self.attempt), self.task_run_id) == self.task_run_id


_taken: dict[tuple[str, int], UUID] = {}
"""Which task run of an attempt took which task of an earlier one, so that identical calls take one each."""


def _key_of(task: Task) -> str:
    return task.key or ""


def _succeeded(task: Task) -> bool:
    return task.status == "finished" and task.is_success is not False


def _finished(task: Task) -> bool:
    return task.status == "finished"


def _leads_on(task: Task, tasks: Sequence[Task]) -> bool:
    """Whether the first task of a session still serves the calls after it, though the session may be closed.

    It does while it runs, and when its follow-ups are there and are good: they will be found as well. Otherwise
    their successors would be sent to a closed session in each attempt again, so all begins anew, in a new session.
    """
    follow_ups = [other for other in tasks if other.session_id == task.session_id and _age(other) > _age(task)]
    return not task.has_ended or (bool(follow_ups) and all(_succeeded(other) for other in follow_ups))


def _age(task: Task) -> Any:
    return task.created_at or task.started_at


def _is_open(client: BrowserUseClient, session_id: str) -> bool:
    try:
        return client.get_session(session_id).status == "active"
    except NotFoundError:
        return False


async def _ais_open(client: AsyncBrowserUseClient, session_id: str) -> bool:
    try:
        return (await client.get_session(session_id)).status == "active"
    except NotFoundError:
        return False
