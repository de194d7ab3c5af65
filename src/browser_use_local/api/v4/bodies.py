"""The bodies of requests in v4. What a body does not know is refused, where the contract says so."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, field_validator
from pydantic.alias_generators import to_camel

from browser_use_local.api.bodies import Body, Country, Height, TaskText, Width
from browser_use_local.conversations import KEEP_ALIVE_SECONDS, Turn
from browser_use_local.engine import TaskRequest
from browser_use_local.output_schema import checked_schema


def _finite(value: dict[str, Any]) -> dict[str, Any]:
    """What JSON can say: it has no infinity."""
    json.dumps(value, allow_nan=False)
    return value


def _lower(host: str) -> str:
    return host.lower()


MAX_SECRET_BYTES = 4096
# A bare host name: no scheme, no port, no path, no `*`.
Host = Annotated[str, Field(pattern=r"^[^\s/:*@?#.][^\s/:*@?#]*$"), AfterValidator(_lower)]
OnePasswordId = Annotated[str, Field(min_length=1, max_length=64)]
AnyObject = Annotated[dict[str, Any], AfterValidator(_finite)]
Budget = Annotated[Decimal, Field(gt=0, allow_inf_nan=False)]


class StrictBody(BaseModel):
    """A request body that takes no field which it does not know."""

    model_config = ConfigDict(alias_generator=to_camel, extra="forbid")


class CustomProxy(StrictBody):
    """`customProxy`."""

    host: str = Field(min_length=1, max_length=255)
    port: int = Field(ge=1, le=65535)
    username: str | None = Field(default=None, min_length=1, max_length=255)
    password: str | None = Field(default=None, min_length=1, max_length=255, repr=False)
    ignore_cert_errors: bool = False


class BrowserSettings(StrictBody):
    """`browserSettings`."""

    profile_id: UUID | None = None
    proxy_country_code: Country | None = "us"
    custom_proxy: CustomProxy | None = None
    screen_width: Width | None = None
    screen_height: Height | None = None
    allow_resizing: bool | None = None
    record: bool | None = None
    extension_ids: Annotated[list[UUID], Field(max_length=3)] | None = None

    def for_browsers_to_come(self) -> dict[str, Any]:
        """What is set and what this server can do, named as on the wire."""
        held = {"profile_id", "screen_width", "screen_height"}
        return self.model_dump(mode="json", by_alias=True, include=held, exclude_none=True)


def _bytes(value: SecretStr) -> SecretStr:
    if len(value.get_secret_value().encode(errors="replace")) > MAX_SECRET_BYTES:
        raise ValueError(f"a secret has {MAX_SECRET_BYTES} bytes at most")
    return value


class InlineSource(StrictBody):
    """A secret that is in the request."""

    type: Literal["inline"]
    value: Annotated[SecretStr, Field(min_length=1), AfterValidator(_bytes)]


class OnePasswordSource(StrictBody):
    """A secret in a vault of 1Password."""

    type: Literal["onepassword"]
    integration_id: UUID
    vault_id: OnePasswordId
    item_id: OnePasswordId
    field_id: OnePasswordId


class SecretBinding(StrictBody):
    """One of `secretBindings`."""

    alias: str = Field(min_length=1)
    source: InlineSource | OnePasswordSource = Field(discriminator="type")
    allowed_domains: list[Host] = Field(min_length=1, max_length=20)


class Judge(StrictBody):
    """`judge`."""

    context: str | None = Field(default=None, max_length=10_000)


class NewRun(StrictBody):
    """POST /runs."""

    task: TaskText = Field(min_length=1)
    output_schema: Annotated[AnyObject, AfterValidator(checked_schema)] | None = None
    model: str = Field(default="gpt-6-luna", min_length=1)
    model_params: AnyObject | None = None
    session_id: UUID | None = None
    workspace_id: UUID | None = None
    browser_settings: BrowserSettings | None = None
    keep_alive: int | None = Field(default=None, ge=120, le=14_400)
    agentmail: bool = False
    agentcard_wallet_id: UUID | None = None
    stripe_link_connection_id: UUID | None = None
    attached_file_ids: Annotated[list[UUID], Field(max_length=20)] | None = None
    secret_bindings: Annotated[list[SecretBinding], Field(max_length=20)] | None = None
    op_vault_id: str | None = Field(default=None, max_length=64)
    op_vault_allowed_domains: list[str] | None = None
    judge: Judge | None = None
    max_cost_usd: Budget | None = None

    @field_validator("secret_bindings")
    @classmethod
    def _each_alias_once(cls, bindings: list[SecretBinding] | None) -> list[SecretBinding] | None:
        names = [binding.alias for binding in bindings or []]
        if len(set(names)) < len(names):
            raise ValueError("two secrets have the same alias")
        return bindings

    def not_here(self) -> str | None:
        """What it asks for and this server lacks."""
        settings = self.browser_settings or BrowserSettings()
        asked = {
            "agentmail": self.agentmail,
            "agentcardWalletId": self.agentcard_wallet_id,
            "stripeLinkConnectionId": self.stripe_link_connection_id,
            "opVaultId": self.op_vault_id,
            "secretBindings.source of 1Password": [
                one for one in self.secret_bindings or [] if isinstance(one.source, OnePasswordSource)
            ],
            "browserSettings.customProxy": settings.custom_proxy,
            "browserSettings.extensionIds": settings.extension_ids,
        }
        return next((name for name, value in asked.items() if value), None)

    def turn(self) -> Turn:
        """The run, as a task."""
        request = TaskRequest(
            revision="v4",
            task=self.task,
            llm=self.model,
            output_schema=self.output_schema,
            secrets={
                binding.alias: binding.source.value.get_secret_value()
                for binding in self.secret_bindings or []
                if isinstance(binding.source, InlineSource)
            },
            secret_hosts={binding.alias: binding.allowed_domains for binding in self.secret_bindings or []},
            keep_session=True,
        )
        restored = KEEP_ALIVE_SECONDS if "keep_alive" in self.model_fields_set else None
        return Turn(
            request=request,
            conversation_id=str(self.session_id) if self.session_id else None,
            workspace_id=str(self.workspace_id) if self.workspace_id else None,
            keep_alive=self.keep_alive or restored,
            max_cost_usd=str(self.max_cost_usd) if self.max_cost_usd is not None else None,
            browser=self.browser_settings.for_browsers_to_come() if self.browser_settings else {},
            model_params=self.model_params,
            attached_file_ids=None if self.attached_file_ids is None else [str(one) for one in self.attached_file_ids],
        )


class NewMessage(StrictBody):
    """POST /sessions/{id}/queue."""

    text: TaskText = Field(min_length=1)
    interrupt: bool = False
    attached_file_ids: Annotated[list[UUID], Field(max_length=20)] | None = None


class ShareChange(Body):
    """PUT /sessions/{id}/share."""

    is_active: bool


class SessionTitle(Body):
    """PATCH /sessions/{id}."""

    title: str | None = Field(default=None, max_length=255)


class CostCap(StrictBody):
    """PATCH /sessions/{id}/cost-cap."""

    max_cost_usd: Budget


class WorkspaceName(Body):
    """POST /workspaces, and PATCH /workspaces/{id}."""

    name: str | None = Field(default=None, max_length=100)


class UploadedFile(Body):
    """One of the files of POST /workspaces/{id}/files/upload."""

    name: str = Field(min_length=1, max_length=255)
    content_type: str = Field(default="application/octet-stream", max_length=255)
    size: int = Field(ge=1, le=50 * 1024 * 1024)


class FileUpload(Body):
    """POST /workspaces/{id}/files/upload."""

    files: list[UploadedFile] = Field(min_length=1, max_length=10)
    allow_overrides: bool = True
