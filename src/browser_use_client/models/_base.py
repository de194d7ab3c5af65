"""What all models share."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Annotated, Any
from uuid import UUID

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, ValidationError

from browser_use_client.errors import InvalidRequestError
from browser_use_client.schema import problems_of, schema_text


def _utc(moment: datetime) -> datetime:
    """The API documents naive timestamps and means UTC by them."""
    return moment.replace(tzinfo=timezone.utc) if moment.tzinfo is None else moment.astimezone(timezone.utc)


def _uuid_text(text: str) -> str:
    try:
        return str(UUID(text))
    except ValueError:
        raise ValueError(f"{text!r} is not a valid UUID") from None


UtcDatetime = Annotated[datetime, AfterValidator(_utc)]
UuidText = Annotated[str, AfterValidator(_uuid_text)]
SchemaText = Annotated[str, BeforeValidator(schema_text)]


class View(BaseModel):
    """What the server shows. Frozen; what it says beyond these fields is ignored, so that a newer one can be read."""

    model_config = ConfigDict(frozen=True, extra="ignore", defer_build=True)


class Request(BaseModel):
    """What is asked. Unknown fields are refused: an option with a typing error must not be dropped in silence."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, defer_build=True)

    def __init__(self, **data: Any) -> None:
        try:
            super().__init__(**data)
        except ValidationError as error:
            problems = problems_of(error).rstrip(".")
            raise InvalidRequestError(f"This is not a valid {type(self).__name__}: {problems}.") from None
