"""What a task, its steps and its files are. A status that is not named here is kept as it came."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, TypeVar, overload

from pydantic import Field

from browser_use_client.errors import InvalidRequestError, TaskFailedError, TaskStoppedError
from browser_use_client.models._base import UtcDatetime, View
from browser_use_client.models.files import OutputFile
from browser_use_client.models.keys import Keyed
from browser_use_client.schema import OutputSchema, parse_output

T = TypeVar("T")


class CreatedTask(View):
    """A task that exists on the server.

    Attributes:
        id: The task's id.
        session_id: The session that it runs in.
        reattached: True if it was found under its key instead of being created by this call.
        session_ends_with_task: True if the server closes the session itself when the task ends.
        key: The key that it was created under; None if the caller does not know it.
        max_cost_usd: US dollars past which whoever waits for it stops it; None where the server sees to that.
        seen_at: When this client saw that it exists, in seconds since the epoch by its own clock; None if long ago.
    """

    id: str
    session_id: str
    reattached: bool = False
    session_ends_with_task: bool = False
    key: str | None = None
    max_cost_usd: Decimal | None = None
    seen_at: float | None = None


class Step(View):
    """One step of the agent.

    Attributes:
        number: Counted from 1.
        goal: What the agent wanted to do next.
        evaluation: What it thought of the step before.
        memory: What it remembered.
        url: The page that it was on.
        actions: What it did, each as the JSON text that the API sends.
        screenshot_url: A picture of the page, if there is one.
        duration: Seconds, if the server says (`v2-flat`, `v4`).
    """

    number: int
    goal: str = ""
    evaluation: str = ""
    memory: str = ""
    url: str = ""
    actions: tuple[str, ...] = ()
    screenshot_url: str | None = None
    duration: float | None = None


LIVE_STATUSES = frozenset({"created", "started", "paused"})
ENDED_STATUSES = frozenset({"finished", "failed", "stopped"})


class TaskState(View):
    """Where a task stands: what one poll needs to know.

    Attributes:
        id: The task's id.
        status: `created`, `started`, `paused`, `finished`, `failed` or `stopped`; a status that a newer
            server sends is kept as it came.
        is_success: Whether the agent says that it did what it was asked; None while it runs, and if it
            does not say. Agents of `v4` never say: there it is what a judge found, if one was asked for, which may
            come some time after the end.
        finished_at: When it ended (`v4`: when the ended task last changed, as by a judge).
        cost: US dollars, if the server says (`v2-flat`, `v4`). In `v4` that is for models and searches;
            `get_session_cost` has the browser's as well.
        output: The result as text; of a task that failed in `v4`, the error.
    """

    id: str
    status: str
    is_success: bool | None = None
    finished_at: UtcDatetime | None = None
    cost: Decimal | None = None
    output: str | None = None

    @property
    def has_ended(self) -> bool:
        """True once the task will not change any more, for statuses unknown to this version as well."""
        if self.status in LIVE_STATUSES:
            return False
        return self.status in ENDED_STATUSES or self.finished_at is not None

    @property
    def has_succeeded(self) -> bool:
        """Whether it finished, and its agent does not say that it did not succeed."""
        return self.status == "finished" and self.is_success is not False

    @property
    def may_have_ended(self) -> bool:
        """True if it has ended, or if this version does not know what its status means."""
        return self.has_ended or self.status not in LIVE_STATUSES


class Task(TaskState, Keyed):
    """A task as the server shows it.

    Attributes:
        session_id: The session that it runs in.
        key: The key that it was created under; None if this client did not create it. `v4` does not send keys back:
            there only what was looked up by its key has one, and `has_key` tells of the rest.
        task: The prompt.
        llm: The model.
        steps: What the agent did so far; empty in lists.
        output_files: Files that it left behind; empty in lists.
        live_url: Where to watch the session, if the contract says it with the task (`v2-nested`; `v4` while it runs).
            Whoever has it can drive the browser.
        share_url: The session's public link, if one was made and the contract says it.
        metadata: As sent with the request (`v2`).
        workspace_id: The workspace with its files (`v4`); as `CreateTaskRequest.workspace_id` another session gets it.
        browser_reused: Whether it went on in the browser that an earlier task of its session had left open; False if
            one was started for it, as for each first task (`v4`); None where the contract does not say, and in lists.
        created_at: When the server took the task; None if the contract does not say (`v2-nested`).
        started_at: When it started (`v2`).
    """

    session_id: str
    task: str = ""
    llm: str | None = None
    steps: tuple[Step, ...] = ()
    output_files: tuple[OutputFile, ...] = ()
    live_url: str | None = None
    share_url: str | None = None
    metadata: Mapping[str, Any] = Field(default_factory=dict)
    workspace_id: str | None = None
    browser_reused: bool | None = None
    created_at: UtcDatetime | None = None
    started_at: UtcDatetime | None = None

    @overload
    def parse(self, schema: type[T]) -> T: ...
    @overload
    def parse(self, schema: OutputSchema) -> Any: ...
    def parse(self, schema: Any) -> Any:
        """Validate the output.

        Args:
            schema: What it was asked to look like: a pydantic model or another type, and you get an
                instance of it; a JSON schema as mapping or text (with the extra `jsonschema`), and you get the
                decoded JSON.

        Returns:
            An instance of `schema`, or plain JSON values.

        Raises:
            OutputSchemaError: The output is missing, is not valid JSON (`NaN` and `Infinity` are not), or does not fit;
                the error carries the raw text and says where.
            InvalidRequestError: The schema is not valid, or it is a JSON schema and `jsonschema` is not installed.
        """
        return parse_output(self.output, schema, task_id=self.id, session_id=self.session_id)[1]

    def parse_json(self, schema: OutputSchema) -> Any:
        """Validate the output as `parse` does, and return the JSON as it came.

        For what goes on as JSON, such as a row of a database: nothing is lost or changed by going through a model, so
        `parse` reads the same later.

        Args:
            schema: See `parse`.

        Returns:
            Plain JSON values, none of them NaN or infinite; no text holds a NUL or half of a surrogate pair.

        Raises:
            OutputSchemaError: See `parse`.
            InvalidRequestError: See `parse`.
        """
        return parse_output(self.output, schema, task_id=self.id, session_id=self.session_id)[0]

    def raise_for_status(self, *, fail_on_unsuccessful: bool = True) -> Task:
        """Turn an ended task that did not do its work into an error.

        Args:
            fail_on_unsuccessful: Whether a task that finished, but whose agent says that it did not succeed,
                counts as failed.

        Returns:
            The task itself.

        Raises:
            TaskFailedError: It failed, or its agent says so.
            TaskStoppedError: It was stopped.
        """
        about = f"Task {self.id} in session {self.session_id}"
        said = f" It said: {self.output}" if self.output else ""
        ids = {"task_id": self.id, "session_id": self.session_id}
        if self.status == "stopped":
            raise TaskStoppedError(f"{about} was stopped before it was done; it no longer runs.{said}", **ids)
        if self.status != "finished":
            raise TaskFailedError(f"{about} ended as `{self.status}`; it no longer runs.{said}", **ids)
        if fail_on_unsuccessful and self.is_success is False:
            raise TaskFailedError(f"{about} finished, but its agent reports no success.{said}", **ids)
        return self


class Progress(View):
    """What a poll shows that also tells steps.

    Attributes:
        state: Where the task stands.
        steps: The steps since the poll before.
        cursor: What the next poll is told, so that it tells only what comes after these.
        browser_reused: See `Task`; None as long as that is not known.
        live_url: See `Task`; None as long as that is not known.
    """

    state: TaskState
    steps: tuple[Step, ...] = ()
    cursor: str | None = None
    browser_reused: bool | None = None
    live_url: str | None = None


class Overview(View):
    """A part of what runs in an account.

    Attributes:
        live: The ids of the tasks that run.
        ended: The ids of those that have ended, where it shows such tasks.
        further: The cursors of all further parts that this one knows of.
    """

    live: tuple[str, ...]
    ended: tuple[str, ...] = ()
    further: tuple[str, ...] = ()


AnyTask = str | CreatedTask | Task
"""A task that a call is about: by its id alone, or as an earlier answer showed it, and so known to exist."""


def id_of(task: Any) -> str:
    """The id of an `AnyTask`.

    Raises:
        InvalidRequestError: It is something else, such as None.
    """
    if not isinstance(task, (str, CreatedTask, Task)):
        raise InvalidRequestError(f"A task is named by its id or by what showed it, not by {type(task).__name__}.")
    return task if isinstance(task, str) else task.id
