"""Structured output: a type or a JSON schema goes out as text, and what comes back is held against it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from pydantic import TypeAdapter, ValidationError
from pydantic.errors import PydanticSchemaGenerationError

from browser_use_client.errors import InvalidRequestError, OutputSchemaError

OutputSchema = type | Mapping[str, Any] | str
"""A pydantic model or any type that pydantic understands, or a JSON schema as a mapping or as text. To hold output
against the latter takes `jsonschema`, which comes with the extra of that name."""

_JSON_TYPES = {"array", "boolean", "integer", "null", "number", "object", "string"}


def schema_text(schema: Any) -> str:
    """The JSON schema that an output schema stands for, as the text that the API takes.

    Raises:
        ValueError: It is no JSON schema; says why, and where.
    """
    if isinstance(schema, str):
        try:
            schema = json.loads(schema)
        except ValueError as error:
            raise ValueError(f"the output schema is no JSON: {error}") from None
    elif not isinstance(schema, Mapping):
        try:
            schema = TypeAdapter(schema).json_schema()
        except (PydanticSchemaGenerationError, TypeError):
            raise ValueError(f"the output schema {schema!r} is no type that pydantic understands") from None
    _check(schema, "the output schema")
    return json.dumps(schema)


def parse_output(text: str | None, schema: Any, *, task_id: str, session_id: str) -> Any:
    """What a task returned, as the schema's type, or as plain JSON values for a JSON schema.

    Raises:
        OutputSchemaError: There is no output, it is no JSON, or it does not fit.
        InvalidRequestError: `jsonschema`, which a JSON schema needs, is not installed.
    """
    about = {"task_id": task_id, "session_id": session_id, "raw": text}
    if text is None:
        raise OutputSchemaError(f"Task {task_id} returned no output, but one was asked for.", **about)
    try:
        if not isinstance(schema, (str, Mapping)):
            return TypeAdapter(schema).validate_json(text)
        value = json.loads(text)
    except ValidationError as error:
        where = problems_of(error)
    except ValueError as error:
        where = f"it is no JSON: {error}"
    else:
        where = _misfits(value, json.loads(schema) if isinstance(schema, str) else schema)
        if not where:
            return value
    raise OutputSchemaError(
        f"The output of task {task_id} does not fit the schema that it was asked for: {where}. "
        "The task has ended and was paid for; its raw text is in `raw`.",
        **about,
    )


def problems_of(error: ValidationError) -> str:
    """Where something does not fit, and why, in a line; never what it was, since that may be a secret."""
    return "; ".join(
        f"{'.'.join(map(str, problem['loc'])) or 'the whole'}: {problem['msg'].removeprefix('Value error, ')}"
        for problem in error.errors(include_url=False, include_input=False, include_context=False)
    )


def _misfits(value: Any, schema: Any) -> str:
    """Where a value does not fit a JSON schema, and why, in a line like that of `problems_of`; nothing if it fits."""
    try:
        from jsonschema import Draft202012Validator, validators
        from referencing import Registry
        from referencing.exceptions import Unresolvable
    except ImportError:
        raise InvalidRequestError(
            "Output can be held against a JSON schema only where jsonschema is installed: pip install"
            " 'browser-use-client[jsonschema]'; a pydantic model needs nothing more. The task and its output are kept."
        ) from None
    validator = validators.validator_for(schema, default=Draft202012Validator)(schema, registry=Registry())
    try:
        problems = sorted(validator.iter_errors(value), key=lambda problem: list(map(str, problem.absolute_path)))
    except Unresolvable as error:
        return f"the schema refers to {error.ref!r}, which is not in it"
    return "; ".join(
        f"{'.'.join(map(str, problem.absolute_path)) or 'the whole'}:"
        f" has to fit {json.dumps({problem.validator: problem.validator_value})}"
        for problem in problems
    )


def _check(schema: Any, where: str) -> None:
    """Finds what cannot be a JSON schema; the server judges the rest."""
    if isinstance(schema, bool):
        return
    _expect(isinstance(schema, Mapping), where, f"an object is expected, not {type(schema).__name__}")
    types = schema.get("type", [])
    for name in types if isinstance(types, list) else [types]:
        _expect(name in _JSON_TYPES, where, f"{name!r} is no type; there are {', '.join(sorted(_JSON_TYPES))}")
    for keyword in ("properties", "$defs", "definitions", "patternProperties"):
        members = schema.get(keyword, {})
        _expect(isinstance(members, Mapping), where, f"`{keyword}` must be an object")
        for name, member in members.items():
            _check(member, f"{where}.{keyword}.{name}")
    for keyword in ("anyOf", "oneOf", "allOf"):
        members = schema.get(keyword, [])
        _expect(isinstance(members, list), where, f"`{keyword}` must be a list")
        for position, member in enumerate(members):
            _check(member, f"{where}.{keyword}[{position}]")
    if "items" in schema:
        _check(schema["items"], f"{where}.items")


def _expect(holds: bool, where: str, problem: str) -> None:
    if not holds:
        raise ValueError(f"{where} is no JSON schema: {problem}")
