"""The sessions of v4: conversations whose runs go on in one browser for as long as it stays."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

from browser_use_local.engine import TaskRequest
from browser_use_local.records import Conversation, Run, Task, Workspace, new_id
from browser_use_local.sessions import Sessions
from browser_use_local.store import Store
from browser_use_local.tasks import SessionBusyError, SessionNotFoundError, Tasks
from browser_use_local.workspaces import Workspaces

KEEP_ALIVE_SECONDS = 120
MAX_COST_USD = "25"
CHANGED_BY_RUNS = ("keep_alive", "browser", "max_cost_usd", "latest_run_at")


class WorkspaceNotFoundError(Exception):
    """No workspace has this id, or it was archived."""


class NotOfTheSessionError(Exception):
    """A follow-up names what its session was not started with. The message says what."""


@dataclass(frozen=True, kw_only=True)
class Turn:
    """A run as it was asked for, and what it says about its conversation; None is as before, or the default.

    `browser` are settings for a browser that is newly started, named as on the wire.
    """

    request: TaskRequest
    conversation_id: str | None = None
    workspace_id: str | None = None
    keep_alive: int | None = None
    max_cost_usd: str | None = None
    browser: dict[str, Any] = dataclasses.field(default_factory=dict)
    model_params: dict[str, Any] | None = None
    attached_file_ids: list[str] | None = None


class Conversations:
    """Starts runs, each in the browser of its conversation, or in a new one where that is not there any more.

    Args:
        store: Where they are written down.
        sessions: The browsers.
        tasks: What runs them.
        workspaces: Where their files lie.
    """

    def __init__(self, store: Store, sessions: Sessions, tasks: Tasks, workspaces: Workspaces) -> None:
        self._store = store
        self._sessions = sessions
        self._tasks = tasks
        self._workspaces = workspaces

    def start(self, turn: Turn) -> Task:
        """Starts a run. Files to attach that are not in its workspace are left out.

        Raises:
            SessionNotFoundError, WorkspaceNotFoundError, ProfileNotFoundError: What it names is not there.
            NotOfTheSessionError: It names what its session was not started with.
            SessionBusyError: A run of its session still runs.
            TooManySessionsError: There is no room for the browser that it needs.
        """
        if turn.workspace_id and not self._store.get(Workspace, id=turn.workspace_id, archived=False):
            raise WorkspaceNotFoundError
        before = self._before(turn)
        browser = {**(before.browser if before else {}), **turn.browser}
        keep_alive = turn.keep_alive or (before.keep_alive if before else KEEP_ALIVE_SECONDS)
        conversation_id = before.id if before else new_id()
        workspace_id = before.workspace_id if before else turn.workspace_id
        attached = self._workspaces.attached(turn.attached_file_ids or [], workspace_id) if workspace_id else []
        request = dataclasses.replace(
            turn.request,
            conversation_id=conversation_id,
            session_id=self._open_browser(before),
            earlier=self._earlier(before),
            uploads=self._workspaces.for_task(attached),
            idle_timeout=keep_alive,
            browser_profile_id=browser.get("profileId"),
            screen=(browser.get("screenWidth"), browser.get("screenHeight")),
        )

        def also(task: Task) -> None:
            now_so = Conversation(
                id=conversation_id,
                workspace_id=workspace_id or self._new_workspace(),
                keep_alive=keep_alive,
                browser=browser,
                max_cost_usd=turn.max_cost_usd or (before.max_cost_usd if before else MAX_COST_USD),
                latest_run_at=task.created_at,
            )
            if before:
                said = {name: getattr(now_so, name) for name in CHANGED_BY_RUNS}
                self._store.change(Conversation, {"id": before.id}, **said)
            else:
                self._store.add(now_so)
            self._store.add(
                Run(
                    task_id=task.id,
                    conversation_id=conversation_id,
                    created_at=task.created_at,
                    output_schema=request.output_schema,
                    model_params=turn.model_params,
                    attached_file_ids=None if turn.attached_file_ids is None else [file.id for file in attached],
                )
            )

        return self._tasks.create(request, also)

    def latest(self, conversation: Conversation) -> Task | None:
        """The newest run of a conversation; None where all its runs were deleted."""
        where = {"conversation_id": conversation.id}
        runs = self._store.select(Run, where, order="created_at DESC", limit=1)
        return self._store.get(Task, id=runs[0].task_id) if runs else None

    def is_follow_up_in_browser(self, task: Task) -> bool:
        """Whether a run found its browser as an earlier one had left it."""
        earlier = {"session_id": task.session_id, "created_at <": task.created_at, "started_at >": ""}
        return self._store.count(Task, earlier) > 0

    def _before(self, turn: Turn) -> Conversation | None:
        """The conversation to continue, if the turn may."""
        if turn.conversation_id is None:
            return None
        found = self._store.get(Conversation, id=turn.conversation_id)
        if found is None:
            raise SessionNotFoundError
        if turn.workspace_id not in {None, found.workspace_id}:
            raise NotOfTheSessionError("workspaceId is another one than the session's")
        if turn.browser.get("profileId", found.browser.get("profileId")) != found.browser.get("profileId"):
            raise NotOfTheSessionError("browserSettings.profileId is another one than the session's")
        latest = self.latest(found)
        if latest and latest.is_live:
            raise SessionBusyError
        return found

    def _new_workspace(self) -> str:
        workspace = Workspace()
        self._store.add(workspace)
        return workspace.id

    def _open_browser(self, conversation: Conversation | None) -> str | None:
        """The browser of a conversation, if it is still open."""
        latest = self.latest(conversation) if conversation else None
        return latest.session_id if latest and self._sessions.get(latest.session_id) else None

    def _earlier(self, conversation: Conversation | None) -> list[tuple[str, str]]:
        """What the runs of a conversation were, and what came of them, in whichever browser."""
        where = {"conversation_id": conversation.id if conversation else None}
        runs = self._store.select(Run, where, order="created_at") if conversation else []
        tasks = [self._store.get(Task, id=run.task_id) for run in runs]
        return [(task.task, task.output or task.status) for task in tasks if task]
