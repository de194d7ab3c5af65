"""The bodies of requests, as each revision of the contract defines them."""

from __future__ import annotations

from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic.alias_generators import to_camel

from browser_use_local.engine import TaskRequest
from browser_use_local.output_schema import checked_schema, read_schema
from browser_use_local.settings import Contract
from browser_use_local.urls import is_web_url

NestedModel = Literal[
    "gpt-4.1", "gpt-4.1-mini", "o4-mini", "o3", "gemini-2.5-flash", "gemini-2.5-pro", "claude-sonnet-4-20250514",
    "gpt-4o", "gpt-4o-mini", "llama-4-maverick-17b-128e-instruct", "claude-3-7-sonnet-20250219",
]  # fmt: skip
FlatModel = Literal[
    "browser-use-llm", "browser-use-2.0", "gpt-4.1", "gpt-4.1-mini", "o4-mini", "o3", "gemini-2.5-flash",
    "gemini-2.5-pro", "gemini-3-pro-preview", "gemini-3-flash-preview", "gemini-flash-latest",
    "gemini-flash-lite-latest", "claude-sonnet-4-20250514", "claude-sonnet-4-5-20250929", "claude-sonnet-4-6",
    "claude-opus-4-5-20251101", "claude-opus-4-7", "llama-4-maverick-17b-128e-instruct", "claude-3-7-sonnet-20250219",
]  # fmt: skip
Country = Annotated[str, Field(pattern="^[a-z]{2}$")]
Width = Annotated[int, Field(ge=320, le=6144)]
Height = Annotated[int, Field(ge=320, le=3456)]


def _not_blank(text: object) -> object:
    if isinstance(text, str) and not text.strip():
        raise ValueError("the task is empty")
    return text


def _of_the_web(url: str) -> str:
    if not is_web_url(url):
        raise ValueError("only http and https URLs can be opened")
    return url


StartUrl = Annotated[str, AfterValidator(_of_the_web)]
OutputSchema = Annotated[dict[str, Any], BeforeValidator(read_schema), AfterValidator(checked_schema)]
TaskText = Annotated[str, BeforeValidator(_not_blank)]


class Body(BaseModel):
    """A request body: names as on the wire; what the contract does not know is ignored, as the cloud does."""

    model_config = ConfigDict(alias_generator=to_camel, extra="ignore")


class AgentSettings(Body):
    """`agentSettings` of v2-nested."""

    llm: NestedModel = "o3"
    start_url: StartUrl | None = None
    profile_id: UUID | None = None


class BrowserSettings(Body):
    """`browserSettings` of v2-nested."""

    session_id: UUID | None = None
    profile_id: UUID | None = None


class NestedTask(Body):
    """POST /tasks of v2-nested."""

    task: TaskText = Field(min_length=1, max_length=100_000)
    agent_settings: AgentSettings = AgentSettings()
    browser_settings: BrowserSettings = BrowserSettings()
    structured_output_json: OutputSchema | None = None
    included_file_names: list[str] | None = None
    metadata: dict[str, str] | None = None
    secrets: dict[str, str] | None = Field(default=None, repr=False)

    def task_request(self) -> TaskRequest:
        """The task; its session stays after it."""
        return TaskRequest(
            revision="v2-nested",
            task=self.task,
            llm=self.agent_settings.llm,
            start_url=self.agent_settings.start_url,
            session_id=_text(self.browser_settings.session_id),
            output_schema=self.structured_output_json,
            secrets=self.secrets or {},
            metadata=self.metadata or {},
            agent_profile_id=_text(self.agent_settings.profile_id),
            browser_profile_id=_text(self.browser_settings.profile_id),
            included_files=self.included_file_names or [],
            keep_session=True,
        )


class SessionSettings(Body):
    """`sessionSettings` of v2-flat."""

    profile_id: UUID | None = None
    proxy_country_code: Country | None = None
    browser_screen_width: Width | None = None
    browser_screen_height: Height | None = None
    enable_recording: bool = False


class FlatTask(Body):
    """POST /tasks of v2-flat."""

    task: TaskText = Field(min_length=1, max_length=50_000)
    llm: FlatModel = "browser-use-2.0"
    start_url: StartUrl | None = None
    max_steps: int = Field(default=100, ge=1, le=10_000)
    structured_output: OutputSchema | None = None
    session_id: UUID | None = None
    metadata: Annotated[dict[str, str], Field(max_length=10)] | None = None
    secrets: dict[str, str] | None = Field(default=None, repr=False)
    allowed_domains: list[str] | None = None
    op_vault_id: str | None = None
    session_settings: SessionSettings | None = None
    highlight_elements: bool = False
    flash_mode: bool = False
    thinking: bool = False
    vision: bool | Literal["auto"] = True
    system_prompt_extension: str = Field(default="", max_length=2000)
    judge: bool = False
    judge_ground_truth: str | None = Field(default=None, max_length=10_000)
    judge_llm: FlatModel | None = None
    skill_ids: list[str] | None = None

    def task_request(self) -> TaskRequest:
        """The task; a session made for it closes with it."""
        settings = self.session_settings or SessionSettings()
        return TaskRequest(
            revision="v2-flat",
            task=self.task,
            llm=self.llm,
            start_url=self.start_url,
            session_id=_text(self.session_id),
            output_schema=self.structured_output,
            secrets=self.secrets or {},
            metadata=self.metadata or {},
            max_steps=self.max_steps,
            allowed_domains=self.allowed_domains or [],
            instructions=self.system_prompt_extension,
            flash_mode=self.flash_mode,
            thinking=self.thinking,
            vision=self.vision,
            highlight_elements=self.highlight_elements,
            browser_profile_id=_text(settings.profile_id),
            screen=(settings.browser_screen_width, settings.browser_screen_height),
        )


class CustomProxy(Body):
    """`customProxy` of v2-flat."""

    host: str = Field(min_length=1, max_length=255)
    port: int = Field(ge=1, le=65535)


class AgentProfile(Body):
    """POST /agent-profiles of v2-nested."""

    name: str = Field(min_length=1)
    description: str = ""
    allowed_domains: list[str] = []
    custom_system_prompt_extension: str = ""
    flash_mode: bool = False
    highlight_elements: bool = False
    max_agent_steps: int = Field(default=100, ge=1)
    thinking: bool = True
    vision: bool = True


class BrowserProfile(Body):
    """POST /browser-profiles of v2-nested."""

    name: str = Field(min_length=1)
    description: str = ""
    ad_blocker: bool = True
    browser_viewport_width: Width = 1280
    browser_viewport_height: Height = 960
    is_mobile: bool = False
    persist: bool = True
    proxy: bool = True
    proxy_country_code: Country = "us"
    store_cache: bool = True


class Profile(Body):
    """POST /profiles of v2-flat."""

    name: str | None = Field(default=None, max_length=100)
    user_id: str | None = Field(default=None, max_length=255)


ContentType = Literal[
    "image/jpg", "image/jpeg", "image/png", "image/gif", "image/webp", "image/svg+xml", "application/pdf",
    "application/msword", "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "application/vnd.ms-excel", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "text/plain", "text/csv", "text/markdown",
]  # fmt: skip


class NewFile(Body):
    """POST .../presigned-url."""

    file_name: str = Field(min_length=1, max_length=255)
    content_type: ContentType
    size_bytes: int = Field(ge=1, le=10 * 1024 * 1024)


class NewSession(Body):
    """POST /sessions of v2-flat."""

    profile_id: UUID | None = None
    proxy_country_code: Country | None = "us"
    start_url: StartUrl | None = None
    browser_screen_width: Width | None = None
    browser_screen_height: Height | None = None
    persist_memory: bool = True
    keep_alive: bool = True
    custom_proxy: CustomProxy | None = None
    enable_recording: bool = False


class TaskAction(Body):
    """PATCH /tasks/{id} of v2-nested, which has all actions there are."""

    action: Literal["stop", "pause", "resume", "stop_task_and_session"]


class FlatTaskAction(TaskAction):
    """PATCH /tasks/{id} of v2-flat."""

    action: Literal["stop", "stop_task_and_session"]


class SessionAction(Body):
    """PATCH /sessions/{id}."""

    action: Literal["stop"]


def _only(body: type[Body], other: type[Body]) -> frozenset[str]:
    names = [{field.alias for field in kind.model_fields.values()} for kind in (body, other)]
    return frozenset(name for name in names[0] - names[1] if name)


ONLY_NESTED_FIELDS = _only(NestedTask, FlatTask)
ONLY_FLAT_FIELDS = _only(FlatTask, NestedTask)


def task_body(contract: Contract, fields: frozenset[str]) -> type[NestedTask | FlatTask]:
    """The revision that a request is written in.

    Where both are served, its fields tell; one that has no field of either (a bare `{"task": ...}`) is v2-flat, the
    later one.

    Raises:
        ValueError: Both revisions are served, and the request has fields that only the one and only the other knows.
    """
    if contract == "v2-nested":
        return NestedTask
    if contract == "both" and (nested := fields & ONLY_NESTED_FIELDS):
        if flat := fields & ONLY_FLAT_FIELDS:
            raise ValueError(
                f"the request mixes both revisions of the API: {', '.join(sorted(nested))} of v2-nested and"
                f" {', '.join(sorted(flat))} of v2-flat"
            )
        return NestedTask
    return FlatTask


def _text(identifier: UUID | None) -> str | None:
    return str(identifier) if identifier else None
