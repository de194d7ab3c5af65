from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from browser_use_client.schema import parse_output, schema_text


class Item(BaseModel):
    name: str


class Basket(BaseModel):
    items: list[Item]
    note: str | None = None


def test_a_model_a_type_a_mapping_and_text_all_become_the_text_of_a_json_schema() -> None:
    for schema in (Basket, list[Item], dict[str, int], {"type": "object"}, '{"type": "object"}'):
        text = schema_text(schema)
        jsonschema.Draft202012Validator.check_schema(json.loads(text))
    assert json.loads(schema_text(Basket))["properties"].keys() == {"items", "note"}


@pytest.mark.parametrize(
    ("schema", "named"),
    [
        ("{", "not valid JSON"),
        ("not json", "not valid JSON"),
        ('"object"', "an object is expected, not str"),
        ("[1]", "an object is expected, not list"),
        ({"type": "objekt"}, "'objekt' is not a valid type; there are array"),
        ({"type": ["string", "nil"]}, "'nil'"),
        ({"properties": []}, "`properties` must be an object"),
        ({"properties": {"a": {"type": "text"}}}, r"the output schema\.properties\.a"),
        ({"properties": {"a": "string"}}, "an object is expected, not str"),
        ({"items": {"anyOf": {}}}, r"the output schema\.items is not a valid JSON schema: `anyOf` must be a list"),
        ({"anyOf": [{}, {"type": 3}]}, r"anyOf\[1\]"),
        (object(), "not a type that pydantic understands"),
    ],
)
def test_what_is_no_json_schema_is_refused_with_the_place_and_the_reason(schema: Any, named: str) -> None:
    with pytest.raises(ValueError, match=named):
        schema_text(schema)


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists))
def test_nothing_that_comes_as_a_schema_breaks_anything_but_is_one_or_is_refused(schema: Any) -> None:
    try:
        text = schema_text(json.dumps(schema))
    except ValueError:
        return
    assert json.loads(text) == schema


TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))


@given(st.builds(Basket, items=st.lists(st.builds(Item, name=TEXT)), note=st.none() | TEXT))
def test_what_a_model_writes_it_reads_back(basket: Basket) -> None:
    value, parsed = parse_output(basket.model_dump_json(), Basket, task_id="t", session_id="s")

    assert parsed == basket
    assert value == basket.model_dump()
