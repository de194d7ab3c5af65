from __future__ import annotations

import asyncio
import re
from datetime import date
from typing import Literal, Optional

import pytest
from pydantic import BaseModel, Field

from browser_use_local.script.coerce import number, same_name
from browser_use_local.script.context import ExtractedValues, PageContent, Table
from browser_use_local.script.fill import DoesNotFitError, fill

ORDERS = Table(
    name="Orders",
    index=0,
    headings=["Order number", "Status", "Amount", "Paid"],
    rows=[["A-1", "Open", "310.25 EUR", "yes"], ["A-2", "Closed", "9 EUR", "no"]],
    positions=[1, 2],
)
FACTS = PageContent(
    "Shop",
    "http://shop.test/",
    [ORDERS],
    [("Carrier", "UPS"), ("Expected date", "28 Nov 2026"), ("Total", "€ 1.310,25")],
)


class Order(BaseModel):
    order_number: str
    status: Literal["open", "closed"]
    amount: float
    paid: bool


class Page(BaseModel):
    orders: list[Order]
    carrier: str
    expected: date = Field(title="Expected date")
    total: float
    weight: Optional[float] = None  # noqa: UP045 - as users on Python 3.10 write it


def filled(schema: dict[str, object], extracted: ExtractedValues | None = None) -> object:
    return asyncio.run(fill(schema, extracted or ExtractedValues(), FACTS))


def test_a_model_is_filled_from_tables_and_names() -> None:
    page = Page.model_validate(filled(Page.model_json_schema()))
    assert page.orders[0] == Order(order_number="A-1", status="open", amount=310.25, paid=True)
    assert (page.carrier, page.expected, page.total, page.weight) == ("UPS", date(2026, 11, 28), 1310.25, None)


def test_what_was_read_comes_before_what_is_on_the_page() -> None:
    extracted = ExtractedValues(pairs=[("Carrier", "DHL")])
    assert filled({"type": "object", "properties": {"carrier": {"type": "string"}}}, extracted) == {"carrier": "DHL"}


def test_a_list_of_plain_values_is_a_column() -> None:
    schema = {"type": "object", "properties": {"amounts": {"type": "array", "items": {"type": "number"}}}}
    assert filled(schema) == {"amounts": [310.25, 9]}


def test_a_list_may_be_the_whole_output() -> None:
    schema = {"type": "array", "items": {"type": "object", "properties": {"paid": {"type": "boolean"}}}}
    assert filled(schema) == [{"paid": True}, {"paid": False}]


@pytest.mark.parametrize(
    ("properties", "said"),
    [
        ({"weight": {"type": "number"}}, "'weight' is a required property"),
        ({"carrier": {"type": "number"}}, "carrier: 'UPS' is not of type 'number'"),
        ({"carrier": {"enum": ["DHL", "DPD"]}}, "carrier: 'UPS' is not one of ['DHL', 'DPD']"),
    ],
)
def test_what_does_not_fit_is_named_and_nothing_is_made_up(properties: dict[str, object], said: str) -> None:
    with pytest.raises(DoesNotFitError, match=f"^{re.escape(said)}"):
        filled({"type": "object", "properties": properties, "required": list(properties)})


def test_a_schema_that_refers_to_itself_or_to_elsewhere_ends() -> None:
    node = {"type": "object", "properties": {"carrier": {"type": "string"}, "next": {"$ref": "#"}}}
    assert filled(node)["carrier"] == "UPS"
    for schema in ({"properties": {"carrier": {"$ref": "http://127.0.0.1:9/schema"}}}, {"$ref": "#"}):
        with pytest.raises(DoesNotFitError, match="the schema refers to what is not in it, or only to itself"):
            filled(schema)


@pytest.mark.parametrize("reference", ["#/version/x", "#/list/x"])
def test_a_reference_into_what_holds_no_schemas_is_named(reference: str) -> None:
    schema = {"version": 3, "list": [1], "properties": {"carrier": {"$ref": reference}}}
    with pytest.raises(DoesNotFitError, match="the schema has a reference or a URL that is not valid"):
        filled(schema)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("310.25 EUR", 310.25),
        ("€ 1.310,25", 1310.25),
        ("1,310", 1310),
        ("1,310.5", 1310.5),
        ("-4", -4),
        ("12,5 kg", 12.5),
        ("1 234", 1234),
        ("3 of 4", None),
        ("none", None),
    ],
)
def test_numbers_are_read_as_people_write_them(text: str, value: float | None) -> None:
    assert number(text) == value


def test_names_are_the_same_however_they_are_spelled() -> None:
    assert same_name("Order numbers:", "orderNumber")
    assert same_name("Tracking number of the parcel", "tracking_number", part=True)
    assert not same_name("Number", "order_number")
