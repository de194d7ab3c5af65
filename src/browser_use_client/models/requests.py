"""What a task can be asked with."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import Field, SecretStr, StringConstraints, model_validator

from browser_use_client.models._base import Request, SchemaText, UuidText, View


class AgentSettings(Request):
    """How the agent works. What is left out takes the server's default.

    Attributes:
        llm: Name of the model, for example `o3`, or `gpt-6-luna` (`v4`). Any name is passed on: the server knows which
            it has.
        model_params: Parameters of the model's own provider, as `{"reasoning_effort": "low"}`; `{}` switches off those
            that the server would set (`v4`).
        start_url: Where the agent starts; opening it is not a step (`v2`).
        profile_id: An agent profile made before (`v2-nested`).
        max_steps: Most steps the agent may take, 1 to 10,000 (`v2-flat`, default 100).
        allowed_domains: The only domains that the agent may visit (`v2-flat`).
        flash_mode: Fast, with less thinking in between (`v2-flat`).
        thinking: Let the model think before it acts (`v2-flat`).
        thinking_level: How deeply it reasons; which levels a model has, its provider says (`v2-flat`).
        vision: Show screenshots to the model; `auto` leaves it to the model (`v2-flat`).
        highlight_elements: Mark what can be clicked in those screenshots (`v2-flat`).
        system_prompt_extension: Added to the agent's system prompt, at most 2,000 characters (`v2-flat`).
    """

    llm: str | None = None
    model_params: Mapping[str, Any] | None = None
    start_url: str | None = None
    profile_id: UuidText | None = None
    max_steps: Annotated[int, Field(ge=1, le=10_000)] | None = None
    allowed_domains: tuple[str, ...] | None = None
    flash_mode: bool | None = None
    thinking: bool | None = None
    thinking_level: Literal["disabled", "low", "medium", "high"] | None = None
    vision: bool | Literal["auto"] | None = None
    highlight_elements: bool | None = None
    system_prompt_extension: Annotated[str, Field(max_length=2_000)] | None = None


class CustomProxy(Request):
    """A proxy of your own for the browser, in place of Browser Use's (`v4`). The server does not keep it.

    Attributes:
        host: Its host name.
        port: Its port.
        username: The user name, if it asks for one.
        password: The password. Masked wherever this model is printed.
        ignore_certificate_errors: Trust whatever certificate it shows, where it opens TLS itself.
    """

    host: Annotated[str, Field(min_length=1, max_length=255)]
    port: Annotated[int, Field(ge=1, le=65_535)]
    username: Annotated[str, Field(min_length=1, max_length=255)] | None = None
    password: Annotated[SecretStr, Field(min_length=1, max_length=255)] | None = None
    ignore_certificate_errors: bool = False


class BrowserSettings(Request):
    """The browser session that a task runs in.

    Attributes:
        session_id: Continue this session. The other settings are for new sessions only (`v2`), or for the browser that
            has to be started where that of the session is gone (`v4`).
        profile: Name of the browser profile (cookies, local storage) to start a new session with, 1 to 100 characters.
            The oldest one of that name is taken, or one is made, once, whoever else asks at the same time. Two sessions
            at a time with one profile overwrite each other's cookies.
        profile_id: The same by its id. Give one of the two.
        proxy_country_code: Two letters; None switches the proxy off; left out it is the server's
            default (`v2-flat`, `v4`).
        custom_proxy: A proxy of your own instead (`v4`). To be sent with each follow-up too.
        screen_width: Pixels, 320 to 6144 (`v2-flat`, `v4`).
        screen_height: Pixels, 320 to 3456 (`v2-flat`, `v4`).
        enable_recording: Record the session (`v2-flat`, `v4`).
        keep_alive_seconds: How long the browser stays open after the session's last task, 120 to 14,400 seconds
            (`v4`). Default: 14,400 with `keep_session=True`, which is the longest that there is, since nobody knows
            when the next follow-up comes; else the server's own 120, or what an earlier task of the session asked.
            Browser time is billed, and no browser gets older than 4 hours.
    """

    session_id: UuidText | None = None
    profile: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)] | None = None
    profile_id: UuidText | None = None
    proxy_country_code: str | None = None
    custom_proxy: CustomProxy | None = None
    screen_width: Annotated[int, Field(ge=320, le=6144)] | None = None
    screen_height: Annotated[int, Field(ge=320, le=3456)] | None = None
    enable_recording: bool | None = None
    keep_alive_seconds: Annotated[int, Field(ge=120, le=14_400)] | None = None

    @model_validator(mode="after")
    def _one_profile(self) -> BrowserSettings:
        if self.profile is not None and self.profile_id is not None:
            raise ValueError("`profile` and `profile_id` both name a profile: give one of the two")
        return self


class CreateTaskRequest(Request):
    """Everything that a task can be asked with.

    Attributes:
        task: The prompt, 1 to 100,000 characters (`v2-nested`, `v4`) or 50,000 (`v2-flat`).
        agent_settings: How the agent works.
        browser_settings: The session to continue, or how to start a new one.
        output_schema: What the result must look like: a pydantic model, any type that pydantic
            understands, a JSON schema as a mapping, or as text. Kept as the text of a JSON schema.
        included_file_names: What `upload_file` said of files uploaded before: their names (`v2-nested`), or their ids
            (`v4`, at most 20).
        metadata: Strings to find the task by; sent back with it. At most 10 pairs (`v2-flat`); `v4` has none.
        secrets: Values for the agent to type but not to see. Masked wherever this model is printed. In `v4` at most 20,
            of 4,096 bytes each; they end with their task, so each follow-up sends its own.
        secret_domains: On which hosts, with their subdomains, secrets may be typed (`v4`): bare host names such as
            `shop.example.com`, for all secrets, or by the name of each. A secret whose name is a host name needs none:
            it is for that host.
        max_cost_usd: US dollars. In `v4` what the session may cost, all of its tasks together, for the server to see to
            (default 25); that of a follow-up replaces it. In `v2-flat` what the task may cost: whoever waits for it
            stops it at the first poll that says it has cost more.
        workspace_id: The workspace with the files of an earlier task, see `Task.workspace_id` (`v4`). Default: a new
            one, or the session's own.
        judge: Let a judge check the result (`v2-flat`, `v4`).
        judge_ground_truth: What the judge should expect, at most 10,000 characters (`v2-flat`, `v4`).
        judge_llm: The judge's model (`v2-flat`).
        skill_ids: Skills that the agent may use (`v2-flat`).
        op_vault_id: A 1Password vault to take secrets from (`v2-flat`, `v4`). In `v4` `secret_domains`, if it is for
            all secrets, is for those as well; else each of its items is for its own websites.

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
    secret_domains: tuple[str, ...] | Mapping[str, tuple[str, ...]] | None = None
    max_cost_usd: Annotated[Decimal, Field(gt=0, allow_inf_nan=False)] | None = None
    workspace_id: UuidText | None = None
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
