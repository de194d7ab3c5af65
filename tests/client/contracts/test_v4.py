"""What v4 asks for, and what it makes of answers."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from browser_use_client import (
    AgentSettings,
    BrowserSettings,
    CreateTaskRequest,
    CustomProxy,
    InvalidRequestError,
    NotFoundError,
    UnsupportedOptionError,
    ZeroDataRetentionError,
)
from browser_use_client.base_url import beside
from browser_use_client.contracts import CONTRACTS
from browser_use_client.contracts._v4_events import Story
from browser_use_client.contracts._v4_files import changed_since
from browser_use_client.models.keys import tag_of, with_tag, without_tag

V4 = CONTRACTS["v4"]
AN_ID = "3c90c3cc-0d44-4b50-8888-8dd25736052a"
ANOTHER = "11111111-0d44-4b50-8888-8dd25736052a"
A_RUN: dict[str, Any] = {
    "id": AN_ID,
    "task": "Read the orders",
    "model": "gpt-6-luna",
    "status": "completed",
    "result": "Done.",
    "sessionId": ANOTHER,
    "workspaceId": None,
    "totalCostUsd": "0.42",
    "createdAt": "2026-10-01T10:00:00Z",
    "updatedAt": "2026-10-01T10:05:00Z",
}


def body(request: CreateTaskRequest, **options: Any) -> dict[str, Any]:
    sent: dict[str, Any] = V4.create_task(request, **options).json
    return sent


def test_what_was_not_set_is_left_to_the_server() -> None:
    assert body(CreateTaskRequest(task="x")) == {"task": "x"}


def test_all_that_was_set_is_sent() -> None:
    request = CreateTaskRequest(
        task="x",
        agent_settings=AgentSettings(llm="gpt-6-luna", model_params={}),
        browser_settings=BrowserSettings(
            session_id=AN_ID,
            custom_proxy=CustomProxy(host="proxy.test", port=3128, username="u", password="geheim"),
            proxy_country_code=None,
            enable_recording=True,
        ),
        output_schema=list[int],
        included_file_names=(ANOTHER,),
        secrets={"shop.example.com": "geheim"},
        max_cost_usd="1.50",
        workspace_id=ANOTHER,
        judge=True,
        judge_ground_truth="Three orders",
    )

    assert body(request, keep_session=True) == {
        "task": "x",
        "model": "gpt-6-luna",
        "modelParams": {},
        "sessionId": AN_ID,
        "workspaceId": ANOTHER,
        "browserSettings": {
            "customProxy": {"host": "proxy.test", "port": 3128, "username": "u", "password": "geheim"},
            "proxyCountryCode": None,
            "record": True,
        },
        "keepAlive": 14_400,
        "outputSchema": {"type": "array", "items": {"type": "integer"}},
        "attachedFileIds": [ANOTHER],
        "secretBindings": [
            {
                "alias": "shop.example.com",
                "source": {"type": "inline", "value": "geheim"},
                "allowedDomains": ["shop.example.com"],
            }
        ],
        "judge": {"context": "Three orders"},
        "maxCostUsd": "1.50",
    }
    assert "geheim" not in repr(request)


def test_a_setting_says_how_long_the_browser_stays() -> None:
    settings = BrowserSettings(keep_alive_seconds=600)

    assert body(CreateTaskRequest(task="x", browser_settings=settings), keep_session=True)["keepAlive"] == 600


@pytest.mark.parametrize(
    "options",
    [
        {"metadata": {"team": "x"}},
        {"skill_ids": ("a",)},
        {"judge_llm": "o3"},
        *(
            {"agent_settings": AgentSettings(**{name: value})}
            for name, value in {
                "start_url": "https://shop.test",
                "profile_id": AN_ID,
                "max_steps": 3,
                "allowed_domains": ("shop.test",),
                "flash_mode": True,
                "thinking": False,
                "thinking_level": "low",
                "vision": "auto",
                "highlight_elements": False,
                "system_prompt_extension": "Be brief",
            }.items()
        ),
    ],
)
def test_what_has_no_place_is_refused_with_the_remedy(options: dict[str, Any]) -> None:
    settings = options.get("agent_settings")
    option = next(iter(settings.model_fields_set)) if settings else next(iter(options))

    with pytest.raises(UnsupportedOptionError, match=rf"{option}`.* v4, which has no such thing\. \S.{{20,}}"):
        body(CreateTaskRequest(task="x", **options))


@pytest.mark.parametrize(
    ("options", "option"),
    [
        ({"workspace_id": AN_ID}, "workspace_id"),
        ({"secret_domains": ["shop.test"]}, "secret_domains"),
        ({"agent_settings": AgentSettings(model_params={"a": 1})}, "agent_settings.model_params"),
        ({"browser_settings": BrowserSettings(keep_alive_seconds=600)}, "browser_settings.keep_alive_seconds"),
        (
            {"browser_settings": BrowserSettings(custom_proxy=CustomProxy(host="p.test", port=1))},
            "browser_settings.custom_proxy",
        ),
    ],
)
@pytest.mark.parametrize("contract", ["v2-nested", "v2-flat"])
def test_v2_refuses_what_only_v4_has_with_the_remedy(contract: str, options: dict[str, Any], option: str) -> None:
    with pytest.raises(UnsupportedOptionError, match=rf"`{option}`.* {contract}, which has no such thing\. \S.{{20,}}"):
        CONTRACTS[contract].create_task(CreateTaskRequest(task="x", **options))


@pytest.mark.parametrize(
    ("domains", "sent"),
    [
        (["Shop.Example.com"], {"user": ["shop.example.com"], "pay.test": ["shop.example.com"]}),
        ({"user": ["a.test", "b.test"]}, {"user": ["a.test", "b.test"], "pay.test": ["pay.test"]}),
        ({"user": ["localhost"], "pay.test": ["127.0.0.1"]}, {"user": ["localhost"], "pay.test": ["127.0.0.1"]}),
    ],
)
def test_a_secret_is_bound_to_the_hosts_that_are_named_for_it(domains: Any, sent: dict[str, list[str]]) -> None:
    request = CreateTaskRequest(task="x", secrets={"user": "u", "pay.test": "p"}, secret_domains=domains)

    assert {one["alias"]: one["allowedDomains"] for one in body(request)["secretBindings"]} == sent


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"secrets": {"user": "geheim"}}, r"'user' cannot be sent.*`secret_domains`: \[.*\{'user': \["),
        ({"secrets": {"user": "geheim"}, "secret_domains": ["https://shop.test/"]}, "not a bare host name"),
        ({"secrets": {"user": "geheim"}, "secret_domains": {"usr": ["shop.test"]}}, "'usr', and there is no such"),
        ({"secrets": {"shop.test": ""}}, "1 to 4,096 bytes"),
        ({"secrets": {f"s{number}.test": "geheim" for number in range(21)}}, "at most 20"),
    ],
)
def test_a_secret_that_cannot_be_bound_is_refused_and_not_told(options: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidRequestError, match=message) as caught:
        body(CreateTaskRequest(task="x", **options))

    assert "geheim" not in str(caught.value)


def test_hosts_for_all_secrets_are_for_those_of_a_vault_too() -> None:
    request = CreateTaskRequest(task="x", op_vault_id="v", secret_domains=["shop.test"])

    assert body(request) == {"task": "x", "opVaultId": "v", "opVaultAllowedDomains": ["shop.test"]}


def test_the_key_is_a_tag_in_the_last_line_which_is_taken_off_where_the_prompt_is_shown() -> None:
    sent = body(V4.with_key(CreateTaskRequest(task="Read\nthe orders "), "orders-1"))["task"]

    shown = V4.get_task(AN_ID).parse(A_RUN | {"task": sent})

    assert sent.splitlines()[-1].startswith(f"[{tag_of('orders-1')}: ")
    assert "ignore this line" in sent.splitlines()[-1]
    assert shown.task == "Read\nthe orders "
    assert shown.key is None
    assert shown.has_key("orders-1")
    assert not shown.has_key("orders-2")


def test_a_prompt_that_ends_with_a_tag_already_is_refused() -> None:
    with pytest.raises(InvalidRequestError, match="reference number"):
        V4.with_key(CreateTaskRequest(task=with_tag("x", "other")), "mine")


def test_a_tag_elsewhere_in_a_prompt_is_no_tag() -> None:
    prompt = with_tag("x", "k") + "\nThen go on"

    assert without_tag(prompt) == (prompt, None)
    assert tag_of("k") in prompt


@pytest.mark.parametrize(
    ("status", "ours"),
    [
        ("queued", "created"),
        ("dispatching", "created"),
        ("running", "started"),
        ("completed", "finished"),
        ("failed", "failed"),
        ("cancelled", "stopped"),
        ("hibernating", "hibernating"),
    ],
)
def test_a_status_is_told_in_our_words_and_one_that_is_new_as_it_came(status: str, ours: str) -> None:
    task = V4.get_task(AN_ID).parse(A_RUN | {"status": status, "result": None})

    assert task.status == ours
    assert task.has_ended is (ours in ("finished", "failed", "stopped"))
    assert V4.get_task_state(AN_ID).parse({"status": status}).status == ours


def test_a_run_of_a_new_status_that_has_a_result_has_ended() -> None:
    assert V4.get_task(AN_ID).parse(A_RUN | {"status": "archived"}).has_ended
    assert V4.get_task(AN_ID).parse(A_RUN | {"status": "archived", "result": None, "error": "x"}).has_ended


@pytest.mark.parametrize(
    ("shown", "output"),
    [
        ({}, "Done."),
        ({"outputSchema": {}, "output": {"n": 1}, "result": "n is 1"}, '{"n": 1}'),
        ({"outputSchema": {}, "output": None, "result": '{"n": 1}'}, '{"n": 1}'),
        ({"outputSchema": {}, "output": None, "result": 'Here:\n```json\n{"n": 1}\n```\nDone.'}, '{"n": 1}'),
        ({"outputSchema": {}, "output": None, "result": "There is none."}, "There is none."),
        ({"status": "failed", "result": None, "error": "out of budget"}, "out of budget"),
    ],
)
def test_the_output_is_the_validated_json_else_what_the_agent_said(shown: dict[str, Any], output: str) -> None:
    task = V4.get_task(AN_ID).parse(A_RUN | shown)

    assert task.output == output
    assert task.cost == Decimal("0.42")


@pytest.mark.parametrize(("judgement", "success"), [(None, None), ({"verdict": False}, False), ({"score": 3}, None)])
def test_success_is_what_a_judge_says_and_else_unknown(judgement: Any, success: bool | None) -> None:
    assert V4.get_task(AN_ID).parse(A_RUN | {"judgement": judgement}).is_success is success


AT = "2026-10-01T10:00:05.400Z"


def event(number: int, kind: str, **data: Any) -> dict[str, Any]:
    return {"runId": AN_ID, "id": number, "ts": AT, "type": kind, "data": data}


def tool(number: int, call: str, status: str, **state: Any) -> dict[str, Any]:
    part = {"type": "tool", "tool": "browser_execute", "callID": call, "state": {"status": status, **state}}
    return event(number, "core.event", type="tool_use", part=part)


def test_each_use_of_a_tool_that_is_done_is_a_step_and_what_is_not_known_is_passed_over() -> None:
    time = {"start": 1_000, "end": 3_500}
    story = Story().then(
        {
            "events": [
                event(1, "run.created"),
                tool(2, "a", "running", input={"description": "Open the shop"}),
                tool(3, "a", "completed", input={"description": "Open the shop"}, output="Orders", time=time),
                event(5, "core.event", type="text", part={"type": "text", "text": "Now the table"}),
                event(6, "core.event", part=None),
                event(7, "quantum.event"),
                tool(9, "b", "error", title="Read the table", output="no table"),
            ],
            "nextAfter": 9,
        }
    )

    assert [(step.number, step.goal, step.evaluation, step.duration) for step in story.steps] == [
        (1, "Open the shop", "", 2.5),
        (2, "Read the table", "Failed: no table", None),
    ]
    assert story.steps[0].actions == ('{"browser_execute": {"description": "Open the shop"}}',)
    assert story.cursor == "9 2"
    assert Story.at(story.cursor).then({"events": [tool(11, "c", "completed")]}).steps[0].number == 3


@pytest.mark.parametrize(("kind", "reused"), [("browser.ready", False), ("browser.reattached", True)])
def test_the_browser_is_told_with_where_to_watch_it(kind: str, reused: bool) -> None:
    story = Story().then({"events": [event(4, kind, browser_session_id="b", live_view_url="https://live.test/b")]})

    assert (story.browser_reused, story.live_url) == (reused, "https://live.test/b")


def test_what_a_run_left_is_what_changed_since_it_began_but_no_upload() -> None:
    def file(path: str, changed: str) -> dict[str, Any]:
        return {"path": path, "size": 1, "lastModified": changed}

    began = V4.get_task(AN_ID).parse(A_RUN | {"createdAt": AT}).created_at
    files = [
        file("uploads/a.csv", "2026-10-01T10:01:00Z"),
        file("outputs/old.csv", "2026-10-01T10:00:04Z"),
        file("outputs/same-second.csv", "2026-10-01T10:00:05Z"),
        file("outputs/new.csv", "2026-10-01T10:03:00+00:00"),
        file("outputs/", "2026-10-01T10:03:00Z"),
    ]

    assert changed_since(began, files) == ["outputs/same-second.csv", "outputs/new.csv"]


def test_a_file_that_is_gone_is_not_found() -> None:
    asking = V4.get_output_file_url(AN_ID, f"{ANOTHER}/outputs/a.csv")
    others = {"files": [{"path": "outputs/a.csv.bak", "url": "https://store.test/bak"}]}

    assert asking.params["prefix"] == "outputs/a.csv"
    with pytest.raises(NotFoundError, match=r"outputs/a\.csv"):
        asking.parse(others)
    assert asking.parse({"files": [*others["files"], {"path": "outputs/a.csv", "url": "https://x.test"}]}) == (
        "https://x.test"
    )


@pytest.mark.parametrize("body", [None, {"isActive": False, "shareUrl": "https://share.test"}])
def test_a_session_that_is_not_shared_has_no_link(body: Any) -> None:
    with pytest.raises(NotFoundError, match="no public link"):
        V4.get_share(AN_ID).parse(body)


def test_the_account_is_read_from_v2_beside_the_base_url() -> None:
    assert V4.get_account().version == "v2"
    assert beside("https://api.eu.browser-use.com/api/v4", "v2") == "https://api.eu.browser-use.com/api/v2"


def test_a_project_that_keeps_no_data_is_told_so_in_the_server_s_words() -> None:
    assert V4.meaning(403, "Zero Data Retention projects cannot use this API") is ZeroDataRetentionError
    assert V4.meaning(403, "Forbidden") is None


def test_a_recording_is_shown_by_the_browser_itself_once_it_has_stopped() -> None:
    stopped = {"id": ANOTHER, "status": "stopped", "startedAt": AT, "finishedAt": AT, "recordingUrl": None}
    flow = V4.get_session(AN_ID)

    asked = next(flow)
    asked = flow.send(asked.parse({"sessionId": AN_ID, "createdAt": AT}))
    asked = flow.send(asked.parse({"items": [stopped, stopped | {"id": AN_ID, "startedAt": "2026-09-01T10:00:00Z"}]}))
    assert asked.path == f"/browsers/{ANOTHER}"
    with pytest.raises(StopIteration) as ended:
        flow.send(asked.parse(stopped | {"recordingUrl": "https://store.test/a.mp4"}))

    session = ended.value.value
    assert (session.id, session.status, session.recording_url) == (AN_ID, "stopped", "https://store.test/a.mp4")
