"""`v2-flat`: the same settings as top-level fields, and sessions that can be started on their own."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, TypeVar

from browser_use_client.contracts import _v2
from browser_use_client.contracts._profiles import Profiles, profiles_of
from browser_use_client.contracts._v2 import delete_session as delete_session
from browser_use_client.contracts._v2 import get_log_url as get_log_url
from browser_use_client.contracts._v2 import get_share as get_share
from browser_use_client.contracts._v2 import list_task_ids as list_task_ids
from browser_use_client.contracts._v2 import share_session as share_session
from browser_use_client.contracts._v2 import unshare_session as unshare_session
from browser_use_client.contracts._v2 import uuid_of
from browser_use_client.effects import Call
from browser_use_client.errors import InvalidRequestError, UnsupportedOptionError
from browser_use_client.models import (
    Account,
    BrowserProfile,
    BrowserSettings,
    CreatedTask,
    CreateTaskRequest,
    Page,
    Profile,
    Session,
    Task,
    TaskState,
    UploadSlot,
)

P = TypeVar("P", bound=Profile)

NAME = "v2-flat"
SESSIONS_END_WITH_TASKS = True
LIVE_STATUSES: tuple[str, ...] = ("created", "started")
FILES_BELONG_TO_SESSIONS = True

LONGEST_TASK = 50_000
MOST_METADATA = 10

_BROWSER_PROFILES = Profiles(
    contract=NAME,
    path="/profiles",
    model=BrowserProfile,
    names={"name": "name", "user_id": "userId", "cookie_domains": "cookieDomains"},
)


def create_task(request: CreateTaskRequest) -> Call[CreatedTask]:
    """POST /tasks."""
    agent, browser = request.agent_settings, request.browser_settings
    _v2.refuse(
        NAME,
        agent,
        "agent_settings.",
        {"profile_id": "Set what the profile says in `agent_settings` instead."},
    )
    _v2.refuse(
        NAME,
        request,
        "",
        {"included_file_names": "Start a session, upload the files into it, and run the task in that session."},
    )
    _v2.refuse_session_settings_of_follow_up(browser)
    if len(request.task) > LONGEST_TASK:
        raise InvalidRequestError(
            f"The task has {len(request.task):,} characters; {NAME} takes at most {LONGEST_TASK:,}."
        )
    if len(request.metadata) > MOST_METADATA:
        raise InvalidRequestError(
            f"The metadata has {len(request.metadata)} pairs; {NAME} takes at most {MOST_METADATA},"
            " one of which carries the task's key."
        )
    body = _v2.common_body(request) | {
        "llm": agent.llm,
        "startUrl": agent.start_url,
        "maxSteps": agent.max_steps,
        "allowedDomains": list(agent.allowed_domains) if agent.allowed_domains is not None else None,
        "flashMode": agent.flash_mode,
        "thinking": agent.thinking,
        "vision": agent.vision,
        "highlightElements": agent.highlight_elements,
        "systemPromptExtension": agent.system_prompt_extension,
        "structuredOutput": request.output_schema,
        "sessionId": browser.session_id,
        "sessionSettings": None if browser.session_id else (_session_settings(browser) or None),
        "judge": request.judge,
        "judgeGroundTruth": request.judge_ground_truth,
        "judgeLlm": request.judge_llm,
        "skillIds": list(request.skill_ids) if request.skill_ids is not None else None,
        "opVaultId": request.op_vault_id,
    }

    def parse(answer: Any) -> CreatedTask:
        return CreatedTask(
            id=answer["id"], session_id=answer["sessionId"], session_ends_with_task=browser.session_id is None
        )

    return Call("POST", "/tasks", parse, json=_v2.without_nones(body))


def get_task(task_id: str) -> Call[Task]:
    """GET /tasks/{id}."""
    return Call("GET", f"/tasks/{uuid_of('task_id', task_id)}", _task)


def get_task_state(task_id: str) -> Call[TaskState]:
    """GET /tasks/{id}/status."""

    def parse(body: Any) -> TaskState:
        return TaskState(
            id=body["id"],
            status=body["status"],
            is_success=body.get("isSuccess"),
            finished_at=body.get("finishedAt"),
            cost=body.get("cost"),
            output=body.get("output"),
        )

    return Call("GET", f"/tasks/{uuid_of('task_id', task_id)}/status", parse)


def list_tasks(
    *,
    page: int = 1,
    session_id: str | None = None,
    status: str | None = None,
    after: datetime | None = None,
    before: datetime | None = None,
) -> Call[Page[Task]]:
    """GET /tasks."""
    return _v2.list_tasks(_task, page, session_id, status, after, before)


def stop_task(task_id: str, *, with_session: bool) -> Call[Task]:
    """PATCH /tasks/{id}."""
    return _v2.stop_task(_task, task_id, with_session)


def pause_task(task_id: str) -> Call[Task]:  # noqa: ARG001 - the protocol's signature
    """Not in this contract.

    Raises:
        UnsupportedOptionError: Always.
    """
    raise _no_pause()


def resume_task(task_id: str) -> Call[Task]:  # noqa: ARG001 - the protocol's signature
    """Not in this contract.

    Raises:
        UnsupportedOptionError: Always.
    """
    raise _no_pause()


def start_session(settings: BrowserSettings) -> Call[Session]:
    """POST /sessions."""
    return Call("POST", "/sessions", _session, json={"keepAlive": True} | _session_settings(settings))


def get_session(session_id: str) -> Call[Session]:
    """GET /sessions/{id}."""
    return Call("GET", f"/sessions/{uuid_of('session_id', session_id)}", _session)


def stop_session(session_id: str) -> Call[Session]:
    """PATCH /sessions/{id}."""
    return Call("PATCH", f"/sessions/{uuid_of('session_id', session_id)}", _session, json={"action": "stop"})


def list_sessions(*, page: int = 1, status: str | None = None) -> Call[Page[Session]]:
    """GET /sessions."""
    return _v2.list_sessions(_session, page, status)


def upload_slot(file_name: str, content_type: str, size: int, *, session_id: str | None) -> Call[UploadSlot]:
    """POST /files/sessions/{id}/presigned-url: files belong to a session here.

    Raises:
        UnsupportedOptionError: No session was named.
    """
    if session_id is None:
        raise UnsupportedOptionError(
            f"A file cannot be uploaded without a session: the server speaks the contract {NAME}, where files belong"
            " to one. Start a session, upload into it, and run the task there; or pass `files` to the task."
        )
    return _v2.upload_slot(
        f"/files/sessions/{uuid_of('session_id', session_id)}/presigned-url", file_name, content_type, size
    )


def get_output_file_url(task_id: str, file_id: str) -> Call[str]:
    """GET /files/tasks/{id}/output-files/{file_id}."""
    return _v2.get_file_url(f"/files/tasks/{uuid_of('task_id', task_id)}/output-files/{uuid_of('file_id', file_id)}")


def profiles(model: type[P]) -> Profiles[P]:
    """/profiles: browser profiles only."""
    return profiles_of(
        NAME, model, (_BROWSER_PROFILES,), "Set what a profile would say in each task's `agent_settings` instead."
    )


def get_account() -> Call[Account]:
    """GET /billing/account, which only this contract has."""

    def parse(body: Any) -> Account:
        return Account(
            credits_usd=body["totalCreditsBalanceUsd"],
            monthly_credits_usd=body.get("monthlyCreditsBalanceUsd"),
            additional_credits_usd=body.get("additionalCreditsBalanceUsd"),
            name=body.get("name"),
        )

    return Call("GET", "/billing/account", parse)


def _no_pause() -> UnsupportedOptionError:
    return UnsupportedOptionError(
        f"A task cannot be paused or resumed: the server speaks the contract {NAME}, which can only stop it."
        " Stop it and follow up in its session instead."
    )


def _session_settings(settings: BrowserSettings) -> dict[str, Any]:
    """The settings of a new session, the same for POST /sessions and inside POST /tasks.

    Once POST /tasks carries settings at all, a proxy is used only if they name one; without them it is
    `us`, as it is for POST /sessions. So that `screen_width` does not switch the proxy off, the default
    is spelled out whenever another setting is sent.
    """
    body = _v2.without_nones(
        {
            "profileId": settings.profile_id,
            "browserScreenWidth": settings.screen_width,
            "browserScreenHeight": settings.screen_height,
            "enableRecording": settings.enable_recording,
        }
    )
    if "proxy_country_code" in settings.model_fields_set:
        return body | {"proxyCountryCode": settings.proxy_country_code}
    return body | {"proxyCountryCode": "us"} if body else body


def _task(body: Mapping[str, Any]) -> Task:
    return Task(
        **_v2.task_fields(body),
        output=body.get("output"),
        cost=body.get("cost"),
        created_at=body.get("createdAt"),
    )


def _session(body: Mapping[str, Any]) -> Session:
    return Session(
        id=body["id"],
        status=body["status"],
        live_url=body.get("liveUrl"),
        recording_url=body.get("recordingUrl"),
        share_url=body.get("publicShareUrl"),
        started_at=body.get("startedAt"),
        finished_at=body.get("finishedAt"),
        keep_alive=body.get("keepAlive"),
    )
