"""The contracts as published, read from `../shared/contracts`; what needs them is skipped where they are absent."""

from __future__ import annotations

import copy
import json
import re
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from browser_use_client.effects import Call, Flow

Schema = dict[str, Any]

SHARED = Path(__file__).parents[4] / "shared" / "contracts"

needs_published = pytest.mark.skipif(
    not SHARED.is_dir(), reason="the published contracts (../shared/contracts) are not here"
)


@cache
def flat() -> Schema:
    """The OpenAPI document of `v2-flat`."""
    document: Schema = json.loads((SHARED / "v2-flat.openapi.json").read_text())
    return document


@cache
def v4() -> Schema:
    """The OpenAPI document of `v4`, rebuilt from what is public."""
    document: Schema = json.loads((SHARED / "v4.openapi.json").read_text())
    return document


@cache
def nested() -> Schema:
    """The page of POST /tasks of `v2-nested`, as an OpenAPI document: the schema of its body and the components."""
    text = (SHARED / "create-task.md").read_text()
    page = yaml.safe_load(text.split("```yaml", 1)[1].split("\n", 1)[1].split("```", 1)[0])
    [body] = page["paths"]["request"]["body"]["application/json"]["schemaArray"]
    schema = body | {"required": body["requiredProperties"]}
    schemas = page["components"]["schemas"] | {"CreateTaskRequest": schema}
    return {"components": {"schemas": schemas}}


@cache
def forbidding(contract: str) -> Schema:
    """A contract whose schemas allow no unknown field."""
    documents = {"v2-nested": nested, "v2-flat": flat, "v4": v4}
    document = copy.deepcopy(documents[contract]())
    for schema in document["components"]["schemas"].values():
        if schema.get("type") == "object" and "properties" in schema:
            schema["additionalProperties"] = False
    return document


def check_request(contract: str, name: str, body: Any) -> None:
    """Holds what goes out against the published schema of that name."""
    _validator(contract, name).validate(body)


def check_response(name: str, body: Any) -> None:
    """Holds an answer against the schema of that name of `v2-flat`."""
    _validator("answers", name).validate(body)


def check_exchange(method: str, path: str, status: int, body: Any) -> str:
    """Holds an answer of v4 against what its endpoint may answer with that status, and returns the endpoint."""
    for template, operations in v4()["paths"].items():
        if method.lower() in operations and re.fullmatch(re.sub(r"{\w+}", "[^/]+", template), path):
            content = operations[method.lower()]["responses"][str(status)].get("content")
            if content:
                schema = content["application/json"]["schema"] | {"components": v4()["components"]}
                jsonschema.Draft202012Validator(
                    schema, format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER
                ).validate(body)
            return f"{method} {template}"
    raise AssertionError(f"{method} {path} is not published")


@cache
def _validator(contract: str, name: str) -> Any:
    document = flat() if contract == "answers" else forbidding(contract)
    return jsonschema.Draft202012Validator(
        {"$ref": f"#/components/schemas/{name}", "components": document["components"]},
        format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER,
    )


def first_call(flow: Flow[Any]) -> Call[Any]:
    """What a flow of a contract sends first."""
    request = next(flow)
    assert isinstance(request, Call)
    return request
