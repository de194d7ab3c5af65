"""From the arguments of a task to the request that is sent."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, TypeVar

from prefect.blocks.system import Secret
from pydantic import SecretStr

from browser_use_client import AgentSettings, BrowserSettings, CreateTaskRequest, InvalidRequestError
from prefect_browser_use.credentials import BrowserUseCredentials

Credentials = BrowserUseCredentials | str | None
"""A block, the name of a saved one, or None for what the environment says."""

SecretValue = SecretStr | Secret[Any] | str
"""A `SecretStr`, a `Secret` block, or a reference to a saved one: `secret/NAME`."""

T = TypeVar("T")

BLOCK_NAME = re.compile(r"[a-z0-9-]+")
SECRET_REFERENCE = re.compile(r"secret/([a-z0-9-]+)")


def load_credentials(credentials: Credentials) -> BrowserUseCredentials:
    """The credentials block that is meant.

    Raises:
        TypeError: It is something else, as it is when a block was mapped over.
        InvalidRequestError: There is no block of that name.
    """
    if credentials is None:
        return BrowserUseCredentials()
    if not isinstance(credentials, str):
        return _one_value("credentials", credentials, BrowserUseCredentials)
    if not BLOCK_NAME.fullmatch(credentials):
        raise InvalidRequestError(
            "`credentials` is not a valid name of a block: those have small letters, digits and dashes only. Pass the"
            " name of a saved BrowserUseCredentials block, or the block; an API key goes into the block."
        )
    try:
        return BrowserUseCredentials.load(credentials, _sync=True)  # type: ignore[call-arg,return-value] # see `load`
    except ValueError as error:
        raise InvalidRequestError(
            f"BrowserUseCredentials block {credentials!r} not found: save one, in the UI or with"
            f" `BrowserUseCredentials(api_key=...).save({credentials!r})`."
        ) from error


def build_request(task: str | CreateTaskRequest, options: Mapping[str, Any]) -> CreateTaskRequest:
    """The request for a prompt, or a whole request with what was given beside it.

    Args:
        task: The prompt or request.
        options: See `TaskOptions`.

    Raises:
        TypeError: An argument is something else, as it is when it was mapped over.
        InvalidRequestError: A value cannot be sent; says which.
    """
    given = {
        "output_schema": options["output_schema"],
        "secrets": _reveal(_one_value("secrets", options["secrets"], dict)) if options["secrets"] is not None else None,
        "secret_domains": options["secret_domains"],
        "agent_settings": settings_of("agent_settings", options["agent_settings"], AgentSettings),
        "browser_settings": settings_of("browser_settings", options["browser_settings"], BrowserSettings),
        "workspace_id": options["workspace_id"],
        "max_cost_usd": options["max_cost_usd"],
        "metadata": _one_value("metadata", options["metadata"], dict) if options["metadata"] is not None else None,
    }
    fields = dict(task) if isinstance(task, CreateTaskRequest) else {"task": task}
    request = CreateTaskRequest(**fields | {name: value for name, value in given.items() if value is not None})
    if options["model_params"] is None:
        return request
    params = _one_value("model_params", options["model_params"], dict)
    agent = request.agent_settings.model_dump(exclude_unset=True) | {"model_params": params}
    return request.model_copy(update={"agent_settings": AgentSettings(**agent)})


def settings_of(name: str, value: Any, kind: type[Any]) -> Any:
    """Settings as their model; None stays None.

    Raises:
        TypeError: They are something else.
        InvalidRequestError: One of them cannot be.
    """
    if value is None or isinstance(value, kind):
        return value
    return kind(**_one_value(name, value, dict))


def _one_value(name: str, value: Any, kind: type[T]) -> T:
    if not isinstance(value, kind):
        raise TypeError(
            f"`{name}` must be a {kind.__name__}, not {type(value).__name__}. `.map` iterates over every"
            f" argument that it can: pass what is meant for every task as `{name}=unmapped({name})`."
        )
    return value


def _reveal(secrets: dict[str, SecretValue]) -> dict[str, SecretStr]:
    return {name: _reveal_one(name, value) for name, value in secrets.items()}


def _reveal_one(name: str, value: Any) -> SecretStr:
    """Never says what it was given: it may be the secret itself."""
    if isinstance(value, SecretStr):
        return value
    if isinstance(value, str):
        reference = SECRET_REFERENCE.fullmatch(value)
        if reference is None:
            raise InvalidRequestError(
                f"The secret {name!r} is a plain string, which Prefect would store and show. Pass `SecretStr(...)`,"
                " `Secret.load(...)`, or the reference 'secret/NAME' of a saved Secret block."
            )
        try:
            value = Secret.load(reference[1], _sync=True)  # type: ignore[call-arg] # see `load_credentials`
        except ValueError as error:
            raise InvalidRequestError(f"The secret {name!r} names the block {value!r}, which was not found.") from error
    if not isinstance(value, Secret) or not isinstance(revealed := value.get(), str):
        raise InvalidRequestError(f"The secret {name!r} must be a SecretStr or a Secret block that holds a string.")
    return SecretStr(revealed)
