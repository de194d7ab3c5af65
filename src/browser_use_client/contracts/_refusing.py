"""An option that a contract cannot carry is refused, with the remedy: it is never dropped in silence."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from browser_use_client.errors import InvalidRequestError, UnsupportedOptionError
from browser_use_client.models import BrowserSettings


def unsupported(what: str, contract: str, remedy: str) -> UnsupportedOptionError:
    """The error about what a contract lacks.

    Args:
        what: What cannot be done, as the sentence begins.
        contract: The contract's name.
        remedy: What to do instead.
    """
    return UnsupportedOptionError(
        f"{what}: the server speaks the contract {contract}, which has no such thing. {remedy}".rstrip()
    )


def refuse(contract: str, settings: Any, prefix: str, remedies: Mapping[str, str]) -> None:
    """Refuses options that were set and that the contract has no place for.

    Args:
        contract: The contract's name.
        settings: What the options were set in.
        prefix: What stands before their names in messages.
        remedies: What to do instead, for each option that it has no place for.
    """
    for option, remedy in remedies.items():
        if is_set(settings, option):
            raise unsupported(f"`{prefix}{option}` cannot be sent", contract, remedy)


def refuse_session_settings_of_follow_up(settings: BrowserSettings) -> None:
    """A session that exists keeps the settings that it was started with."""
    ignored = sorted(option for option in settings.model_fields_set - {"session_id"} if is_set(settings, option))
    if settings.session_id and ignored:
        raise UnsupportedOptionError(
            f"{', '.join(f'`browser_settings.{option}`' for option in ignored)} cannot be set for a follow-up:"
            f" session {settings.session_id} exists and keeps its settings. Leave them out, or start a new session."
        )


def is_set(settings: Any, option: str) -> bool:
    """None is as good as left out, but for the proxy, which it switches off."""
    return getattr(settings, option) is not None or (
        option == "proxy_country_code" and option in settings.model_fields_set
    )


def uuid_of(name: str, text: str) -> str:
    """The id in its usual form.

    Raises:
        InvalidRequestError: It is not a valid UUID; nothing was sent.
    """
    try:
        return str(UUID(text))
    except (ValueError, AttributeError, TypeError):
        raise InvalidRequestError(
            f"{name} {text!r} is not a valid UUID. Take it from the task or session that it names."
        ) from None
