"""Settings that are written into a DAG: their names are known when it is parsed, their values may be templates."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from browser_use_client import InvalidRequestError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic import BaseModel


def refuse_unknown(name: str, settings: Mapping[str, Any] | None, model: type[BaseModel]) -> None:
    """Check the names of settings while the DAG is parsed.

    Args:
        name: What the operator calls them.
        settings: As the user wrote them.
        model: Whose fields they are.

    Raises:
        InvalidRequestError: There is no such setting.
    """
    unknown = sorted(set(settings or {}) - set(model.model_fields))
    if unknown:
        raise InvalidRequestError(
            f"`{name}` has no {', '.join(map(repr, unknown))}; there are {', '.join(sorted(model.model_fields))}."
        )
