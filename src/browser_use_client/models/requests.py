"""What a task can be asked with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field, SecretStr, StringConstraints, model_validator

from browser_use_client.models._base import Request, SchemaText, UuidText, View


class AgentSettings(Request):
    """How the agent works. What is left out takes the server's default.

    Attributes:
        llm: Name of the model, for example `o3`. Any name is passed on: the server knows which it has.
        start_url: Where the agent starts; opening it is not a step.
        profile_id: An agent profile made before (`v2-nested`).
        max_steps: Most steps the agent may take, 1 to 10,000 (`v2-flat`, default 100).
        allowed_domains: The only domains that the agent may visit (`v2-flat`).
        flash_mode: Fast, with less thinking in between (`v2-flat`).
        thinking: Let the model think before it acts (`v2-flat`).
        vision: Show screenshots to the model; `auto` leaves it to the model (`v2-flat`).
        highlight_elements: Mark what can be clicked in those screenshots (`v2-flat`).
        system_prompt_extension: Added to the agent's system prompt, at most 2,000 characters (`v2-flat`).
    """

    llm: str | None = None
    start_url: str | None = None
    profile_id: UuidText | None = None
    max_steps: Annotated[int, Field(ge=1, le=10_000)] | None = None
    allowed_domains: tuple[str, ...] | None = None
    flash_mode: bool | None = None
    thinking: bool | None = None
    vision: bool | Literal["auto"] | None = None
    highlight_elements: bool | None = None
    system_prompt_extension: Annotated[str, Field(max_length=2_000)] | None = None


class BrowserSettings(Request):
    """The browser session that a task runs in.

    Attributes:
        session_id: Continue this session. The other settings are for new sessions only.
        profile: Name of the browser profile (cookies, local storage) to start a new session with, 1 to 100 characters.
            The oldest one of that name is taken, or one is made, once, whoever else asks at the same time. Two sessions
            at a time with one profile overwrite each other's cookies.
        profile_id: The same by its id. Give one of the two.
        proxy_country_code: Two letters; None switches the proxy off; left out it is the server's
            default (`v2-flat`).
        screen_width: Pixels, 320 to 6144 (`v2-flat`).
        screen_height: Pixels, 320 to 3456 (`v2-flat`).
        enable_recording: Record the session (`v2-flat`).
    """

    session_id: UuidText | None = None
    profile: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)] | None = None
    profile_id: UuidText | None = None
    proxy_country_code: str | None = None
    screen_width: Annotated[int, Field(ge=320, le=6144)] | None = None
    screen_height: Annotated[int, Field(ge=320, le=3456)] | None = None
    enable_recording: bool | None = None

    @model_validator(mode="after")
    def _one_profile(self) -> BrowserSettings:
        if self.profile is not None and self.profile_id is not None:
            raise ValueError("`profile` and `profile_id` both name a profile: give one of the two")
        return self


class CreateTaskRequest(Request):
    """Everything that a task can be asked with.

    Attributes:
        task: The prompt, 1 to 100,000 characters (`v2-nested`) or 50,000 (`v2-flat`).
        agent_settings: How the agent works.
        browser_settings: The session to continue, or how to start a new one.
        output_schema: What the result must look like: a pydantic model, any type that pydantic
            understands, a JSON schema as a mapping, or as text. Kept as the text of a JSON schema.
        included_file_names: Names of files uploaded before (`v2-nested`).
        metadata: Strings to find the task by; sent back with it. At most 10 pairs (`v2-flat`).
        secrets: Values for the agent to type but not to see. Masked wherever this model is printed.
        judge: Let a judge check the result (`v2-flat`).
        judge_ground_truth: What the judge should expect, at most 10,000 characters (`v2-flat`).
        judge_llm: The judge's model (`v2-flat`).
        skill_ids: Skills that the agent may use (`v2-flat`).
        op_vault_id: A 1Password vault to take secrets from (`v2-flat`).

    Raises:
        InvalidRequestError: A field is unknown or out of its range; says which, never what it was.
    """

    task: Annotated[str, Field(min_length=1, max_length=100_000)]
    agent_settings: AgentSettings = AgentSettings()
    browser_settings: BrowserSettings = BrowserSettings()
    output_schema: SchemaText | None = None
    included_file_names: tuple[str, ...] | None = None
    metadata: Mapping[str, str] = Field(default_factory=dict)
    secrets: Mapping[str, SecretStr] = Field(default_factory=dict)
    judge: bool | None = None
    judge_ground_truth: Annotated[str, Field(max_length=10_000)] | None = None
    judge_llm: str | None = None
    skill_ids: tuple[str, ...] | None = None
    op_vault_id: str | None = None


class Place(View):
    """Where a task is to run, once that was made for it.

    Attributes:
        request: The request, to run there.
        session_id: The session that was started for it; None if none was.
    """

    request: CreateTaskRequest
    session_id: str | None
