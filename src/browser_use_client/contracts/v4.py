"""`v4`: runs in conversations, which it calls sessions; a browser comes with the first run and goes by itself.

The contract of October 2026, as the official SDK 3.12.1 speaks it. It has no metadata and no idempotency key, so the
key stands as a tag in the last line of the prompt, which lists of runs send back.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, ClassVar, TypeVar

from browser_use_client.contracts._contract import Capability
from browser_use_client.contracts._pages import PAGE_SIZE, read_items
from browser_use_client.contracts._profiles import Profiles
from browser_use_client.contracts._v4_base import next_cursor, run_path
from browser_use_client.contracts._v4_events import Story
from browser_use_client.contracts._v4_files import V4Files
from browser_use_client.contracts._v4_request import NAME, OPTIONS, run_body
from browser_use_client.contracts._v4_runs import created_task_of, latest_run, status_of, tag_in, task_of
from browser_use_client.contracts._v4_sessions import V4Sessions
from browser_use_client.contracts.v2_flat import V2Flat
from browser_use_client.effects import Call, Flow, call
from browser_use_client.errors import ApiError, InvalidRequestError, SessionBusyError
from browser_use_client.limits import time_of
from browser_use_client.models import (
    Account,
    BrowserProfile,
    CreatedTask,
    CreateTaskRequest,
    Overview,
    Page,
    Place,
    Profile,
    Progress,
    Task,
    TaskState,
)
from browser_use_client.models.keys import with_tag, without_tag

P = TypeVar("P", bound=Profile)

EVENTS_PER_PAGE = 200

_PROFILES = Profiles(
    contract=NAME,
    path="/profiles",
    model=BrowserProfile,
    names={"name": "name", "user_id": "userId", "cookie_domains": "cookieDomains"},
)
_V2 = V2Flat()


class V4(V4Files, V4Sessions):
    """POST /runs; what is to be done in a browser again goes on in the session of an earlier run."""

    requests_per_second = 20  # at most 120 in five seconds, of the 125 that a project may send
    remedies: ClassVar[Mapping[Capability, str]] = {
        "starting sessions": "Run the first task with `keep_session=True` and follow up with its session id.",
        "pausing": "You can only stop it; follow up in its session instead.",
        "logs": "Its steps tell what it did: `get_task`.",
        "profiles": "Set what it would say in each task's `agent_settings` instead.",
        "metadata": "Find the task by its idempotency key: `key`.",
    }

    # --- exactly once ---

    def with_key(self, request: CreateTaskRequest, key: str) -> CreateTaskRequest:
        """As a tag in the last line of the prompt, which is sent back."""
        if without_tag(request.task)[1]:
            raise InvalidRequestError(
                "The last line of `task` is the reference number of another task: take it off, and pass an idempotency"
                " key as `key`."
            )
        return request.model_copy(update={"task": with_tag(request.task, key)})

    def lists_with(self, session_id: str | None) -> str | None:
        """The session of a follow-up: its own list is enough."""
        return session_id

    def place(self, request: CreateTaskRequest, *, keep_session: bool, with_files: bool) -> Call[Place] | None:  # noqa: ARG002
        """Nothing: POST /runs starts the session."""
        return None

    def create_task(self, request: CreateTaskRequest, *, keep_session: bool = False) -> Call[CreatedTask]:
        """POST /runs. What a server of before October does not know, its refusal (422) names."""
        body = run_body(request, keep_session=keep_session)
        creating = self._call("POST", "/runs", created_task_of, json=body)
        return replace(creating, options=OPTIONS, meaning=_meaning_of_create)

    # --- tasks ---

    def get_task(self, task_id: str) -> Call[Task]:
        """GET /runs/{id}."""
        return self._call("GET", run_path(task_id), task_of)

    def details(self, task: Task) -> Flow[Task]:
        """Its events, and the files of its workspace."""
        story = yield from self._story(task.id, None)
        files = yield from self._output_files(task)
        told = {
            "steps": story.steps,
            "browser_reused": story.browser_reused,
            "live_url": None if task.has_ended else story.live_url,
            "output_files": files,
        }
        return task.model_copy(update=told)

    def get_task_state(self, task_id: str) -> Call[TaskState]:
        """GET /runs/{id}/status, which says nothing else."""
        return self._call(
            "GET", f"{run_path(task_id)}/status", lambda body: TaskState(id=task_id, status=status_of(body))
        )

    def get_end(self, task_id: str) -> Call[TaskState] | None:
        """GET /runs/{id}."""
        return self._call("GET", run_path(task_id), task_of)

    def follow(self, task_id: str, cursor: str | None) -> Flow[Progress]:
        """GET /runs/{id}/status, then the events since: so those of a run that has ended are complete."""
        state = yield from call(self.get_task_state(task_id))
        story = yield from self._story(task_id, cursor)
        return Progress(
            state=state,
            steps=story.steps,
            cursor=story.cursor,
            browser_reused=story.browser_reused,
            live_url=story.live_url,
        )

    def list_tasks(
        self,
        *,
        cursor: str | None = None,
        session_id: str | None = None,
        status: str | None = None,
        after: datetime | None = None,
        before: datetime | None = None,
    ) -> Call[Page[Task]]:
        """GET /runs, which knows no filter but the session: the others are held against what it lists."""
        since, until = time_of("after", after), time_of("before", before)

        def parse(body: Any) -> Page[Task]:
            tasks, unreadable = read_items("/runs", body["runs"], task_of, tag_of_item=tag_in)
            wanted = tuple(
                task
                for task in tasks
                if status in (None, task.status)
                and (since is None or task.created_at is None or task.created_at >= since)
                and (until is None or task.created_at is None or task.created_at <= until)
            )
            is_past = since is not None and any(task.created_at and task.created_at < since for task in tasks)
            return Page(items=wanted, unreadable=unreadable, next=None if is_past else next_cursor(body))

        params = {"limit": PAGE_SIZE, "cursor": cursor, "sessionId": session_id}
        return replace(self._call("GET", "/runs", parse), params=params)

    def overview(self, cursor: str | None) -> Call[Overview]:
        """GET /sessions: each with its latest run and how that stands."""

        def parse(body: Any) -> Overview:
            runs, _ = read_items("/sessions", body["sessions"], latest_run)
            following = next_cursor(body)
            return Overview(
                live=tuple(run.id for run in runs if not run.may_have_ended),
                ended=tuple(run.id for run in runs if run.has_ended),
                further=() if following is None else (following,),
            )

        return replace(self._call("GET", "/sessions", parse), params={"limit": PAGE_SIZE, "cursor": cursor})

    def stop_task(self, task_id: str, *, with_session: bool) -> Flow[Task]:
        """POST /runs/{id}/cancel, which leaves an ended run as it is; then the browsers of the session."""
        task = yield from call(self._call("POST", f"{run_path(task_id)}/cancel", task_of))
        if with_session:
            yield from self._stop_browsers(task.session_id)
        return task

    # --- the rest ---

    def profiles(self, model: type[P]) -> Profiles[P]:
        """Browser profiles."""
        return _PROFILES if model is BrowserProfile else super().profiles(model)  # type: ignore[return-value]

    def get_account(self) -> Call[Account]:
        """GET /billing/account of v2, which is beside it and takes the same key."""
        return replace(_V2.get_account(), version="v2", meaning=self.meaning)

    def _story(self, task_id: str, cursor: str | None) -> Flow[Story]:
        """What the events tell since an earlier poll, or all."""
        story = Story.at(cursor)
        while True:
            before = story
            listing = self._call("GET", f"{run_path(task_id)}/events", before.then)
            params = {"after": before.last_event, "limit": EVENTS_PER_PAGE}
            story = yield from call(replace(listing, params=params))
            if not story.has_more or story.last_event == before.last_event:
                return story


def _meaning_of_create(status_code: int, words: str) -> type[ApiError] | None:
    """409 is a session with an active run."""
    return SessionBusyError if status_code == 409 else V4.meaning(status_code, words)
