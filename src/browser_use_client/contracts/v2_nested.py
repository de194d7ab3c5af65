"""`v2-nested`: settings under `agentSettings` and `browserSettings`. The contract that this project was asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from browser_use_client.contracts._contract import Capability
from browser_use_client.contracts._profiles import Profiles
from browser_use_client.contracts._refusing import (
    refuse,
    refuse_session_settings_of_follow_up,
    unsupported,
    uuid_of,
)
from browser_use_client.contracts._v2 import V2, download_url
from browser_use_client.contracts._v2_bodies import common_body, session_fields, task_fields, without_nones
from browser_use_client.effects import Call
from browser_use_client.models import (
    Account,
    AgentProfile,
    BrowserProfile,
    CreatedTask,
    CreateTaskRequest,
    Place,
    Session,
    Task,
    TaskState,
    UploadSlot,
)

NAME = "v2-nested"

_PROFILE = "Make an agent profile that has it and name it in `agent_settings.profile_id`."
_BROWSER_PROFILE = "Make a browser profile that has it and name it in `browser_settings.profile_id`."
_FLAT_ONLY = "Only v2-flat has it."

_AGENT_SETTINGS_OF_PROFILES = {
    "max_steps": _PROFILE,
    "allowed_domains": _PROFILE,
    "flash_mode": _PROFILE,
    "thinking": _PROFILE,
    "thinking_level": _FLAT_ONLY,
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
_NOT_HERE = {
    **dict.fromkeys(("judge", "judge_ground_truth", "judge_llm", "skill_ids", "op_vault_id"), _FLAT_ONLY),
    "max_cost_usd": "It does not say what a task costs. Limit the agent's steps, in an agent profile (`max_steps`).",
}

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


class V2Nested(V2):
    """POST /tasks with nested settings; sessions stay open after their task, and files belong to the user."""

    name = NAME
    remedies: ClassVar[Mapping[Capability, str]] = {
        "starting sessions": "Run the first task with `keep_session=True` and follow up with its session id.",
    }
    live_statuses = ("paused", "started")
    kinds_of_profiles = (_AGENT_PROFILES, _BROWSER_PROFILES)

    def place(self, request: CreateTaskRequest, *, keep_session: bool, with_files: bool) -> Call[Place] | None:  # noqa: ARG002
        """Nothing: POST /tasks starts the session."""
        return None

    def upload_slot(self, file_name: str, content_type: str, size: int, *, into: str | None) -> Call[UploadSlot]:
        """POST /users/me/files/presigned-url."""
        if into is not None:
            raise unsupported(
                "A file cannot be uploaded into a session",
                NAME,
                "Files belong to the user: upload it without `session_id` and name it in the task's"
                " `included_file_names`.",
            )
        return self._slot("/users/me/files/presigned-url", file_name, content_type, size)

    def attach(
        self,
        request: CreateTaskRequest,
        uploads: Sequence[UploadSlot],
        *,
        into: str | None,  # noqa: ARG002
    ) -> CreateTaskRequest:
        """By name."""
        names = (*(request.included_file_names or ()), *(upload.reference for upload in uploads))
        return request.model_copy(update={"included_file_names": names})

    def create_task(self, request: CreateTaskRequest, *, keep_session: bool = False) -> Call[CreatedTask]:  # noqa: ARG002
        """POST /tasks."""
        agent, browser = request.agent_settings, request.browser_settings
        refuse(NAME, agent, "agent_settings.", _AGENT_SETTINGS_OF_PROFILES)
        refuse(NAME, browser, "browser_settings.", _BROWSER_SETTINGS_OF_PROFILES)
        refuse(NAME, request, "", _NOT_HERE)
        refuse_session_settings_of_follow_up(browser)
        body = common_body(NAME, request) | {
            "structuredOutputJson": request.output_schema,
            "includedFileNames": list(request.included_file_names) if request.included_file_names else None,
        }
        # Sent even when empty: a server that speaks both revisions tells by them which one is spoken.
        settings = {
            "agentSettings": without_nones(
                {"llm": agent.llm, "startUrl": agent.start_url, "profileId": agent.profile_id}
            ),
            "browserSettings": without_nones({"sessionId": browser.session_id, "profileId": browser.profile_id}),
        }

        def parse(answer: Any) -> CreatedTask:
            return CreatedTask(id=answer["id"], session_id=answer["sessionId"])

        return self._call("POST", "/tasks", parse, json=without_nones(body) | settings)

    def get_task_state(self, task_id: str) -> Call[TaskState]:
        """GET /tasks/{id}: this contract has nothing smaller."""
        return self._call("GET", f"/tasks/{uuid_of('task_id', task_id)}", self._task)

    def pause_task(self, task_id: str) -> Call[Task]:
        """PATCH /tasks/{id}."""
        return self._update_task(task_id, "pause")

    def resume_task(self, task_id: str) -> Call[Task]:
        """PATCH /tasks/{id}."""
        return self._update_task(task_id, "resume")

    def get_output_file_url(self, task_id: str, file_id: str) -> Call[str]:
        """GET /tasks/{id}/output-files/{file_id}."""
        return download_url(f"/tasks/{uuid_of('task_id', task_id)}/output-files/{uuid_of('file_id', file_id)}")

    def get_account(self) -> Call[Account]:
        """GET /users/me."""
        return self._call("GET", "/users/me", _account)

    @staticmethod
    def _task(body: Mapping[str, Any]) -> Task:
        session = body.get("session") or {}
        return Task(**task_fields(body), output=body.get("doneOutput"), live_url=session.get("liveUrl"))

    @staticmethod
    def _session(body: Mapping[str, Any]) -> Session:
        return Session(**session_fields(body), recording_url=body.get("recordUrl"))


def _account(body: Mapping[str, Any]) -> Account:
    monthly, additional = body["monthlyCreditsBalanceUsd"], body["additionalCreditsBalanceUsd"]
    return Account(
        credits_usd=monthly + additional,
        monthly_credits_usd=monthly,
        additional_credits_usd=additional,
        name=body.get("name"),
    )
