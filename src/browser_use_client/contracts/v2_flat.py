"""`v2-flat`: the same settings as top-level fields, and sessions that can be started on their own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
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
from browser_use_client.errors import InvalidRequestError
from browser_use_client.limits import MAX_METADATA
from browser_use_client.models import (
    Account,
    BrowserProfile,
    BrowserSettings,
    CreatedTask,
    CreateTaskRequest,
    Place,
    Session,
    Task,
    TaskState,
    UploadSlot,
)

NAME = "v2-flat"
MAX_TASK_CHARACTERS = 50_000

_BROWSER_PROFILES = Profiles(
    contract=NAME,
    path="/profiles",
    model=BrowserProfile,
    names={"name": "name", "user_id": "userId", "cookie_domains": "cookieDomains"},
)
_NO_AGENT_SETTINGS = {"profile_id": "Set what the profile says in `agent_settings` instead."}
_NO_OPTIONS = {
    "included_file_names": "Start a session, upload the files into it, and run the task in that session.",
}


class V2Flat(V2):
    """POST /tasks with all settings at the top; sessions that POST /tasks starts close with their task."""

    name = NAME
    remedies: ClassVar[Mapping[Capability, str]] = {
        "pausing": "You can only stop it; follow up in its session instead.",
        "profiles": "Set what a profile would say in each task's `agent_settings` instead.",
    }
    live_statuses = ("created", "started")
    kinds_of_profiles = (_BROWSER_PROFILES,)
    max_metadata = MAX_METADATA

    def place(self, request: CreateTaskRequest, *, keep_session: bool, with_files: bool) -> Call[Place] | None:
        """POST /sessions: files belong to a session, and the one of POST /tasks would close with the task."""
        if request.browser_settings.session_id or not (keep_session or with_files):
            return None
        starting = self.start_session(request.browser_settings)

        def parse(body: Any) -> Place:
            session = starting.parse(body)
            settings = BrowserSettings(session_id=session.id)
            return Place(request=request.model_copy(update={"browser_settings": settings}), session_id=session.id)

        return self._call(starting.method, starting.path, parse, json=starting.json)

    def upload_slot(self, file_name: str, content_type: str, size: int, *, into: str | None) -> Call[UploadSlot]:
        """POST /files/sessions/{id}/presigned-url."""
        if into is None:
            raise unsupported(
                "A file cannot be uploaded without a session",
                NAME,
                "Start a session, upload into it, and run the task there; or pass `files` to the task.",
            )
        path = f"/files/sessions/{uuid_of('session_id', into)}/presigned-url"
        return self._slot(path, file_name, content_type, size)

    def attach(
        self,
        request: CreateTaskRequest,
        uploads: Sequence[UploadSlot],  # noqa: ARG002
        *,
        into: str | None,  # noqa: ARG002
    ) -> CreateTaskRequest:
        """Nothing changes: the session has the files."""
        return request

    def create_task(self, request: CreateTaskRequest, *, keep_session: bool = False) -> Call[CreatedTask]:  # noqa: ARG002
        """POST /tasks."""
        agent, browser = request.agent_settings, request.browser_settings
        refuse(NAME, agent, "agent_settings.", _NO_AGENT_SETTINGS)
        refuse(NAME, request, "", _NO_OPTIONS)
        refuse_session_settings_of_follow_up(browser)
        if len(request.task) > MAX_TASK_CHARACTERS:
            raise InvalidRequestError(
                f"The task has {len(request.task):,} characters; {NAME} takes at most {MAX_TASK_CHARACTERS:,}."
            )
        if len(request.metadata) > self.max_metadata:
            raise InvalidRequestError(
                f"The metadata has {len(request.metadata)} pairs; {NAME} takes at most {self.max_metadata},"
                " one of which carries the task's key."
            )
        body = common_body(NAME, request) | {
            "llm": agent.llm,
            "startUrl": agent.start_url,
            "maxSteps": agent.max_steps,
            "allowedDomains": list(agent.allowed_domains) if agent.allowed_domains is not None else None,
            "flashMode": agent.flash_mode,
            "thinking": agent.thinking,
            "thinkingLevel": agent.thinking_level,
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

        return self._call("POST", "/tasks", parse, json=without_nones(body))

    def cost_limit(self, request: CreateTaskRequest) -> Decimal | None:
        """The one that was asked for: polls say what the task has cost so far."""
        return request.max_cost_usd

    def get_task_state(self, task_id: str) -> Call[TaskState]:
        """GET /tasks/{id}/status."""
        return self._call("GET", f"/tasks/{uuid_of('task_id', task_id)}/status", _task_state)

    def get_output_file_url(self, task_id: str, file_id: str) -> Call[str]:
        """GET /files/tasks/{id}/output-files/{file_id}."""
        return download_url(f"/files/tasks/{uuid_of('task_id', task_id)}/output-files/{uuid_of('file_id', file_id)}")

    def start_session(self, settings: BrowserSettings) -> Call[Session]:
        """POST /sessions."""
        return self._call("POST", "/sessions", self._session, json={"keepAlive": True} | _session_settings(settings))

    def get_account(self) -> Call[Account]:
        """GET /billing/account, which only this contract has."""
        return self._call("GET", "/billing/account", _account)

    @staticmethod
    def _task(body: Mapping[str, Any]) -> Task:
        return Task(
            **task_fields(body),
            output=body.get("output"),
            cost=body.get("cost"),
            created_at=body.get("createdAt"),
        )

    @staticmethod
    def _session(body: Mapping[str, Any]) -> Session:
        return Session(**session_fields(body), recording_url=body.get("recordingUrl"), keep_alive=body.get("keepAlive"))


def _session_settings(settings: BrowserSettings) -> dict[str, Any]:
    """The settings of a new session, the same for POST /sessions and inside POST /tasks.

    Once POST /tasks carries settings at all, a proxy is used only if they name one; without them it is
    `us`, as it is for POST /sessions. So that `screen_width` does not switch the proxy off, the default
    is spelled out whenever another setting is sent.
    """
    body = without_nones(
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


def _task_state(body: Mapping[str, Any]) -> TaskState:
    return TaskState(
        id=body["id"],
        status=body["status"],
        is_success=body.get("isSuccess"),
        finished_at=body.get("finishedAt"),
        cost=body.get("cost"),
        output=body.get("output"),
    )


def _account(body: Mapping[str, Any]) -> Account:
    return Account(
        credits_usd=body["totalCreditsBalanceUsd"],
        monthly_credits_usd=body.get("monthlyCreditsBalanceUsd"),
        additional_credits_usd=body.get("additionalCreditsBalanceUsd"),
        max_sessions=body.get("concurrentSessionLimit"),  # these two are newer than the published contract
        active_sessions=body.get("activeSessionCount"),
        name=body.get("name"),
    )
