"""What every contract can say: a request in our words to what is to be sent, an answer to a model. Pure.

What every contract can answer with one request is a `Call`; what some contract needs several for is a `Flow`, in the
others of one call. So nothing outside `contracts` asks which contract it is.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import ClassVar, Literal, TypeVar

from browser_use_client.contracts._profiles import Profiles
from browser_use_client.contracts._refusing import unsupported
from browser_use_client.effects import Call, Flow
from browser_use_client.errors import ApiError, UnsupportedOptionError
from browser_use_client.models import (
    Account,
    BrowserSettings,
    CreatedTask,
    CreateTaskRequest,
    Overview,
    Page,
    Place,
    Profile,
    Progress,
    Session,
    SessionCost,
    Share,
    Task,
    TaskState,
    UploadSlot,
)

P = TypeVar("P", bound=Profile)

Capability = Literal[
    "pausing",
    "starting sessions",
    "sharing",
    "logs",
    "profiles",
    "the account",
    "the cost of sessions",
    "metadata",
]
"""What a contract may lack."""


class Contract(ABC):
    """One published contract.

    What a contract cannot carry raises `UnsupportedOptionError` when it is asked for, before anything is sent.

    Attributes:
        name: As `api_version` and messages name it.
        remedies: What to do instead of each capability that it lacks.
        most_files: How many files a task can have; None for any number.
        requests_per_second: How many requests one client may send, see `Pace`; None for any number.
    """

    name: ClassVar[str]
    remedies: ClassVar[Mapping[Capability, str]] = {}
    most_files: ClassVar[int | None] = None
    requests_per_second: ClassVar[int | None] = None

    # --- exactly once ---

    @abstractmethod
    def with_key(self, request: CreateTaskRequest, key: str) -> CreateTaskRequest:
        """The request, with the key in it by which its task is found again.

        Raises:
            InvalidRequestError: The request has something where the key is to be.
        """

    @abstractmethod
    def lists_with(self, session_id: str | None) -> str | None:
        """The session whose list is enough to find the tasks under a key; None if that takes the lists of all.

        Args:
            session_id: The session that the key is for, if it is for a follow-up.
        """

    @abstractmethod
    def place(self, request: CreateTaskRequest, *, keep_session: bool, with_files: bool) -> Call[Place] | None:
        """Makes what has to exist before the task; None where nothing has to, or it is there already.

        Args:
            request: What is to be asked.
            keep_session: Whether the session is to stay open after the task.
            with_files: Whether files are to be uploaded for it.
        """

    @abstractmethod
    def content_type(self, file: str | Path, size: int) -> str:
        """The content type that a file of so many bytes is uploaded with.

        Raises:
            InvalidRequestError: It is too large, empty, or of a kind that is not taken.
        """

    @abstractmethod
    def upload_target(self, session_id: str | None, workspace_id: str | None = None) -> Flow[str | None]:
        """What files are uploaded into, as `upload_slot` takes it: an id, or None for the account. Made if need be.

        Args:
            session_id: The session that they are for; None for one that the task will start.
            workspace_id: The workspace that was asked for.
        """

    @abstractmethod
    def upload_slot(self, file_name: str, content_type: str, size: int, *, into: str | None) -> Call[UploadSlot]:
        """Where a file can be uploaded to.

        Args:
            file_name: Its name.
            content_type: Its content type.
            size: Bytes.
            into: See `upload_target`.
        """

    @abstractmethod
    def attach(
        self, request: CreateTaskRequest, uploads: Sequence[UploadSlot], *, into: str | None
    ) -> CreateTaskRequest:
        """The request, with files in it that were uploaded for it.

        Args:
            request: The request.
            uploads: What they were uploaded to.
            into: See `upload_target`.
        """

    @abstractmethod
    def create_task(self, request: CreateTaskRequest, *, keep_session: bool = False) -> Call[CreatedTask]:
        """Creates a task.

        Args:
            request: What is asked.
            keep_session: Whether the session is to stay open after the task.
        """

    def cost_limit(self, request: CreateTaskRequest) -> Decimal | None:  # noqa: ARG002
        """US dollars past which whoever waits for the task has to stop it; None where the server sees to that."""
        return None

    # --- profiles in use ---

    def with_profile(self, request: CreateTaskRequest) -> CreateTaskRequest:
        """The request, saying in its task which browser profile it asks for; unchanged where a task cannot say that."""
        return request

    def task_with_profile(self, profile_id: str) -> Call[Task | None] | None:  # noqa: ARG002
        """The newest task that runs in a session of a profile, by what tasks say of themselves; see `with_profile`.

        None where they cannot: no published contract says which profile a session has.
        """
        return None

    # --- tasks ---

    @abstractmethod
    def get_task(self, task_id: str) -> Call[Task]:
        """A task; `details` has what this leaves out."""

    @abstractmethod
    def details(self, task: Task) -> Flow[Task]:
        """The whole of a task that `get_task` showed, with its steps, files and live URL."""

    @abstractmethod
    def get_task_state(self, task_id: str) -> Call[TaskState]:
        """The least that a poll needs; a `Task` where the contract has nothing smaller."""

    @abstractmethod
    def get_end(self, task_id: str) -> Call[TaskState] | None:
        """How a task has ended, where `get_task_state` says only that it has; None where that says all."""

    @abstractmethod
    def follow(self, task_id: str, cursor: str | None) -> Flow[Progress]:
        """A poll that also tells the steps since another one.

        Args:
            task_id: The task.
            cursor: What that one said; None for all steps.
        """

    @abstractmethod
    def list_tasks(
        self,
        *,
        cursor: str | None = None,
        session_id: str | None = None,
        status: str | None = None,
        after: datetime | None = None,
        before: datetime | None = None,
    ) -> Call[Page[Task]]:
        """A page of tasks, the newest first; the first page without a cursor, and the last one reaches `after`."""

    @abstractmethod
    def overview(self, cursor: str | None) -> Call[Overview]:
        """A part of what runs in the account; the first part without a cursor."""

    @abstractmethod
    def stop_task(self, task_id: str, *, with_session: bool) -> Flow[Task]:
        """Stops a task, and its session if asked."""

    @abstractmethod
    def get_output_file_url(self, task_id: str, file_id: str) -> Call[str]:
        """Where a file that a task left behind can be downloaded."""

    # --- sessions ---

    @abstractmethod
    def get_session(self, session_id: str) -> Flow[Session]:
        """A session."""

    @abstractmethod
    def list_sessions(self, *, cursor: str | None = None, status: str | None = None) -> Call[Page[Session]]:
        """A page of sessions, the newest first; the first page without a cursor."""

    @abstractmethod
    def stop_session(self, session_id: str, *, is_idle: bool = False) -> Flow[None]:
        """Stops a session and its task. One that is stopped or gone already is left in peace.

        Args:
            session_id: The session.
            is_idle: Whether its tasks are known to have ended.
        """

    @abstractmethod
    def delete_session(self, session_id: str) -> Call[None]:
        """Deletes a session and its tasks."""

    # --- what an answer means ---

    @staticmethod
    @abstractmethod
    def meaning(status_code: int, words: str) -> type[ApiError] | None:
        """What a refusal stands for where that is special to this contract; None where the status code says it.

        Args:
            status_code: The HTTP status.
            words: What the body says.
        """

    # --- capabilities ---

    def start_session(self, settings: BrowserSettings) -> Call[Session]:  # noqa: ARG002
        """Starts a session that stays open after its tasks."""
        raise self._without("starting sessions", "A session cannot be started on its own")

    def pause_task(self, task_id: str) -> Call[Task]:  # noqa: ARG002
        """Pauses a task."""
        raise self._without("pausing", "A task cannot be paused")

    def resume_task(self, task_id: str) -> Call[Task]:  # noqa: ARG002
        """Lets a paused task go on."""
        raise self._without("pausing", "A task cannot be resumed")

    def get_log_url(self, task_id: str) -> Call[str]:  # noqa: ARG002
        """Where a task's log can be downloaded."""
        raise self._without("logs", "There is no log of a task")

    def get_share(self, session_id: str) -> Call[Share]:  # noqa: ARG002
        """A session's public link."""
        raise self._without("sharing", "A session has no public link")

    def share_session(self, session_id: str) -> Call[Share]:  # noqa: ARG002
        """Makes a session's public link."""
        raise self._without("sharing", "A session has no public link")

    def unshare_session(self, session_id: str) -> Call[None]:  # noqa: ARG002
        """Takes a session's public link away."""
        raise self._without("sharing", "A session has no public link")

    def profiles(self, model: type[P]) -> Profiles[P]:
        """Agent profiles or browser profiles."""
        raise self._without("profiles", f"There is no {model.__name__}")

    def get_account(self) -> Call[Account]:
        """The account behind the key."""
        raise self._without("the account", "The account cannot be read")

    def get_session_cost(self, session_id: str) -> Call[SessionCost]:  # noqa: ARG002
        """What a session has cost."""
        raise self._without("the cost of sessions", "The cost of a session cannot be read")

    def _without(self, capability: Capability, what: str) -> UnsupportedOptionError:
        return unsupported(what, self.name, self.remedies.get(capability, ""))
