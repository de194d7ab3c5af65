"""The fake of v4 is judged by the published contract: what it answers, what it takes, and what it refuses."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from tests.client.contracts.published import check_exchange, check_request, forbidding, needs_published
from tests.client.in_memory import ORIGIN
from tests.fake_api import schemas_v4
from tests.fake_api.exchange import Request
from tests.fake_api.routes import answer
from tests.fake_api.scripts import Script
from tests.fake_api.world import World

NOWHERE = "3c90c3cc-0d44-4b50-8888-8dd25736052a"
PREFIX = "/api/v4"


class Judged:
    """A fake of v4 whose every answer is held against the published contract.

    Attributes:
        endpoints: What was asked so far.
    """

    def __init__(self) -> None:
        self.world = World("v4", "bu_key", real_time=False)
        self.endpoints: set[str] = set()

    def ask(self, method: str, target: str, body: Any = None, *, expect: int = 200) -> Any:
        status, answered = self.send(method, PREFIX + target, b"" if body is None else json.dumps(body).encode())
        assert status == expect, answered
        self.endpoints.add(check_exchange(method, urlsplit(target).path, status, answered))
        return answered

    def send(self, method: str, target: str, body: bytes, **headers: str) -> tuple[int, Any]:
        url = urlsplit(target)
        query = dict(parse_qsl(url.query, keep_blank_values=True))
        head = headers if url.path.startswith("/_files/") else {"x-browser-use-api-key": "bu_key"}
        sent = answer(self.world, Request(method, url.path, query, head, body), ORIGIN)
        content = sent.encoded()
        return sent.status, json.loads(content) if content and not url.path.startswith("/_files/") else content


@pytest.fixture
def fake() -> Judged:
    return Judged()


@needs_published
def test_every_endpoint_answers_as_it_is_published(fake: Judged) -> None:
    fake.world.scripts.add(Script(output='{"orders": []}', output_files={"orders.csv": "1"}, status=None, polls=2))
    profile = fake.ask("POST", "/profiles", {"name": "shop"}, expect=201)
    fake.ask("GET", "/profiles?pageSize=10")
    fake.ask("GET", f"/profiles/{profile['id']}")
    fake.ask("DELETE", f"/profiles/{profile['id']}", expect=204)
    workspace = fake.ask("POST", "/workspaces", {"name": "orders"})["id"]
    fake.ask("GET", f"/workspaces/{workspace}")
    [slot] = fake.ask("POST", f"/workspaces/{workspace}/files/upload", {"files": [{"name": "a b.csv", "size": 3}]})[
        "files"
    ]
    body = {"task": "x", "workspaceId": workspace, "attachedFileIds": [slot["id"], NOWHERE], "outputSchema": {}}
    run = fake.ask("POST", "/runs", body)
    assert run["missingFileIds"] == [NOWHERE]
    session = run["sessionId"]
    for path in ("/runs", f"/runs?sessionId={session}&limit=1", f"/runs/{run['id']}", f"/runs/{run['id']}/status"):
        fake.ask("GET", path)
    fake.ask("GET", f"/runs/{run['id']}/attachments")
    fake.ask("GET", f"/runs/{run['id']}/events?after=0&limit=2")
    fake.ask("GET", "/sessions?limit=100")
    fake.ask("GET", f"/sessions/{session}")
    fake.ask("PATCH", f"/sessions/{session}", {"title": "Orders"})
    [browser] = fake.ask("GET", f"/browsers?agentSessionId={session}&filterBy=active")["items"]
    fake.ask("GET", f"/browsers/{browser['id']}")
    fake.ask("POST", f"/runs/{run['id']}/cancel")
    fake.ask("PATCH", f"/browsers/{browser['id']}", {"action": "stop"})
    assert fake.ask("GET", f"/sessions/{session}/share") is None
    fake.ask("POST", f"/sessions/{session}/share")
    fake.ask("GET", f"/sessions/{session}/share")
    fake.ask("PUT", f"/sessions/{session}/share", {"isActive": False})
    fake.ask("GET", f"/sessions/{session}/cost")
    fake.ask("GET", f"/workspaces/{workspace}/size")
    fake.ask("GET", f"/workspaces/{workspace}/files?includeUrls=true&prefix=orders&limit=1")
    fake.ask("DELETE", f"/workspaces/{workspace}/files?path=orders.csv", expect=204)
    fake.ask("DELETE", f"/workspaces/{workspace}", expect=204)
    fake.ask("DELETE", f"/sessions/{session}", expect=204)

    assert len(fake.endpoints) >= 25


@needs_published
def test_every_refusal_is_one_that_is_published(fake: Judged) -> None:
    fake.world.scripts.add(Script(status=None))
    run = fake.ask("POST", "/runs", {"task": "x"})

    fake.ask("POST", "/runs", {"task": "y", "sessionId": run["sessionId"]}, expect=409)
    fake.ask("POST", "/runs", {"task": ""}, expect=422)
    fake.ask("POST", "/runs", {"task": "x", "metadata": {}}, expect=422)
    fake.ask("POST", "/runs", {"task": "x", "sessionId": NOWHERE}, expect=404)
    fake.ask("POST", f"/runs/{run['id']}/cancel")
    workspace = fake.ask("POST", "/workspaces", {})["id"]
    body = {"task": "x", "sessionId": run["sessionId"], "workspaceId": workspace}
    fake.ask("POST", "/runs", body, expect=400)
    for path in (f"/runs/{NOWHERE}", f"/runs/{NOWHERE}/status", f"/runs/{NOWHERE}/events", f"/sessions/{NOWHERE}"):
        fake.ask("GET", path, expect=404)
    fake.ask("GET", "/runs?cursor=nonsense", expect=400)
    fake.ask("GET", "/sessions?limit=101", expect=422)
    fake.world.max_sessions = 0
    fake.ask("POST", "/runs", {"task": "x"}, expect=429)
    fake.world.credits = 0
    fake.ask("POST", "/runs", {"task": "x"}, expect=402)


@needs_published
@pytest.mark.parametrize(
    ("name", "published"),
    [
        ("create run", "RunCreateRequest"),
        ("workspace", "WorkspaceCreateRequest"),
        ("upload", "WorkspaceFileUploadRequest"),
        ("update browser", "UpdateBrowserSessionRequest"),
        ("update session", "SessionUpdateRequest"),
        ("share", "SessionShareUpdateRequest"),
        ("profiles", "ProfileCreateRequest"),
    ],
)
def test_the_fake_takes_the_fields_of_v4_that_are_published_and_no_others(name: str, published: str) -> None:
    schema = forbidding("v4")["components"]["schemas"][published]

    assert schemas_v4.BODIES[name]["properties"].keys() == schema["properties"].keys()
    assert set(schemas_v4.BODIES[name]["required"]) == set(schema.get("required", ()))


@needs_published
@pytest.mark.parametrize(
    ("path", "published"),
    [
        (("browserSettings",), "RunBrowserSettings"),
        (("browserSettings", "customProxy"), "CustomProxy"),
        (("judge",), "RunJudgeSettings"),
    ],
)
def test_the_fake_takes_the_settings_of_v4_that_are_published(path: tuple[str, ...], published: str) -> None:
    schema = schemas_v4.BODIES["create run"]
    for name in path:
        schema = schema["properties"][name]["anyOf"][0]

    assert schema["properties"].keys() == forbidding("v4")["components"]["schemas"][published]["properties"].keys()


SECRET = {"alias": "password", "source": {"type": "inline", "value": "s"}, "allowedDomains": ["shop.test"]}


@needs_published
@pytest.mark.parametrize(
    "more",
    [
        {"secretBindings": [SECRET]},
        {"secretBindings": [SECRET | {"allowedDomains": []}]},
        {"secretBindings": [SECRET] * 21},
        {"secretBindings": [SECRET | {"source": {"type": "inline", "value": ""}}]},
        {"keepAlive": 120},
        {"keepAlive": 119},
        {"keepAlive": 14_401},
        {"keepAlive": None},
        {"maxCostUsd": 0.5},
        {"maxCostUsd": "0.5"},
        {"maxCostUsd": 0},
        {"maxCostUsd": True},
        {"modelParams": {"effort": "high"}},
        {"outputSchema": {"type": "object"}},
        {"outputSchema": "{}"},
        {"attachedFileIds": [NOWHERE] * 20},
        {"attachedFileIds": [NOWHERE] * 21},
        {"attachedFileIds": ["a.csv"]},
        {"browserSettings": {"screenWidth": 319}},
        {"browserSettings": {"proxyCountryCode": None, "record": True}},
        {"browserSettings": {"sessionId": NOWHERE}},
        {"judge": {}},
        {"judge": True},
        {"startUrl": "https://shop.test"},
    ],
)
def test_the_fake_takes_what_the_published_schema_takes(fake: Judged, more: dict[str, Any]) -> None:
    body = {"task": "x"} | more
    try:
        check_request("v4", "RunCreateRequest", body)
    except Exception:  # noqa: BLE001 - jsonschema's own
        expected = 422
    else:
        expected = 200

    fake.ask("POST", "/runs", body, expect=expected)


def test_a_list_is_read_to_its_end_by_its_cursors_and_what_comes_meanwhile_pushes_nothing_to_a_later_page(
    fake: Judged,
) -> None:
    fake.world.add_others(230)
    body = {"limit": 50, "cursor": None}
    ids: list[str] = []
    while True:
        target = f"{PREFIX}/runs?limit={body['limit']}" + (f"&cursor={body['cursor']}" if body["cursor"] else "")
        _, page = fake.send("GET", target, b"")
        ids += [run["id"] for run in page["runs"]]
        fake.world.add_others(3)
        if not page["hasMore"]:
            break
        body["cursor"] = page["nextCursor"]

    assert len(ids) == len(set(ids)) == 230


def test_the_browser_of_a_session_lives_on_for_two_minutes_or_as_long_as_its_first_run_asked(fake: Judged) -> None:
    for keep_alive, seconds in ((None, 120), (300, 300)):
        status, run = fake.send("POST", f"{PREFIX}/runs", json.dumps({"task": "x", "keepAlive": keep_alive}).encode())
        assert status == 200
        session = fake.world.sessions[run["sessionId"]]
        fake.world.end(fake.world.tasks[run["id"]], "finished")
        fake.world.advance(seconds - 1)
        assert session.status == "active"
        fake.world.advance(1)
        assert session.status == "stopped"


def test_a_follow_up_says_whether_it_found_the_browser_of_its_session(fake: Judged) -> None:
    def follow_up(session_id: str | None) -> tuple[str, list[str]]:
        body = json.dumps({"task": "x", "sessionId": session_id}).encode()
        _, run = fake.send("POST", f"{PREFIX}/runs", body)
        fake.world.end(fake.world.tasks[run["id"]], "finished")
        _, answered = fake.send("GET", f"{PREFIX}/runs/{run['id']}/events", b"")
        return run["sessionId"], [event["type"] for event in answered["events"]]

    session_id, first = follow_up(None)
    _, second = follow_up(session_id)
    fake.world.advance(121)
    _, third = follow_up(session_id)

    assert "browser.ready" in first
    assert "browser.reattached" in second
    assert "browser.ready" in third
    assert len(fake.world.sessions[session_id].browsers) == 2


def test_the_store_takes_a_put_of_the_announced_type_and_length_within_five_minutes(fake: Judged) -> None:
    workspace = fake.world.create_workspace(None)
    wanted = {"files": [{"name": "a.csv", "size": 3, "contentType": "text/csv"}]}

    def put(content: bytes, content_type: str, *, after: float = 0) -> int:
        target = f"{PREFIX}/workspaces/{workspace.id}/files/upload"
        _, answered = fake.send("POST", target, json.dumps(wanted).encode())
        fake.world.advance(after)
        url = answered["files"][0]["uploadUrl"].removeprefix(ORIGIN)
        head = {"content-type": content_type, "content-length": str(len(content))}
        return fake.send("PUT", url, content, **head)[0]

    assert put(b"1,2", "text/plain") == 403
    assert put(b"1,23", "text/csv") == 403
    assert put(b"1,2", "text/csv", after=301) == 403
    assert workspace.files == {}
    assert put(b"1,2", "text/csv") == 200
    assert workspace.files["uploads/a.csv"].content == b"1,2"


def test_an_older_server_refuses_newer_fields_by_name(fake: Judged) -> None:
    fake.world.unknown_fields = schemas_v4.SINCE_OCTOBER

    status, answered = fake.send("POST", f"{PREFIX}/runs", json.dumps({"task": "x", "keepAlive": 300}).encode())

    assert status == 422
    assert answered["detail"][0]["loc"] == ["body", "keepAlive"]
