"""Odd tables and names that are there twice: read right, or refused with the reason; never a part with success."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from .pages import Site
from .running_server import Json, LocalServer


@pytest.fixture(scope="module")
def browser(server: LocalServer) -> Iterator[str]:
    """A session for all tests of the module: each opens a page of its own."""
    session_id = server.session()
    yield session_id
    server.http.delete(f"/sessions/{session_id}")


def run(server: LocalServer, session: str, site: Site, page: str, steps: str, schema: Json | None = None) -> Json:
    body = {"structuredOutput": json.dumps(schema)} if schema else {}
    return server.run(f"Open {site.page(page)}. {steps}", sessionId=session, **body)


def rows(*properties: str) -> Json:
    items = {"type": "object", "properties": {name: {"type": "string"} for name in properties}}
    return {"type": "object", "properties": {"rows": {"type": "array", "items": items}}, "required": ["rows"]}


HEAD = "<tr><th>Name<th>Price</tr>"


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        (
            f"{HEAD}<tr><td rowspan=2>Ann<td>1<tr><td>2<tr><td rowspan=0>Bob<td>3<tr><td>4",
            [["Ann", "1"], ["Ann", "2"], ["Bob", "3"], ["Bob", "4"]],
        ),
        (
            "<thead><tr><th rowspan=2>Name<th colspan=2>Price<tr><th>Net<th>Gross</thead><tr><td>Ann<td>1<td>2",
            [{"Name": "Ann", "Price Net": "1", "Price Gross": "2"}],
        ),
        ("<thead><tr><th colspan=2>All of 2026<tr><td>Name<td>Price</thead><tr><td>Ann<td>1", [["Ann", "1"]]),
        ("<thead><tr><td>Name<td>Price</thead><tr><td>Ann<td>1", [["Ann", "1"]]),
        (f"{HEAD}<tr><td>Ann<td>1{HEAD}<tr><td>Bob<td>2", [["Ann", "1"], ["Bob", "2"]]),
        (f"{HEAD}<tr><td>Ann<td>1<tr hidden><td>Eve<td>9<tfoot><tr><td>Total<td>1</tfoot>", [["Ann", "1"]]),
        (f"{HEAD}<tr><td colspan=2>There are none", []),
        (f"<thead>{HEAD}</thead><tbody></tbody>", []),
        ("<tr><td><th>Price<th>Name<tr><td>1<td>2<td>3", [{"column 1": "1", "Price": "2", "Name": "3"}]),
        ("<tr><th>Name<th>Price<th hidden>Id<tr><td>Ann<td>1<td hidden>77", [["Ann", "1"]]),
    ],
)
def test_a_table_is_read_as_it_is_seen(
    server: LocalServer, site: Site, browser: str, table: str, expected: list[Any]
) -> None:
    records = [row if isinstance(row, dict) else dict(zip(("Name", "Price"), row, strict=True)) for row in expected]
    ended = run(server, browser, site, f"<table>{table}</table>", "Read the table.")
    assert ended["isSuccess"], ended["output"]
    assert json.loads(ended["output"]) == records


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ("<tr><th>Name<th>Price<th>Price<tr><td>Ann<td>1<td>2", 'two of its columns are named "Price"'),
        ("<tr><td>Ann<td>1<td>x<tr><td>Bob<td>2<td>y", "it has no headings"),
        ("<tr><td>Name<td>Ann<tr><td>Price<td>1", "it has no headings"),
        (f"{HEAD}<tr><td>Ann<td>1<tr><td>Bob", "row 2 has 1 cells, and there are 2 headings"),
        (f"{HEAD}<tr><td>Ann<td>1<td>x", "row 1 has 3 cells, and there are 2 headings"),
        (f"{HEAD}<tr><td colspan=2>October<tr><td>Ann<td>1", 'a row goes across all columns ("October")'),
        ("<tr><th>A<th>B<th>C<tr><td colspan=2>Total<td>3", "a cell of row 1 spans several columns"),
        (f"{HEAD}<tr><td>Ann<td><table><tr><td>1</table>", "another table stands in its row 1"),
        (f"{HEAD}<tr><td>Ann<td>1<tr><th>City<th>Street<tr><td>x<td>y", "row 2 has headings again, and other ones"),
    ],
)
def test_a_table_that_cannot_be_read_right_is_refused_with_the_reason(
    server: LocalServer, site: Site, browser: str, table: str, said: str
) -> None:
    page = f"<h2>People</h2><table>{table}</table>"
    ended = run(server, browser, site, page, "Read the people table.")
    assert not ended["isSuccess"]
    assert f'The table "People" cannot be read: {said}.' in ended["output"]
    if "<th>" in table:
        filled = run(server, browser, site, page, "Report the page title.", rows("name", "price", "a", "b", "c"))
        assert not filled["isSuccess"]
        assert f"cannot be read: {said}" in filled["output"]


def test_a_total_in_the_foot_is_a_name_with_a_value(server: LocalServer, site: Site, browser: str) -> None:
    page = "<table><tr><th>Name<th>Net<th>Gross<tr><td>Ann<td>1<td>2<tfoot><tr><td>Total<td>10<td>20</table>"
    ended = run(server, browser, site, page, "Read the table and report total net and total gross.")
    assert ended["output"].endswith("Total Net: 10\nTotal Gross: 20")


def test_a_table_inside_a_table_that_lays_out_the_page_is_read_by_itself(
    server: LocalServer, site: Site, browser: str
) -> None:
    inner = f"<table>{HEAD}<tr><td>Ann<td>1</table>"
    ended = run(server, browser, site, f"<table><tr><td>Menu<td>{inner}</table>", "Read the table.")
    assert json.loads(ended["output"]) == [{"Name": "Ann", "Price": "1"}]


def test_a_table_of_a_frame_or_a_shadow_tree_is_read_and_its_rows_are_opened(
    server: LocalServer, site: Site, browser: str
) -> None:
    row = "<tr><td><a href=#{0} onclick=\"top.document.title = '{0}'\">{0}</a><td>{1}"
    site.page(f"<table>{HEAD}{row.format('Ann', 1)}{row.format('Bob', 2)}</table>", "/frame")
    framed = run(
        server, browser, site, "<iframe src=/frame></iframe>", "Read the table, open the row with the highest price."
    )
    assert '"Name": "Bob"' in framed["output"]
    assert framed["steps"][2]["memory"] == 'Opened the row with Price 2: "Bob".'
    shadow = site.pages["/frame"]
    page = f"<div id=host></div><script>host.attachShadow({{mode: 'open'}}).innerHTML = {json.dumps(shadow)}</script>"
    ended = run(server, browser, site, page.replace("</table>", "<\\/table>"), "Read the table.")
    assert json.loads(ended["output"]) == [{"Name": "Ann", "Price": "1"}, {"Name": "Bob", "Price": "2"}]


def test_a_name_with_two_values_is_ambiguous(server: LocalServer, site: Site, browser: str) -> None:
    twice = "<dl><dt>Price<dd>5 EUR<dt>Price<dd>7 EUR<dt>Weight<dd>1 kg</dl><p>Weight: 1 kg</p>"
    ended = run(server, browser, site, twice, "Report the price.")
    assert not ended["isSuccess"]
    assert f'"price" has several values on {site.url}/: "Price: 5 EUR", "Price: 7 EUR".' in ended["output"]
    parts = run(server, browser, site, "<dl><dt>Placed date<dd>1<dt>Due date<dd>2</dl>", "Report the date.")
    assert '"date" has several values' in parts["output"]
    schema = {"type": "object", "properties": {"price": {"type": "number"}}}
    filled = run(server, browser, site, twice, "Report the weight.", schema)
    assert not filled["isSuccess"]
    assert 'price has several values: "5 EUR", "7 EUR"' in filled["output"]
    assert run(server, browser, site, twice, "Report the weight.")["output"] == "Weight: 1 kg"


def test_two_tables_that_fit_a_schema_alike_are_ambiguous_until_one_is_read(
    server: LocalServer, site: Site, browser: str
) -> None:
    table = "<table><caption>{}</caption><tr><th>Name<tr><td>{}</table>"
    page = table.format("Old", "Ann") + table.format("New", "Bob")
    ended = run(server, browser, site, page, "Report the page title.", rows("name"))
    assert not ended["isSuccess"]
    assert 'rows: several tables have these columns: "Old", "New". Read the one that is meant.' in ended["output"]
    read = run(server, browser, site, page, "Read the New table.", rows("name"))
    assert json.loads(read["output"]) == {"rows": [{"name": "Bob"}]}
    both = run(server, browser, site, page, "Read the New table and read the Old table.", rows("name"))
    assert not both["isSuccess"]
