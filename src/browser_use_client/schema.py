"""Structured output: a type or a JSON schema goes out as text, and what comes back is held against it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from pydantic import TypeAdapter, ValidationError

from browser_use_client.errors import InvalidRequestError, OutputSchemaError
from browser_use_client.json_text import mended, read_output

OutputSchema = type | Mapping[str, Any] | str
"""A pydantic model or any type that pydantic understands, or a JSON schema as a mapping or as text. To hold output
against the latter takes `jsonschema`, which comes with the extra of that name."""

_JSON_TYPES = {"array", "boolean", "integer", "null", "number", "object", "string"}


def schema_text(schema: Any) -> str:
    """The JSON schema that an output schema stands for, as the text that the API takes.

    Raises:
        ValueError: It is not a valid JSON schema; says why, and where.
    """
    if isinstance(schema, (str, Mapping)):
        return json.dumps(_json_schema(schema))
    try:
        return json.dumps(TypeAdapter(schema).json_schema())
    except Exception as error:  # noqa: BLE001 - a type's own hooks can raise anything
        raise ValueError(
            f"the output schema {schema!r} is not a type that pydantic understands: {_first_line(error)}"
        ) from None


def parse_output(text: str | None, schema: Any, *, task_id: str, session_id: str) -> tuple[Any, Any]:
    """What a task returned, held against a schema.

    Returns:
        The decoded JSON as it came, and the same as the schema's type; for a JSON schema both are the decoded JSON.

    Raises:
        OutputSchemaError: There is no output, it is not valid JSON, or it does not fit.
        InvalidRequestError: The schema is not valid, or `jsonschema`, which a JSON schema needs, is not installed.
    """
    about = {"task_id": task_id, "session_id": session_id, "raw": text}
    if text is None:
        raise OutputSchemaError(f"Task {task_id} returned no output, but one was asked for.", **about)
    try:
        validate = _validation_by(schema)
    except ValueError as error:
        raise InvalidRequestError(f"{error}. Task {task_id} and its output are kept.") from None
    text = mended(text)
    try:
        value = read_output(text)
    except ValueError as error:
        where = f"it is not valid JSON: {error}"
    else:
        try:
            return value, validate(value, text)
        except ValidationError as error:
            where = problems_of(error)
        except Exception as error:  # noqa: BLE001 - a user's validator can raise anything; the output must not be lost
            where = str(error) if isinstance(error, _MisfitError) else f"validation raised {type(error).__name__}"
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


class _MisfitError(Exception):
    """Where a value does not fit a JSON schema, and why, in a line like that of `problems_of`."""


def _validation_by(schema: Any) -> Callable[[Any, str], Any]:
    """What makes of the decoded JSON of an output, and of its text, what the schema says."""
    if isinstance(schema, (str, Mapping)):
        validator = _jsonschema_validator(_json_schema(schema))
        return lambda value, _: _fitting(value, validator)
    try:
        adapter: TypeAdapter[Any] = TypeAdapter(schema)
    except Exception as error:
        raise ValueError(f"{schema!r} is not a type that pydantic understands: {_first_line(error)}") from error
    return lambda _, text: adapter.validate_json(text)


def _jsonschema_validator(schema: Any) -> Any:
    try:
        from jsonschema import Draft202012Validator, validators
        from referencing import Registry
    except ImportError:
        raise ValueError(
            "Output can be held against a JSON schema only where jsonschema is installed: pip install"
            " 'browser-use-client[jsonschema]'; a pydantic model needs nothing more"
        ) from None
    return validators.validator_for(schema, default=Draft202012Validator)(schema, registry=Registry())


def _fitting(value: Any, validator: Any) -> Any:
    from referencing.exceptions import Unresolvable

    try:
        problems = sorted(validator.iter_errors(value), key=lambda problem: list(map(str, problem.absolute_path)))
    except Unresolvable as error:
        raise _MisfitError(f"the schema refers to {error.ref!r}, which is not in it") from None
    if problems:
        raise _MisfitError(
            "; ".join(
                f"{_place(problem)}: has to fit {json.dumps({problem.validator: problem.validator_value})}"
                for problem in problems
            )
        )
    return value


def _json_schema(schema: str | Mapping[str, Any]) -> Any:
    """The JSON schema as plain JSON values.

    Raises:
        ValueError: It is not valid; says why, and where.
    """
    try:
        text = schema if isinstance(schema, str) else json.dumps(schema, allow_nan=False, default=_plain)
        decoded = read_output(mended(text))
    except (ValueError, TypeError, RecursionError) as error:
        raise ValueError(f"the output schema is not valid JSON: {error}") from None
    _check(decoded, "the output schema")
    _check_with_jsonschema(decoded)
    return decoded


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"it holds a {type(value).__name__}")


def _check_with_jsonschema(schema: Any) -> None:
    """Finds the rest, where `jsonschema` is there, before a task is paid whose output could not be validated."""
    try:
        from jsonschema import Draft202012Validator, SchemaError, validators
    except ImportError:
        return
    try:
        validators.validator_for(schema, default=Draft202012Validator).check_schema(schema)
    except SchemaError as error:
        raise ValueError(f"the output schema is not a valid JSON schema: {_place(error)}: {error.message}") from None


def _place(problem: Any) -> str:
    return ".".join(map(str, problem.absolute_path)) or "the whole"


def _first_line(error: Exception) -> str:
    return f"{type(error).__name__}: {error}".partition("\n")[0]


def _check(schema: Any, where: str) -> None:
    """Finds what cannot be a JSON schema; the server judges the rest."""
    if isinstance(schema, bool):
        return
    _expect(isinstance(schema, Mapping), where, f"an object is expected, not {type(schema).__name__}")
    types = schema.get("type", [])
    for name in types if isinstance(types, list) else [types]:
        _expect(name in _JSON_TYPES, where, f"{name!r} is not a valid type; there are {', '.join(sorted(_JSON_TYPES))}")
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
        raise ValueError(f"{where} is not a valid JSON schema: {problem}")
