"""Arguments of the operators, as they are when a task runs: what is wrong is refused before anything is paid for."""

from __future__ import annotations

import json
from collections.abc import Mapping
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
            f"`metadata[{KEY_NAME!r}]` is where a task has its idempotency key. Choose another name; to choose the key,"
            " use `key`."
        )
    for name, each in metadata.items():
        if each is None:
            raise InvalidRequestError(f"`metadata[{name!r}]` is None: leave it out, or give a text.")
    return {str(name): str(each) for name, each in metadata.items()}


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
