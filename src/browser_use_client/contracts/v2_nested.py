"""`v2-nested`: settings under `agentSettings` and `browserSettings`. The page that this project was asked for."""

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
from browser_use_client.errors import UnsupportedOptionError
from browser_use_client.models import (
    Account,
    AgentProfile,
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

NAME = "v2-nested"
SESSIONS_END_WITH_TASKS = False
LIVE_STATUSES: tuple[str, ...] = ("paused", "started")
FILES_BELONG_TO_SESSIONS = False

_PROFILE = "Make an agent profile that has it and name it in `agent_settings.profile_id`."
_BROWSER_PROFILE = "Make a browser profile that has it and name it in `browser_settings.profile_id`."
_FLAT_ONLY = "Only v2-flat has it."

_AGENT_SETTINGS_OF_PROFILES = {
    "max_steps": _PROFILE,
    "allowed_domains": _PROFILE,
    "flash_mode": _PROFILE,
    "thinking": _PROFILE,
    "vision": _PROFILE,
    "highlight_elements": _PROFILE,
    "system_prompt_extension": _PROFILE,
}
_BROWSER_SETTINGS_OF_PROFILES = {
    "proxy_country_code": _BROWSER_PROFILE,
    "screen_width": _BROWSER_PROFILE,
    "screen_height": _BROWSER_PROFILE,
    "enable_recording": _FLAT_ONLY,
}
_NOT_HERE = dict.fromkeys(("judge", "judge_ground_truth", "judge_llm", "skill_ids", "op_vault_id"), _FLAT_ONLY)

_AGENT_PROFILES = Profiles(
    contract=NAME,
    path="/agent-profiles",
    model=AgentProfile,
    names={
        "name": "name",
        "description": "description",
        "allowed_domains": "allowedDomains",
        "system_prompt_extension": "customSystemPromptExtension",
        "flash_mode": "flashMode",
        "highlight_elements": "highlightElements",
        "max_steps": "maxAgentSteps",
        "thinking": "thinking",
        "vision": "vision",
    },
)
_BROWSER_PROFILES = Profiles(
    contract=NAME,
    path="/browser-profiles",
    model=BrowserProfile,
    names={
        "name": "name",
        "description": "description",
        "ad_blocker": "adBlocker",
        "viewport_width": "browserViewportWidth",
        "viewport_height": "browserViewportHeight",
        "is_mobile": "isMobile",
        "persist": "persist",
        "proxy": "proxy",
        "proxy_country_code": "proxyCountryCode",
        "store_cache": "storeCache",
    },
)


def create_task(request: CreateTaskRequest) -> Call[CreatedTask]:
    """POST /tasks."""
    agent, browser = request.agent_settings, request.browser_settings
    _v2.refuse(NAME, agent, "agent_settings.", _AGENT_SETTINGS_OF_PROFILES)
    _v2.refuse(NAME, browser, "browser_settings.", _BROWSER_SETTINGS_OF_PROFILES)
    _v2.refuse(NAME, request, "", _NOT_HERE)
    _v2.refuse_session_settings_of_follow_up(browser)
    body = _v2.common_body(request) | {
        "structuredOutputJson": request.output_schema,
        "includedFileNames": list(request.included_file_names) if request.included_file_names else None,
    }
    # Sent even when empty: a server that speaks both revisions tells by them which one is spoken.
    settings = {
        "agentSettings": _v2.without_nones(
            {"llm": agent.llm, "startUrl": agent.start_url, "profileId": agent.profile_id}
        ),
        "browserSettings": _v2.without_nones({"sessionId": browser.session_id, "profileId": browser.profile_id}),
    }

    def parse(answer: Any) -> CreatedTask:
        return CreatedTask(id=answer["id"], session_id=answer["sessionId"])

    return Call("POST", "/tasks", parse, json=_v2.without_nones(body) | settings)


def get_task(task_id: str) -> Call[Task]:
    """GET /tasks/{id}."""
    return Call("GET", f"/tasks/{uuid_of('task_id', task_id)}", _task)


def get_task_state(task_id: str) -> Call[TaskState]:
    """GET /tasks/{id}: this contract has nothing smaller."""
    return Call("GET", f"/tasks/{uuid_of('task_id', task_id)}", _task)


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


def pause_task(task_id: str) -> Call[Task]:
    """PATCH /tasks/{id}."""
    return _v2.update_task(_task, task_id, "pause")


def resume_task(task_id: str) -> Call[Task]:
    """PATCH /tasks/{id}."""
    return _v2.update_task(_task, task_id, "resume")


def start_session(settings: BrowserSettings) -> Call[Session]:  # noqa: ARG001 - the protocol's signature
    """Not in this contract.

    Raises:
        UnsupportedOptionError: Always.
    """
    raise UnsupportedOptionError(
        f"A session cannot be started on its own: the server speaks the contract {NAME}, where POST /tasks starts it."
        " Run the first task with `keep_session=True` and follow up with its session id."
    )


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
    """POST /users/me/files/presigned-url: files belong to the user here.

    Raises:
        UnsupportedOptionError: A session was named.
    """
    if session_id is not None:
        raise UnsupportedOptionError(
            f"A file cannot be uploaded into a session: the server speaks the contract {NAME}, where files belong to"
            " the user. Upload it without `session_id` and name it in the task's `included_file_names`."
        )
    return _v2.upload_slot("/users/me/files/presigned-url", file_name, content_type, size)


def get_output_file_url(task_id: str, file_id: str) -> Call[str]:
    """GET /tasks/{id}/output-files/{file_id}."""
    return _v2.get_file_url(f"/tasks/{uuid_of('task_id', task_id)}/output-files/{uuid_of('file_id', file_id)}")


def profiles(model: type[P]) -> Profiles[P]:
    """/agent-profiles or /browser-profiles."""
    return profiles_of(NAME, model, (_AGENT_PROFILES, _BROWSER_PROFILES))


def get_account() -> Call[Account]:
    """GET /users/me."""

    def parse(body: Any) -> Account:
        monthly, additional = body["monthlyCreditsBalanceUsd"], body["additionalCreditsBalanceUsd"]
        return Account(
            credits_usd=monthly + additional,
            monthly_credits_usd=monthly,
            additional_credits_usd=additional,
            name=body.get("name"),
        )

    return Call("GET", "/users/me", parse)


def _task(body: Mapping[str, Any]) -> Task:
    session = body.get("session") or {}
    return Task(**_v2.task_fields(body), output=body.get("doneOutput"), live_url=session.get("liveUrl"))


def _session(body: Mapping[str, Any]) -> Session:
    return Session(
        id=body["id"],
        status=body["status"],
        live_url=body.get("liveUrl"),
        recording_url=body.get("recordUrl"),
        share_url=body.get("publicShareUrl"),
        started_at=body.get("startedAt"),
        finished_at=body.get("finishedAt"),
    )
