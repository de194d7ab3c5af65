"""What JSON of others may hold and ours may not: lone surrogates, NUL, and numbers that JSON does not know."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from browser_use_client import OutputSchemaError
from browser_use_client.json_text import mended, read_answer, read_output
from tests.client.conftest import Client
from tests.fake_api import FakeApi

ODD_TEXT = st.text(st.sampled_from('\0\ud83d\ude00\ud800\\u"0aä😀\n'))
ODD = st.recursive(ODD_TEXT | st.integers(), lambda inner: st.lists(inner) | st.dictionaries(ODD_TEXT, inner))


class Note(BaseModel):
    text: str
    amount: float = 0.0


def with_no_odd_text(value: Any) -> Any:
    """The same, with U+FFFD for what is no text; worked out on the decoded value, not on the JSON."""
    if isinstance(value, str):
        whole = value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        return whole.replace("\0", "\ufffd")
    if isinstance(value, list):
        return [with_no_odd_text(item) for item in value]
    if isinstance(value, dict):
        return {with_no_odd_text(name): with_no_odd_text(item) for name, item in value.items()}
    return value


@given(ODD)
def test_only_what_is_no_text_is_replaced_wherever_it_stands(value: Any) -> None:
    text = json.dumps(value)

    assert read_output(mended(text)) == with_no_odd_text(value)
    assert read_answer(text.encode()) == with_no_odd_text(value)


def test_an_answer_that_is_not_utf_8_or_has_numbers_that_are_none_can_be_read() -> None:
    assert read_answer(b'{"a": "\xff", "b": [NaN, -Infinity, 1]}') == {"a": "\ufffd", "b": [None, None, 1]}


@pytest.mark.parametrize("content", [b"<html>NaN</html>", b"[" * 100_000, b"[" * 100_000 + b"NaN", b"{", b"NaN,"])
def test_what_is_no_json_stays_no_json(content: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        read_answer(content)


def test_text_that_nothing_could_store_is_replaced_in_all_that_a_task_says(client: Client, fake: FakeApi) -> None:
    fake.script(output="one \ud800 two \0", goal="Find \0 and \udfff", output_files={"a\0\ud800.csv": "1"})

    task = client.run_task("x", key="orders")

    assert task.output == "one \ufffd two \ufffd"
    assert [step.goal for step in task.steps] == ["Find \ufffd and \ufffd 1", "Find \ufffd and \ufffd 2"]
    assert [file.name for file in task.output_files] == ["a\ufffd\ufffd.csv"]
    assert "\\u0000" not in task.model_dump_json()


def test_what_the_server_says_of_an_error_is_text_too(client: Client, fake: FakeApi) -> None:
    fake.fault(at="create", status=422, detail="No \0 and no \ud800")

    with pytest.raises(Exception, match="No \ufffd and no \ufffd"):
        client.create_task("x")


@pytest.mark.parametrize("schema", [Note, dict[str, Any], {"type": "object"}, '{"type": "object"}'])
def test_text_inside_of_structured_output_is_replaced_too(client: Client, fake: FakeApi, schema: Any) -> None:
    fake.script(output='{"text": "a \\ud800 b \\u0000 c \\ud83d\\ude00 \\\\u0000", "amount": 1.5, "more": [null]}')
    task = client.run_task("x")

    value = task.parse_json(schema)

    assert value == {"text": "a \ufffd b \ufffd c 😀 \\u0000", "amount": 1.5, "more": [None]}
    parsed = task.parse(schema)
    assert (parsed.text if isinstance(parsed, Note) else parsed["text"]) == value["text"]


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999", "-1e999"])
@pytest.mark.parametrize("schema", [Note, dict[str, Any], Any, {"type": "object"}])
def test_a_number_that_json_does_not_know_is_named(client: Client, fake: FakeApi, schema: Any, number: str) -> None:
    fake.script(output=f'{{"text": "x", "amount": {number}}}')
    task = client.run_task("x")

    for parse in (task.parse, task.parse_json):
        with pytest.raises(OutputSchemaError, match=f"the number {number}, which JSON does not know") as caught:
            parse(schema)
        assert caught.value.raw == task.output
        assert caught.value.task_id == task.id
