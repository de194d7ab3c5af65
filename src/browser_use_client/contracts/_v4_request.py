"""A request as POST /runs of v4 takes it."""

from __future__ import annotations

import json
from typing import Any

from browser_use_client.contracts._refusing import is_set, refuse, unsupported, uuid_of
from browser_use_client.contracts._v2_bodies import without_nones
from browser_use_client.contracts._v4_secrets import secret_bindings, vault_domains
from browser_use_client.errors import InvalidRequestError
from browser_use_client.models import BrowserSettings, CreateTaskRequest, CustomProxy

NAME = "v4"
MAX_FILES = 20
LONGEST_KEEP_ALIVE_SECONDS = 14_400
"""Seconds: as long as any browser lives."""

_IN_THE_PROMPT = "Write it into the prompt."
_BY_PARAMETERS = "Set what the model's provider calls it in `agent_settings.model_params`."
_NO_AGENT_SETTINGS = {
    "start_url": "Begin the prompt with it: `Open https://...`.",
    "profile_id": "Write into the prompt what the profile says.",
    "max_steps": "Limit what the session may cost: `max_cost_usd`.",
    "allowed_domains": "Say in the prompt where the agent may go; for secrets, `secret_domains` enforces it.",
    "flash_mode": "Choose a fast model with `agent_settings.llm`.",
    "thinking": _BY_PARAMETERS,
    "thinking_level": _BY_PARAMETERS,
    "vision": "Its agents decide that themselves: leave it out.",
    "highlight_elements": "Its agents decide that themselves: leave it out.",
    "system_prompt_extension": _IN_THE_PROMPT,
}
_NO_OPTIONS = {
    "judge_llm": "The server chooses the judge: leave it out.",
    "skill_ids": "Say in the prompt what the agent has to do.",
}

OPTIONS = {
    "attachedFileIds": "files",
    "browserSettings": "browser_settings",
    "customProxy": "browser_settings.custom_proxy",
    "keepAlive": "keep_session",
    "judge": "judge",
    "maxCostUsd": "max_cost_usd",
    "model": "agent_settings.llm",
    "modelParams": "agent_settings.model_params",
    "opVaultAllowedDomains": "secret_domains",
    "opVaultId": "op_vault_id",
    "outputSchema": "output_schema",
    "profileId": "browser_settings.profile_id",
    "proxyCountryCode": "browser_settings.proxy_country_code",
    "record": "browser_settings.enable_recording",
    "screenHeight": "browser_settings.screen_height",
    "screenWidth": "browser_settings.screen_width",
    "secretBindings": "secrets",
    "sessionId": "session_id",
    "workspaceId": "workspace_id",
}
"""The server's name of each field, to the option of ours that it comes from."""


def run_body(request: CreateTaskRequest, *, keep_session: bool) -> dict[str, Any]:
    """The body of POST /runs.

    Raises:
        UnsupportedOptionError: The request has what v4 has no place for.
        InvalidRequestError: It has too much of something.
    """
    agent, browser = request.agent_settings, request.browser_settings
    refuse(NAME, agent, "agent_settings.", _NO_AGENT_SETTINGS)
    refuse(NAME, request, "", _NO_OPTIONS)
    if request.metadata:
        raise unsupported("`metadata` cannot be sent", NAME, "Find the task by its idempotency key: `key`.")
    file_ids = [uuid_of("included_file_names", file_id) for file_id in request.included_file_names or ()]
    if len(file_ids) > MAX_FILES:
        raise InvalidRequestError(f"The task has {len(file_ids)} files; v4 takes at most {MAX_FILES}.")
    return without_nones(
        {
            "task": request.task,
            "model": agent.llm,
            "modelParams": None if agent.model_params is None else dict(agent.model_params),
            "outputSchema": _output_schema(request),
            "sessionId": browser.session_id,
            "workspaceId": request.workspace_id,
            "browserSettings": _browser_settings(browser) or None,
            "keepAlive": browser.keep_alive_seconds or (LONGEST_KEEP_ALIVE_SECONDS if keep_session else None),
            "attachedFileIds": file_ids or None,
            "secretBindings": secret_bindings(request),
            "opVaultId": request.op_vault_id,
            "opVaultAllowedDomains": vault_domains(request),
            "judge": _judge(request),
            "maxCostUsd": None if request.max_cost_usd is None else f"{request.max_cost_usd:f}",
        }
    )


def _browser_settings(settings: BrowserSettings) -> dict[str, Any]:
    """What the browser is started with. The country of the proxy is sent when it was set, as None switches it off."""
    body = without_nones(
        {
            "profileId": settings.profile_id,
            "customProxy": None if settings.custom_proxy is None else _custom_proxy(settings.custom_proxy),
            "screenWidth": settings.screen_width,
            "screenHeight": settings.screen_height,
            "record": settings.enable_recording,
        }
    )
    if is_set(settings, "proxy_country_code"):
        body["proxyCountryCode"] = settings.proxy_country_code
    return body


def _custom_proxy(proxy: CustomProxy) -> dict[str, Any]:
    return without_nones(
        {
            "host": proxy.host,
            "port": proxy.port,
            "username": proxy.username,
            "password": None if proxy.password is None else proxy.password.get_secret_value(),
            "ignoreCertErrors": proxy.ignore_certificate_errors or None,
        }
    )


def _output_schema(request: CreateTaskRequest) -> dict[str, Any] | None:
    if request.output_schema is None:
        return None
    schema = json.loads(request.output_schema)
    if not isinstance(schema, dict):
        raise unsupported(f"The output schema `{request.output_schema}` cannot be sent", NAME, "Use an object: `{}`.")
    return schema


def _judge(request: CreateTaskRequest) -> dict[str, Any] | None:
    """On if it was asked for, or if it was said what to expect."""
    if request.judge or (request.judge is None and request.judge_ground_truth is not None):
        return without_nones({"context": request.judge_ground_truth})
    if request.judge_ground_truth is not None:
        raise InvalidRequestError("`judge_ground_truth` says what a judge expects, and `judge` is False: choose one.")
    return None
