"""Arguments of the operators, as they are when a task runs: what is wrong is refused before anything is paid for."""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any, TypeVar

from browser_use_client import InvalidRequestError
from browser_use_client.models.keys import KEY_NAME

if TYPE_CHECKING:
    from pydantic import BaseModel

M = TypeVar("M", bound="BaseModel")


def text_from(name: str, value: Any) -> str:
    """An argument that has to be a text.

    Raises:
        InvalidRequestError: It is blank or None.
    """
    if value is None or not str(value).strip():
        raise InvalidRequestError(f"`{name}` is empty.")
    return str(value)


def settings_from(name: str, value: Any, model: type[M]) -> M:
    """The settings of an agent or a browser.

    Args:
        name: What the operator calls them.
        value: A mapping, the text of a JSON object, or None.
        model: Whose fields they are.

    Raises:
        InvalidRequestError: There is no such setting, or it is out of its range.
    """
    settings = mapping_from(name, value)
    unknown = sorted(set(map(str, settings)) - set(model.model_fields))
    if unknown:
        raise InvalidRequestError(
            f"`{name}` has no {', '.join(map(repr, unknown))}; there are {', '.join(sorted(model.model_fields))}."
        )
    return model(**settings)


def metadata_from(value: Any) -> dict[str, str]:
    """The metadata of a task, as text.

    Raises:
        InvalidRequestError: A value is None, or would take the place of the idempotency key.
    """
    metadata = mapping_from("metadata", value)
    if KEY_NAME in metadata:
        raise InvalidRequestError(
            f"`metadata[{KEY_NAME!r}]` holds the idempotency key of a task. Choose another name; to set the key,"
            " use `key`."
        )
    for name, each in metadata.items():
        if each is None:
            raise InvalidRequestError(f"`metadata[{name!r}]` is None: leave it out, or give a text.")
    return {str(name): str(each) for name, each in metadata.items()}


def dollars_from(name: str, value: Any) -> Decimal | None:
    """An argument that is an amount of US dollars, or None; text is what a template gives.

    Raises:
        InvalidRequestError: It is something else, or not above 0.
    """
    if value is None:
        return None
    try:
        amount = Decimal("nan") if isinstance(value, bool) else Decimal(str(value))
    except ArithmeticError:
        amount = Decimal("nan")
    if not (amount.is_finite() and amount > 0):
        raise InvalidRequestError(f"`{name}` has to be a number of US dollars above 0, not {value!r}.")
    return amount


def domains_from(name: str, value: Any) -> tuple[str, ...] | dict[str, tuple[str, ...]] | None:
    """An argument that is one host name, several, or those of each name; as text also a JSON array or object.

    Raises:
        InvalidRequestError: It is something else.
    """
    if isinstance(value, str) and value.strip()[:1] in ("[", "{"):
        try:
            value = json.loads(value)
        except ValueError:
            raise InvalidRequestError(f"`{name}` is neither host names nor the text of a JSON value.") from None
    if value is None or value == "":
        return None
    if isinstance(value, Mapping):
        return {str(key): _hosts(name, hosts) for key, hosts in value.items()}
    return _hosts(name, value)


def _hosts(name: str, value: Any) -> tuple[str, ...]:
    hosts = [value] if isinstance(value, str) else value
    if not isinstance(hosts, (list, tuple, set)) or not all(isinstance(host, str) and host.strip() for host in hosts):
        raise InvalidRequestError(f"`{name}` has to be host names, or a mapping of names to host names, not {value!r}.")
    return tuple(hosts)


def mapping_from(name: str, value: Any) -> Mapping[str, Any]:
    """An argument that has to be a mapping, or the text of a JSON object; None and an empty text are an empty one.

    Raises:
        InvalidRequestError: It is something else.
    """
    given = value
    if isinstance(value, str):
        try:
            value = json.loads(value) if value.strip() else {}
        except ValueError:
            raise InvalidRequestError(f"`{name}` has to be a mapping, or the text of a JSON object.") from None
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        kind = "the text of another JSON value" if isinstance(given, str) else type(value).__name__
        raise InvalidRequestError(f"`{name}` has to be a mapping, or the text of a JSON object, not {kind}.")
    return value


def bytes_from(name: str, value: Any) -> int | None:
    """An argument that is a number of bytes, or None for no limit.

    Raises:
        InvalidRequestError: It is something else.
    """
    if value is not None and (not isinstance(value, int) or isinstance(value, bool) or value < 0):
        raise InvalidRequestError(f"`{name}` has to be a number of bytes, or None for no limit, not {value!r}.")
    return value
