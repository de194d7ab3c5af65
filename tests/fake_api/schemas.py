"""The request bodies of v2 as JSON schemas, unknown fields forbidden, and what it takes to check them and v4's.

Tests hold these against the published ones (`../shared/contracts`). Only the lists of models and of countries are
left out: a fake server takes every name.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from uuid import UUID

Schema = dict[str, Any]
Problem = dict[str, Any]
Loc = tuple[str | int, ...]

TEXT: Schema = {"type": "string"}
FLAG: Schema = {"type": "boolean"}
UUID_TEXT: Schema = {"type": "string", "format": "uuid"}
STRINGS: Schema = {"type": "array", "items": TEXT}
STRING_MAP: Schema = {"type": "object", "additionalProperties": TEXT}
COUNTRY: Schema = {"type": "string", "pattern": "^[a-z]{2}$"}

CONTENT_TYPES = [
    "image/jpg",
    "image/jpeg",
    "image/png",
    "image/gif",
    "image/webp",
    "image/svg+xml",
    "application/pdf",
    "application/msword",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "application/vnd.ms-excel",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "text/plain",
    "text/csv",
    "text/markdown",
]


def or_null(schema: Schema) -> Schema:
    return {"anyOf": [schema, {"type": "null"}]}


def object_of(properties: dict[str, Schema], *required: str) -> Schema:
    return {"type": "object", "properties": properties, "required": list(required), "additionalProperties": False}


def whole_number(smallest: int, largest: int) -> Schema:
    return {"type": "integer", "minimum": smallest, "maximum": largest}


_SCREEN = {
    "browserScreenWidth": or_null(whole_number(320, 6144)),
    "browserScreenHeight": or_null(whole_number(320, 3456)),
}
_UPLOAD = object_of(
    {
        "fileName": {"type": "string", "minLength": 1, "maxLength": 255},
        "contentType": {"type": "string", "enum": CONTENT_TYPES},
        "sizeBytes": whole_number(1, 10_485_760),
    },
    "fileName",
    "contentType",
    "sizeBytes",
)


def action(*names: str) -> Schema:
    return object_of({"action": {"type": "string", "enum": list(names)}}, "action")


NESTED: dict[str, Schema] = {
    "create task": object_of(
        {
            "task": {"type": "string", "minLength": 1, "maxLength": 100_000},
            "agentSettings": object_of({"llm": TEXT, "startUrl": or_null(TEXT), "profileId": or_null(UUID_TEXT)}),
            "browserSettings": object_of({"sessionId": or_null(UUID_TEXT), "profileId": or_null(UUID_TEXT)}),
            "structuredOutputJson": or_null(TEXT),
            "includedFileNames": or_null(STRINGS),
            "metadata": or_null(STRING_MAP),
            "secrets": or_null(STRING_MAP),
        },
        "task",
    ),
    "update task": action("stop", "pause", "resume", "stop_task_and_session"),
    "update session": action("stop"),
    "upload": _UPLOAD,
    "agent-profiles": object_of(
        {
            "name": TEXT,
            "description": or_null(TEXT),
            "allowedDomains": or_null(STRINGS),
            "customSystemPromptExtension": TEXT,
            "flashMode": FLAG,
            "highlightElements": FLAG,
            "maxAgentSteps": {"type": "integer"},
            "thinking": FLAG,
            "vision": FLAG,
        },
        "name",
    ),
    "browser-profiles": object_of(
        {
            "name": TEXT,
            "description": or_null(TEXT),
            "adBlocker": FLAG,
            "browserViewportWidth": {"type": "integer"},
            "browserViewportHeight": {"type": "integer"},
            "isMobile": FLAG,
            "persist": FLAG,
            "proxy": FLAG,
            "proxyCountryCode": COUNTRY,
            "storeCache": FLAG,
        },
        "name",
    ),
}

FLAT: dict[str, Schema] = {
    "create task": object_of(
        {
            "task": {"type": "string", "minLength": 1, "maxLength": 50_000},
            "llm": TEXT,
            "startUrl": or_null(TEXT),
            "maxSteps": whole_number(1, 10_000),
            "structuredOutput": or_null(TEXT),
            "sessionId": or_null(UUID_TEXT),
            "metadata": or_null(STRING_MAP | {"maxProperties": 10}),
            "secrets": or_null(STRING_MAP),
            "allowedDomains": or_null(STRINGS),
            "opVaultId": or_null(TEXT),
            "sessionSettings": or_null(
                object_of(
                    {
                        "profileId": or_null(UUID_TEXT),
                        "proxyCountryCode": or_null(COUNTRY),
                        **_SCREEN,
                        "enableRecording": FLAG,
                    }
                )
            ),
            "highlightElements": FLAG,
            "flashMode": FLAG,
            "thinking": FLAG,
            "vision": {"anyOf": [FLAG, {"type": "string", "enum": ["auto"]}]},
            "systemPromptExtension": {"type": "string", "maxLength": 2_000},
            "judge": FLAG,
            "judgeGroundTruth": or_null({"type": "string", "maxLength": 10_000}),
            "judgeLlm": or_null(TEXT),
            "skillIds": or_null(STRINGS),
        },
        "task",
    ),
    "create session": object_of(
        {
            "profileId": or_null(UUID_TEXT),
            "proxyCountryCode": or_null(COUNTRY),
            "startUrl": or_null(TEXT),
            **_SCREEN,
            "persistMemory": FLAG,
            "keepAlive": FLAG,
            "customProxy": or_null(
                object_of(
                    {
                        "host": TEXT,
                        "port": whole_number(1, 65535),
                        "username": or_null(TEXT),
                        "password": or_null(TEXT),
                        "ignoreCertErrors": FLAG,
                    },
                    "host",
                    "port",
                )
            ),
            "enableRecording": FLAG,
        }
    ),
    "update task": action("stop", "stop_task_and_session"),
    "update session": action("stop"),
    "upload": _UPLOAD,
    "profiles": object_of(
        {
            "name": or_null({"type": "string", "maxLength": 100}),
            "userId": or_null({"type": "string", "maxLength": 255}),
        }
    ),
}

_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "boolean": (bool,),
    "integer": (int,),
    "number": (int, float),
    "object": (dict,),
    "array": (list,),
    "null": (type(None),),
}


def without(schema: Schema, names: frozenset[str]) -> Schema:
    """A schema of an older server, which does not know some fields."""
    known = {name: field for name, field in schema["properties"].items() if name not in names}
    return schema | {"properties": known}


def problems(schema: Schema, value: Any, loc: Loc = ("body",)) -> Iterator[Problem]:
    """What does not fit, as FastAPI tells it: with the input, whatever that is."""
    if "anyOf" in schema:
        tries = [list(problems(option, value, loc)) for option in schema["anyOf"]]
        if all(tries):
            yield from tries[0]
        return
    kind = schema["type"]
    if not isinstance(value, _TYPES[kind]) or (kind in ("integer", "number") and isinstance(value, bool)):
        yield _problem(loc, f"Input should be a valid {kind}", value)
    elif kind in _CHECKS:
        yield from _CHECKS[kind](schema, value, loc)


def _problem(loc: Loc, message: str, value: Any) -> Problem:
    return {"type": "value_error", "loc": list(loc), "msg": message, "input": value}


def _range_of(schema: Schema, what: str) -> str:
    return f"{schema.get('min' + what, 0)} to {schema.get('max' + what, 'any number of')}"


def _of_text(schema: Schema, value: Any, loc: Loc) -> Iterator[Problem]:
    if not schema.get("minLength", 0) <= len(value) <= schema.get("maxLength", len(value)):
        yield _problem(loc, f"String should have {_range_of(schema, 'Length')} characters", value)
    if value not in schema.get("enum", [value]):
        yield _problem(loc, f"Input should be one of {', '.join(schema['enum'])}", value)
    if not re.search(schema.get("pattern", ""), value):
        yield _problem(loc, f"String should match {schema['pattern']}", value)
    if schema.get("format") == "uuid" and not is_uuid(value):
        yield _problem(loc, "Input should be a valid UUID", value)


def _of_number(schema: Schema, value: Any, loc: Loc) -> Iterator[Problem]:
    if not schema.get("minimum", value) <= value <= schema.get("maximum", value):
        yield _problem(loc, f"Input should be {schema['minimum']} to {schema['maximum']}", value)
    if value <= schema.get("exclusiveMinimum", value - 1):
        yield _problem(loc, f"Input should be greater than {schema['exclusiveMinimum']}", value)


def _of_list(schema: Schema, value: Any, loc: Loc) -> Iterator[Problem]:
    if not schema.get("minItems", 0) <= len(value) <= schema.get("maxItems", len(value)):
        yield _problem(loc, f"List should have {_range_of(schema, 'Items')} items", value)
    for position, item in enumerate(value):
        yield from problems(schema["items"], item, (*loc, position))


def _of_object(schema: Schema, value: Any, loc: Loc) -> Iterator[Problem]:
    if len(value) > schema.get("maxProperties", len(value)):
        yield _problem(loc, f"At most {schema['maxProperties']} pairs are allowed", value)
    for name in schema.get("required", ()):
        if name not in value:
            yield _problem((*loc, name), "Field required", value)
    for name, item in value.items():
        known = schema.get("properties", {}).get(name, schema["additionalProperties"])
        if known is False:
            yield _problem((*loc, name), "Extra inputs are not permitted", item)
        elif known is not True:
            yield from problems(known, item, (*loc, name))


_CHECKS = {"string": _of_text, "integer": _of_number, "number": _of_number, "array": _of_list, "object": _of_object}


def is_uuid(text: str) -> bool:
    """Whether a text is a UUID in its usual form."""
    try:
        return str(UUID(text)) == text.lower()
    except ValueError:
        return False
