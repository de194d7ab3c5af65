"""Input that would keep a careless server busy for minutes."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator

import psutil
import pytest

from browser_use_local.script.coerce import number
from browser_use_local.script.parse import NotUnderstoodError, parse

from .running_server import Json, LocalServer
from .watchdog import at_most

# Many times what a request may have: work that grows with the square of it would take minutes.
MUCH = 100_000


@pytest.mark.parametrize(
    "task",
    [
        "click" + " " * MUCH,
        "click" + " " * MUCH + "x y z w v u t",
        "type a" + "\t" * MUCH + "in",
        "a" * MUCH,
        "a:" * MUCH,
        "a." * MUCH,
        "no a.b-" * MUCH,
        "“" * MUCH,
        "'a" * MUCH,
        "{{" + " " * MUCH,
        "please " * MUCH,
        " then" * MUCH,
        "click a" + " and b" * 600,
        " and ".join(["click a"] * 600),
        "report a" + ", b" * MUCH,
    ],
    ids=lambda task: task[:12],
)
def test_a_task_that_is_not_understood_is_refused_at_once_however_long_it_is(task: str) -> None:
    with at_most(20), pytest.raises(NotUnderstoodError):
        parse(task, ["user"])


def test_a_sentence_may_join_many_steps_and_names() -> None:
    assert len(parse(" and ".join(["click a"] * 50), [])) == 50
    assert len(parse("report a" + ", b" * 50, [])) == 1


QUERIES = [
    "pageNumber=" + "9" * 30,
    "pageNumber=9223372036854775807",
    "pageSize=1e400",
    "after=" + "9" * 30,
    "filterBy=" + "x" * 5000,
]


@pytest.mark.parametrize("query", QUERIES, ids=lambda query: query[:25])
@pytest.mark.parametrize("path", ["tasks", "sessions", "profiles"])
def test_a_number_that_is_out_of_range_is_422(server: LocalServer, path: str, query: str) -> None:
    answer = server.http.get(f"/{path}?{query}")
    known = path == "tasks" or query.startswith("page") or (path == "sessions" and query.startswith("filter"))
    assert answer.status_code == (422 if known else 200)


def test_dates_at_the_ends_of_time_are_dates(server: LocalServer) -> None:
    task = server.run("no step at all")["id"]
    first, last = "0001-01-01T00:00:00%2B14:00", "9999-12-31T23:59:59-14:00"
    assert task in [item["id"] for item in server.http.get(f"/tasks?after={first}&before={last}").json()["items"]]
    assert server.http.get(f"/tasks?before={first}").json()["totalItems"] == 0


def nested(depth: int) -> Json:
    schema: Json = {"type": "string"}
    for _ in range(depth):
        schema = {"type": "array", "items": schema}
    return schema


@pytest.mark.parametrize(
    "schema",
    [
        '{"a":' * 5000 + "1" + "}" * 5000,
        json.dumps(nested(300)),
        '{"type": "number", "minimum": 1e400}',
        '{"type": "number", "minimum": Infinity}',
        '{"pattern": "a{99999999999999999999}"}',
        '{"pattern": "("}',
        json.dumps({"title": "x" * 64_000}),
    ],
    ids=lambda schema: schema[:20],
)
def test_a_schema_out_of_bounds_is_422(server: LocalServer, schema: str) -> None:
    answer = server.http.post("/tasks", json={"task": "Report the heading.", "structuredOutput": schema})
    assert (answer.status_code, answer.json()["loc"]) == (422, ["body", "structuredOutput"])


HEADING: Json = {"heading": {"type": "string"}}
NEVER_MATCHES = "a" * 40 + "!"
DOUBLING = {f"a{number}": {"allOf": [{"$ref": f"#/$defs/a{number + 1}"}] * 2} for number in range(30)}
BOMB: Json = {"properties": HEADING, "$ref": "#/$defs/a0", "$defs": {**DOUBLING, "a30": {"type": "object"}}}


@pytest.mark.parametrize(
    "schema",
    [
        {"properties": {**HEADING, "n": {"pattern": "^(a+)+$", "default": NEVER_MATCHES}}},
        {"properties": HEADING, "patternProperties": {"^([a-z ]+)+$": {}}, "default": {NEVER_MATCHES: 1}},
        {"properties": {**HEADING, "n": {"default": "x" * 30, "pattern": "^(x|x|x)*y$"}}},
        BOMB,
        {"properties": HEADING, "$id": "http://[", "$ref": "nothing"},
    ],
    ids=["pattern", "pattern of names", "alternatives", "references", "URL"],
)
def test_a_schema_that_asks_for_years_of_work_ends_its_task(server: LocalServer, schema: Json) -> None:
    with at_most(20):
        task = server.run(
            "Report the heading.",
            startUrl=f"{server.site}/shop/",
            structuredOutput=json.dumps({"type": "object", **schema}),
        )
    assert task["status"] == "finished"


def checkers(server: LocalServer) -> list[psutil.Process]:
    """The processes in which the server does what takes long."""
    children = psutil.Process(server.process.pid).children()
    return [child for child in children if "browser_use_local.work" in " ".join(child.cmdline())]


@pytest.fixture
def at_work(server: LocalServer) -> Iterator[tuple[str, psutil.Process]]:
    """A task whose output is held against a schema that asks for years of work, and what does that: it stands still."""
    schema = json.dumps({"type": "object", **BOMB})
    task = server.create("Report the heading.", startUrl=f"{server.site}/shop/", structuredOutput=schema)["id"]
    while not (found := checkers(server)):
        assert server.task(task)["status"] in {"created", "started"}
    found[0].suspend()
    yield task, found[0]
    with contextlib.suppress(psutil.NoSuchProcess):
        found[0].resume()


def test_nobody_waits_for_a_schema_that_asks_for_years_of_work(
    server: LocalServer, session: str, at_work: tuple[str, psutil.Process]
) -> None:
    task, checker = at_work
    schema = {"type": "object", "properties": {"heading": {"type": "string"}}}
    read = server.read("Report the heading.", schema, sessionId=session, startUrl=f"{server.site}/shop/")
    assert read == {"heading": "Sign in"}
    assert server.task(task)["status"] == "started"
    checker.resume()
    assert "it takes too long to try the patterns, alternatives and references" in server.wait(task)["output"]


def test_a_stop_ends_the_work_that_a_schema_asks_for(server: LocalServer, at_work: tuple[str, psutil.Process]) -> None:
    task, checker = at_work
    server.http.patch(f"/tasks/{task}", json={"action": "stop"})
    assert server.task(task)["status"] == "stopped"
    checker.wait(60)


def test_a_number_on_a_page_is_one_that_json_has() -> None:
    with at_most(20):
        for text in ("9" * 400, "1" + "." * 1_000_000 + "x1", "9" * 190 + "e999"):
            assert json.loads(json.dumps(number(text), allow_nan=False)) in {None, number(text)}
