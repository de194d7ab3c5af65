"""From an Airflow connection to the settings of a client: a field that is not understood is an error."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, get_args

from airflow_browser_use.provider_info import get_provider_info
from browser_use_client import AuthenticationError, InvalidRequestError, seconds_of
from browser_use_client.base_url import base_url_of
from browser_use_client.contracts import ApiVersion

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Connection


def client_settings(connection: Connection) -> dict[str, Any]:
    """What the clients of a connection are made with.

    Raises:
        AuthenticationError: It has no API key.
        InvalidRequestError: A field is set that has no meaning, or its value is not valid; says which.
    """
    name = f"connection {connection.conn_id!r}"
    for field in ("schema", "login", "port"):
        if getattr(connection, field):
            raise InvalidRequestError(
                f"`{field}` of {name} is set, but has no meaning: empty it, and put the whole base URL into the host,"
                " such as http://127.0.0.1:8790/api/v2."
            )
    if not connection.password:
        raise AuthenticationError(f"There is no API key in {name}: put it into the password.")
    extra = _extra_of(connection.extra, name)
    api_version = _api_version(extra.get("api_version", "auto"), name)
    return {
        "api_key": connection.password,
        "base_url": _base_url(connection.host, api_version, name) if connection.host else None,
        "api_version": api_version,
        "timeout": _seconds(extra.get("timeout", 30.0), name),
        "verify": _verify(extra.get("verify", True)),
        "proxy": extra.get("proxy"),
    }


def _extra_of(text: str | None, name: str) -> dict[str, Any]:
    """The fields of the extra that are set."""
    try:
        extra = json.loads(text or "{}")  # `extra_dejson` would block the triggerer's loop to mask secrets
    except ValueError:
        extra = None
    if not isinstance(extra, dict):
        raise InvalidRequestError(f"The extra of {name} must be a JSON object, such as " + '{"timeout": 30}.')
    known = get_provider_info()["connection-types"][0]["conn-fields"]
    if unknown := sorted(extra.keys() - known):
        raise InvalidRequestError(
            f"The extra of {name} has no field {', '.join(map(repr, unknown))}; there are {', '.join(sorted(known))}."
        )
    return {field: value for field, value in extra.items() if value not in (None, "")}


def _api_version(value: Any, name: str) -> Any:
    versions = get_args(ApiVersion)
    if value not in versions:
        raise InvalidRequestError(
            f"`api_version` in the extra of {name} is not valid: {value!r} is none of {', '.join(versions)}."
        )
    return value


def _base_url(host: str, api_version: Any, name: str) -> str:
    try:
        return base_url_of(host, api_version)
    except InvalidRequestError as error:
        raise InvalidRequestError(f"The host of {name} is not valid. {error}") from None


def _seconds(value: Any, name: str) -> float:
    try:
        return seconds_of("timeout", float(value) if isinstance(value, str) else value)
    except ValueError:
        raise InvalidRequestError(
            f"`timeout` in the extra of {name} must be a number of seconds above 0, not {value!r}."
        ) from None


def _verify(value: Any) -> Any:
    """The form below Airflow 3.2 knows only text."""
    return {"true": True, "false": False}.get(value.lower(), value) if isinstance(value, str) else value
