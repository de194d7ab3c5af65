from __future__ import annotations

import json
import pickle
from collections import UserDict
from collections.abc import Callable
from datetime import datetime, timezone
from decimal import Decimal
from types import MappingProxyType
from typing import Annotated, Any

import pytest
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PlainSerializer,
    SecretStr,
    ValidationError,
    computed_field,
    field_validator,
)

from browser_use_client import (
    AgentSettings,
    BrowserSettings,
    CreateTaskRequest,
    InvalidRequestError,
    OutputSchemaError,
    Task,
    TaskFailedError,
    TaskStoppedError,
)

A_TASK = "3c90c3cc-0d44-4b50-8888-8dd25736052a"
A_SESSION = "11111111-0d44-4b50-8888-8dd25736052a"


class Order(BaseModel):
    number: int
    total: float


def ended(status: str = "finished", **fields: Any) -> Task:
    return Task(id=A_TASK, session_id=A_SESSION, status=status, finished_at=datetime.now(timezone.utc), **fields)


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"task": ""}, "task"),
        ({"task": "x" * 100_001}, "task"),
        ({}, "task"),
        ({"task": "x", "tsak": "y"}, "tsak"),
        ({"task": "x", "agent_settings": {"max_steps": 0}}, "max_steps"),
        ({"task": "x", "agent_settings": {"vision": "always"}}, "vision"),
        ({"task": "x", "browser_settings": {"session_id": "abc"}}, "session_id"),
        ({"task": "x", "metadata": {"a": 1}}, "metadata.a"),
        ({"task": "x", "output_schema": "{"}, "output_schema"),
        ({"task": "x", "output_schema": {"type": "objekt"}}, "objekt"),
        ({"task": "x", "output_schema": object()}, "pydantic"),
        ({"task": "x", "output_schema": Callable}, "pydantic"),
    ],
)
def test_a_request_that_cannot_be_right_names_the_field_in_one_line(fields: dict[str, Any], named: str) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        CreateTaskRequest(**fields)

    assert named in str(caught.value)
    assert "\n" not in str(caught.value)
    assert ".." not in str(caught.value)


@pytest.mark.parametrize(
    "fields",
    [
        {"task": "", "secrets": {"password": "geheim"}},
        {"task": "x", "secrets": {"password": ["geheim"]}},
        {"task": "x", "secrets": "geheim"},
        {"task": "x", "geheim_field": "geheim"},
    ],
)
def test_what_is_wrong_is_never_told_by_its_value(fields: dict[str, Any]) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        CreateTaskRequest(**fields)

    assert "geheim" not in str(caught.value).replace("geheim_field", "")
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def test_secrets_are_masked_wherever_a_request_is_printed_but_sent_and_pickled_whole() -> None:
    request = CreateTaskRequest(task="x", secrets={"password": "geheim"})

    for shown in (repr(request), str(request), f"{request.model_dump()}", request.model_dump_json()):
        assert "geheim" not in shown
    assert pickle.loads(pickle.dumps(request)).secrets["password"].get_secret_value() == "geheim"


def test_requests_and_views_cannot_be_changed() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        CreateTaskRequest(task="x").task = "y"  # type: ignore[misc] # it must not work
    with pytest.raises(ValidationError, match="frozen"):
        ended().status = "started"  # type: ignore[misc] # it must not work


def test_settings_may_be_given_as_plain_mappings() -> None:
    request = CreateTaskRequest.model_validate(
        {"task": "x", "agent_settings": {"llm": "o3"}, "browser_settings": {"session_id": A_SESSION}}
    )

    assert request.agent_settings == AgentSettings(llm="o3")
    assert request.browser_settings == BrowserSettings(session_id=A_SESSION)


def test_a_task_survives_a_pickle() -> None:
    task = ended(output="x", metadata={"a": "b"})

    assert pickle.loads(pickle.dumps(task)) == task


AN_ITEM = {"type": "object", "properties": {"b": {"type": "number"}}, "required": ["b"]}


def test_output_is_parsed_as_the_type_that_was_asked_for() -> None:
    assert ended(output='{"number": 1, "total": 2}').parse(Order) == Order(number=1, total=2)
    assert ended(output="[1, 2]").parse(list[int]) == [1, 2]
    assert ended(output='{"a": 1}').parse({"type": "object"}) == {"a": 1}
    assert ended(output='{"a": 1}').parse('{"type": "object"}') == {"a": 1}


@pytest.mark.parametrize(
    ("output", "schema", "where"),
    [
        (None, Order, "no output"),
        ("done", Order, "JSON"),
        ('{"number": "x"}', Order, "number: .*; total: Field required"),
        ("done", {"type": "object"}, "not valid JSON"),
        ('{"a": [{"b": "x"}]}', {"properties": {"a": {"items": AN_ITEM}}}, r'a\.0\.b: has to fit {"type": "number"}'),
        ('[{"b": 1}, {}]', json.dumps({"items": AN_ITEM}), r'1: has to fit {"required": \["b"\]}'),
        ("{}", {"$ref": "http://elsewhere.test/schema"}, "'http://elsewhere.test/schema', which is not in it"),
    ],
)
def test_output_that_does_not_fit_says_where_and_carries_the_raw_text(
    output: str | None, schema: Any, where: str
) -> None:
    with pytest.raises(OutputSchemaError, match=where) as caught:
        ended(output=output).parse(schema)

    assert caught.value.raw == output
    assert (caught.value.task_id, caught.value.session_id) == (A_TASK, A_SESSION)
    assert not caught.value.retryable


def test_a_good_task_passes_and_a_bad_one_raises_what_became_of_it() -> None:
    good = ended(is_success=True)
    assert good.raise_for_status() is good
    assert ended(is_success=None).raise_for_status().status == "finished"
    unsuccessful = ended(is_success=False, output="No such shop")
    assert unsuccessful.raise_for_status(fail_on_unsuccessful=False) is unsuccessful

    for task, kind, said in (
        (unsuccessful, TaskFailedError, "reports no success. It said: No such shop"),
        (ended("failed"), TaskFailedError, "ended as `failed`; it no longer runs"),
        (ended("stopped"), TaskStoppedError, "was stopped before it was done; it no longer runs"),
    ):
        with pytest.raises(kind, match=said) as caught:
            task.raise_for_status()
        assert A_TASK in str(caught.value)
        assert A_SESSION in str(caught.value)
        assert (caught.value.task_id, caught.value.session_id) == (A_TASK, A_SESSION)


class Invoice(BaseModel):
    model_config = ConfigDict(extra="ignore")

    number: Annotated[str, Field(alias="invoice_number", exclude=True)]
    total: Annotated[Decimal, PlainSerializer(float)]
    code: SecretStr

    @computed_field  # type: ignore[prop-decorator] # pydantic documents it so
    @property
    def label(self) -> str:
        return "derived"


def test_output_can_be_validated_and_kept_as_the_json_that_came() -> None:
    came = {"invoice_number": "A-1", "total": "310.250", "code": "4711", "more": {"kept": [1, None]}}
    task = ended(output=json.dumps(came))

    assert task.parse_json(Invoice) == came
    assert task.parse_json({"required": ["code"]}) == came
    assert task.parse(Invoice).code.get_secret_value() == "4711"
    assert ended(output=json.dumps(task.parse_json(Invoice))).parse(Invoice) == task.parse(Invoice)
    with pytest.raises(OutputSchemaError, match="invoice_number: Field required"):
        ended(output="{}").parse_json(Invoice)


class Picky(BaseModel):
    number: int

    @field_validator("number")
    @classmethod
    def check(cls, number: int) -> int:
        raise KeyError(f"{number} is secret")


@pytest.mark.parametrize("parse", [Task.parse, Task.parse_json])
def test_a_validator_that_fails_in_its_own_way_does_not_lose_the_output(parse: Any) -> None:
    task = ended(output='{"number": 4711}')

    with pytest.raises(OutputSchemaError, match="validation raised KeyError") as caught:
        parse(task, Picky)

    assert caught.value.raw == task.output
    assert "4711" not in str(caught.value)


@pytest.mark.parametrize(
    ("schema", "named"),
    [
        ("{", "not valid JSON"),
        ({"type": "objekt"}, "objekt"),
        ({"pattern": "("}, "pattern"),
        ({"minimum": "many"}, "minimum"),
        ({"properties": {"a": {"required": 3}}}, r"properties\.a\.required"),
        ({"enum": {1}}, "it holds a set"),
        ({"const": float("nan")}, "not valid JSON"),
        (MappingProxyType({"type": 3}), "3 is not a valid type"),
        (object(), "not a type that pydantic understands"),
    ],
)
def test_a_schema_that_is_none_is_refused_before_a_task_is_paid_for_and_after(schema: Any, named: str) -> None:
    with pytest.raises(InvalidRequestError, match=named):
        CreateTaskRequest(task="x", output_schema=schema)
    with pytest.raises(InvalidRequestError, match=named) as caught:
        ended(output='{"a": "b"}').parse(schema)
    assert "output are kept" in str(caught.value)


def test_a_schema_may_be_any_mapping() -> None:
    schema = UserDict(type="object", properties=MappingProxyType({"a": MappingProxyType({"type": "number"})}))

    assert json.loads(CreateTaskRequest(task="x", output_schema=schema).output_schema or "") == {
        "type": "object",
        "properties": {"a": {"type": "number"}},
    }
    assert ended(output='{"a": 1}').parse(schema) == {"a": 1}
    with pytest.raises(OutputSchemaError, match="a: has to fit"):
        ended(output='{"a": "x"}').parse(schema)


def test_a_schema_that_refers_to_itself_without_end_is_an_error_like_any_other() -> None:
    with pytest.raises(OutputSchemaError, match="RecursionError"):
        ended(output="{}").parse({"$ref": "#"})
