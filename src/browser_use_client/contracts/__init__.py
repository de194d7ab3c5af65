"""The published contracts of the API, each a pure module: a request in our words to a call, an answer to a model."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Literal, Protocol, TypeVar

from browser_use_client.contracts import v2_flat, v2_nested
from browser_use_client.contracts._profiles import Profiles
from browser_use_client.effects import Call
from browser_use_client.models import (
    Account,
    BrowserSettings,
    CreatedTask,
    CreateTaskRequest,
    Page,
    Profile,
    Session,
    Share,
    Task,
    TaskState,
    UploadSlot,
)

P = TypeVar("P", bound=Profile)

ApiVersion = Literal["auto", "v2-nested", "v2-flat"]
"""`auto` asks the server once which of the contracts it speaks."""


class Contract(Protocol):
    """What every contract can say. Functions that make a call raise `UnsupportedOptionError` for what it cannot."""

    NAME: str
    SESSIONS_END_WITH_TASKS: bool
    """Whether a session that POST /tasks started closes with its task."""
    FILES_BELONG_TO_SESSIONS: bool
    """Whether a file is uploaded into a session, or else for the user, and then named in the task."""

    LIVE_STATUSES: tuple[str, ...]
    """What a task can be before it ends, in the order that it goes through them."""

    def list_task_ids(self, status: str, page: int) -> Call[Page[str]]:
        """One page of the ids of at most 100 tasks of a status."""

    def create_task(self, request: CreateTaskRequest) -> Call[CreatedTask]:
        """POST /tasks."""

    def get_task(self, task_id: str) -> Call[Task]:
        """The whole task, with its steps and files."""

    def get_task_state(self, task_id: str) -> Call[TaskState]:
        """The least that a poll needs; a `Task` where the contract has nothing smaller."""

    def list_tasks(
        self,
        *,
        page: int = 1,
        session_id: str | None = None,
        status: str | None = None,
        after: datetime | None = None,
        before: datetime | None = None,
    ) -> Call[Page[Task]]:
        """One page of at most 100 tasks."""

    def stop_task(self, task_id: str, *, with_session: bool) -> Call[Task]:
        """Stops a task, and its session if asked."""

    def pause_task(self, task_id: str) -> Call[Task]:
        """Pauses a task."""

    def resume_task(self, task_id: str) -> Call[Task]:
        """Lets a paused task go on."""

    def get_log_url(self, task_id: str) -> Call[str]:
        """Where a task's log can be downloaded."""

    def get_output_file_url(self, task_id: str, file_id: str) -> Call[str]:
        """Where a file that a task left behind can be downloaded."""

    def upload_slot(self, file_name: str, content_type: str, size: int, *, session_id: str | None) -> Call[UploadSlot]:
        """Where a file can be uploaded to."""

    def start_session(self, settings: BrowserSettings) -> Call[Session]:
        """Starts a session that stays open after its tasks."""

    def get_session(self, session_id: str) -> Call[Session]:
        """A session."""

    def list_sessions(self, *, page: int = 1, status: str | None = None) -> Call[Page[Session]]:
        """One page of at most 100 sessions."""

    def delete_session(self, session_id: str) -> Call[None]:
        """Deletes a session and its tasks."""

    def get_share(self, session_id: str) -> Call[Share]:
        """A session's public link."""

    def share_session(self, session_id: str) -> Call[Share]:
        """Makes a session's public link."""

    def unshare_session(self, session_id: str) -> Call[None]:
        """Takes a session's public link away."""

    def stop_session(self, session_id: str) -> Call[Session]:
        """Stops a session and its task."""

    def profiles(self, model: type[P]) -> Profiles[P]:
        """Agent profiles or browser profiles."""

    def get_account(self) -> Call[Account]:
        """The account behind the key."""


CONTRACTS: Mapping[str, Contract] = {contract.NAME: contract for contract in (v2_nested, v2_flat)}
