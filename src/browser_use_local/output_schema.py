"""The output schema of a task: reading it, and holding against it what the task gives out."""

from __future__ import annotations

import json
import math
from typing import Any

import jsonschema
import referencing
import referencing.exceptions

from browser_use_local.work import TooMuchWorkError, bounded

# In characters. Whether it is a schema is found out while others wait: a quarter of a second for so many.
MAX_SCHEMA_CHARACTERS = 64_000
SHOWN_FAULTS = 5
TOO_MUCH_WORK = "it takes too long to try the patterns, alternatives and references of the schema: make them simpler"


def read_schema(text: object) -> object:
    """The schema that a text holds. What is not text is left as it is.

    Raises:
        ValueError: It is not an object of JSON, or too long or too deep for a schema.
    """
    if not isinstance(text, str):
        return text
    if len(text) > MAX_SCHEMA_CHARACTERS:
        raise ValueError(f"the output schema is longer than {MAX_SCHEMA_CHARACTERS} characters")
    try:
        schema = json.loads(text, parse_float=_finite, parse_constant=_finite)
        if not isinstance(schema, dict):
            raise ValueError("the output schema is not a valid JSON schema: it must be an object")  # noqa: TRY004
    except json.JSONDecodeError as error:
        raise ValueError(f"the output schema is not valid JSON: {error}") from error
    except RecursionError as error:
        raise ValueError("the output schema is nested too deeply") from error
    return schema


def checked_schema(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema, if it is one.

    Raises:
        ValueError: It is not.
    """
    try:
        jsonschema.Draft202012Validator.check_schema(schema)
    except jsonschema.SchemaError as error:
        raise ValueError(f"the output schema is not a valid JSON schema: {error.message}") from error
    except RecursionError as error:
        raise ValueError("the output schema is nested too deeply") from error
    except OverflowError as error:
        raise ValueError(f"the output schema has a pattern that is not possible: {error}") from error
    return schema


async def faults(schema: dict[str, Any], value: Any) -> str | None:
    """What is missing or does not fit, each fault with its place; None if the value is valid."""
    try:
        return await bounded(faults_found, schema, value)
    except TooMuchWorkError:
        return TOO_MUCH_WORK


def faults_found(schema: dict[str, Any], value: Any) -> str | None:
    """The same, however long it takes."""
    # An empty registry: a reference that is not in the schema itself is never fetched.
    validator = jsonschema.Draft202012Validator(schema, registry=referencing.Registry())
    try:
        found = sorted(validator.iter_errors(value), key=lambda error: list(map(str, error.absolute_path)))
    except (referencing.exceptions.Unresolvable, RecursionError) as error:
        return f"the schema refers to what is not in it, or only to itself ({error})"
    except (TypeError, ValueError) as error:
        return f"the schema has a reference or a URL that is not valid ({error})"
    return "; ".join(_say(fault) for fault in found[:SHOWN_FAULTS]) or None


def as_json(value: Any) -> str:
    """JSON as people read it."""
    return json.dumps(value, ensure_ascii=False, indent=2)


def _say(fault: jsonschema.ValidationError) -> str:
    where = ".".join(str(part) for part in fault.absolute_path)
    return f"{where}: {fault.message}" if where else fault.message


def _finite(text: str) -> float:
    """A number of JSON, which has no infinity."""
    if not math.isfinite(number := float(text)):
        raise ValueError(f"the output schema has a number that is too large: {text[:40]}")
    return number
