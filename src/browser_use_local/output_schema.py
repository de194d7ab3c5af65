"""Holds what a task gives out against the schema that was asked for, and writes it."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import referencing
import referencing.exceptions

from browser_use_local.work import TooMuchWorkError, bounded

SHOWN_FAULTS = 5
TOO_MUCH_WORK = "it takes too long to try the patterns, alternatives and references of the schema: make them simpler"


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
    except ValueError as error:
        return f"the schema has a URL that is not valid ({error})"
    return "; ".join(_say(fault) for fault in found[:SHOWN_FAULTS]) or None


def as_json(value: Any) -> str:
    """JSON as people read it."""
    return json.dumps(value, ensure_ascii=False, indent=2)


def _say(fault: jsonschema.ValidationError) -> str:
    where = ".".join(str(part) for part in fault.absolute_path)
    return f"{where}: {fault.message}" if where else fault.message
