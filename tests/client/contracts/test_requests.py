"""What goes out, held against the published schemas with unknown fields forbidden."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from browser_use_client import (
    AgentProfile,
    AgentSettings,
    BrowserProfile,
    BrowserSettings,
    CreateTaskRequest,
    InvalidRequestError,
    UnsupportedOptionError,
)
from browser_use_client.contracts import CONTRACTS, V2_FLAT, V2_NESTED
from tests.client.contracts.published import check_request, first_call, needs_published

V2 = ("v2-nested", "v2-flat")
A_SESSION = "3c90c3cc-0d44-4b50-8888-8dd25736052a"
A_PROFILE = "11111111-0d44-4b50-8888-8dd25736052a"

uuids = st.uuids().map(str)
words = st.text(max_size=20)
string_maps = st.dictionaries(words, words, max_size=5)


def maybe(**options: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Any choice of options."""
    return st.fixed_dictionaries({}, optional=options)


class Orders(BaseModel):
    orders: list[str]


common = {
    "task": st.text(min_size=1, max_size=50),
    "metadata": string_maps,
    "secrets": string_maps,
    "output_schema": st.sampled_from([None, Orders, {"type": "object"}, '{"type": "array"}', list[int]]),
}
nested_requests = st.builds(
    lambda agent, browser, **rest: CreateTaskRequest(
        agent_settings=AgentSettings(**agent), browser_settings=BrowserSettings(**browser), **rest
    ),
    agent=maybe(llm=st.sampled_from(["o3", "gpt-4o"]), start_url=words, profile_id=uuids),
    browser=maybe(session_id=uuids) | maybe(profile_id=uuids),
    included_file_names=st.none() | st.lists(words, max_size=3),
    **common,
)
flat_requests = st.builds(
    lambda agent, browser, judging, **rest: CreateTaskRequest(
        agent_settings=AgentSettings(**agent), browser_settings=BrowserSettings(**browser), **judging, **rest
    ),
    agent=maybe(
        llm=st.sampled_from(["o3", "browser-use-2.0"]),
        start_url=words,
        max_steps=st.integers(1, 10_000),
        allowed_domains=st.lists(words, max_size=3),
        flash_mode=st.booleans(),
        thinking=st.booleans(),
        vision=st.booleans() | st.just("auto"),
        highlight_elements=st.booleans(),
        system_prompt_extension=words,
    ),
    browser=maybe(session_id=uuids)
    | maybe(
        profile_id=uuids,
        proxy_country_code=st.sampled_from([None, "de", "us"]),
        screen_width=st.integers(320, 6144),
        screen_height=st.integers(320, 3456),
        enable_recording=st.booleans(),
    ),
    judging=maybe(
        judge=st.booleans(),
        judge_ground_truth=words,
        judge_llm=st.sampled_from(["o3"]),
        skill_ids=st.lists(words, max_size=3),
        op_vault_id=words,
    ),
    **common,
)


@needs_published
@given(nested_requests)
def test_every_request_fits_the_nested_contract(request: CreateTaskRequest) -> None:
    body = V2_NESTED.create_task(request).json

    check_request("v2-nested", "CreateTaskRequest", body)


@needs_published
@given(flat_requests)
def test_every_request_fits_the_flat_contract(request: CreateTaskRequest) -> None:
    body = V2_FLAT.create_task(request).json

    check_request("v2-flat", "CreateTaskRequest", body)


@given(nested_requests)
def test_what_was_set_reaches_the_nested_contract_unchanged(request: CreateTaskRequest) -> None:
    body = json.loads(json.dumps(V2_NESTED.create_task(request).json))
    agent, browser = body["agentSettings"], body["browserSettings"]

    read_back = CreateTaskRequest(
        task=body["task"],
        agent_settings=AgentSettings(
            llm=agent.get("llm"), start_url=agent.get("startUrl"), profile_id=agent.get("profileId")
        ),
        browser_settings=BrowserSettings(session_id=browser.get("sessionId"), profile_id=browser.get("profileId")),
        output_schema=body.get("structuredOutputJson"),
        included_file_names=body.get("includedFileNames") or request.included_file_names,
        metadata=body.get("metadata") or {},
        secrets=body.get("secrets") or {},
    )
    assert read_back == request


@given(flat_requests)
def test_what_was_set_reaches_the_flat_contract_unchanged(request: CreateTaskRequest) -> None:
    body = json.loads(json.dumps(V2_FLAT.create_task(request).json))
    agent, session = request.agent_settings, body.get("sessionSettings") or {}

    sent = [body.get(name) for name in ("task", "llm", "startUrl", "maxSteps", "flashMode", "thinking", "vision")]
    assert sent == [
        request.task,
        agent.llm,
        agent.start_url,
        agent.max_steps,
        agent.flash_mode,
        agent.thinking,
        agent.vision,
    ]
    assert body.get("highlightElements") == agent.highlight_elements
    assert body.get("systemPromptExtension") == agent.system_prompt_extension
    assert body.get("allowedDomains") == (None if agent.allowed_domains is None else list(agent.allowed_domains))
    assert body.get("structuredOutput") == request.output_schema
    assert body.get("sessionId") == request.browser_settings.session_id
    assert body.get("secrets", {}) == {name: value.get_secret_value() for name, value in request.secrets.items()}
    assert body.get("metadata", {}) == request.metadata
    wanted = request.browser_settings
    assert session.get("profileId") == wanted.profile_id
    assert session.get("browserScreenWidth") == wanted.screen_width
    assert session.get("enableRecording") == wanted.enable_recording
    if "proxy_country_code" in wanted.model_fields_set:
        assert session["proxyCountryCode"] == wanted.proxy_country_code


@pytest.mark.parametrize("setting", [{"screen_width": 800}, {"enable_recording": True}, {"profile_id": A_PROFILE}])
def test_setting_something_else_does_not_switch_the_proxy_off(setting: dict[str, Any]) -> None:
    request = CreateTaskRequest(task="x", browser_settings=BrowserSettings(**setting))

    assert V2_FLAT.create_task(request).json["sessionSettings"]["proxyCountryCode"] == "us"
    assert V2_FLAT.start_session(request.browser_settings).json["proxyCountryCode"] == "us"


@needs_published
@given(
    maybe(
        profile_id=uuids,
        proxy_country_code=st.sampled_from([None, "de"]),
        screen_width=st.integers(320, 6144),
        screen_height=st.integers(320, 3456),
        enable_recording=st.booleans(),
    )
)
def test_a_session_is_started_as_the_flat_contract_says_and_stays_open(settings: dict[str, Any]) -> None:
    body = V2_FLAT.start_session(BrowserSettings(**settings)).json

    check_request("v2-flat", "CreateSessionRequest", body)
    assert body["keepAlive"] is True


@needs_published
def test_the_other_requests_fit_the_flat_contract() -> None:
    check_request("v2-flat", "UpdateTaskRequest", first_call(V2_FLAT.stop_task(A_SESSION, with_session=True)).json)
    check_request("v2-flat", "UpdateSessionRequest", first_call(V2_FLAT.stop_session(A_SESSION)).json)
    upload = V2_FLAT.upload_slot("a.csv", "text/csv", 3, into=A_SESSION)
    check_request("v2-flat", "UploadFileRequest", upload.json)
    profile = V2_FLAT.profiles(BrowserProfile).create(BrowserProfile(name="shop", user_id="u"))
    check_request("v2-flat", "ProfileCreateRequest", profile.json)


AGENT_OPTIONS_OF_FLAT = {
    "max_steps": 5,
    "allowed_domains": ["shop.test"],
    "flash_mode": True,
    "thinking": False,
    "vision": "auto",
    "highlight_elements": False,
    "system_prompt_extension": "Be brief",
}
BROWSER_OPTIONS_OF_FLAT = {
    "proxy_country_code": "de",
    "screen_width": 800,
    "screen_height": 600,
    "enable_recording": False,
}
OPTIONS_OF_FLAT = {
    "judge": False,
    "judge_ground_truth": "3",
    "judge_llm": "o3",
    "skill_ids": ["a"],
    "op_vault_id": "v",
}


@pytest.mark.parametrize(
    ("option", "request_"),
    [
        *(
            (f"agent_settings.{name}", {"agent_settings": AgentSettings(**{name: value})})
            for name, value in AGENT_OPTIONS_OF_FLAT.items()
        ),
        *(
            (f"browser_settings.{name}", {"browser_settings": BrowserSettings(**{name: value})})
            for name, value in BROWSER_OPTIONS_OF_FLAT.items()
        ),
        *((name, {name: value}) for name, value in OPTIONS_OF_FLAT.items()),
    ],
)
def test_the_nested_contract_refuses_what_it_cannot_carry(option: str, request_: dict[str, Any]) -> None:
    with pytest.raises(UnsupportedOptionError) as caught:
        V2_NESTED.create_task(CreateTaskRequest(task="x", **request_))

    assert f"`{option}`" in str(caught.value)
    assert "v2-nested" in str(caught.value)
    assert any(way in str(caught.value) for way in ("agent profile", "browser profile", "v2-flat"))


@pytest.mark.parametrize(
    ("option", "request_", "alternative"),
    [
        ("agent_settings.profile_id", {"agent_settings": AgentSettings(profile_id=A_PROFILE)}, "agent_settings"),
        ("included_file_names", {"included_file_names": ["a.csv"]}, "upload the files into it"),
    ],
)
def test_the_flat_contract_refuses_what_it_cannot_carry(
    option: str, request_: dict[str, Any], alternative: str
) -> None:
    with pytest.raises(UnsupportedOptionError) as caught:
        V2_FLAT.create_task(CreateTaskRequest(task="x", **request_))

    assert f"`{option}`" in str(caught.value)
    assert "v2-flat" in str(caught.value)
    assert alternative in str(caught.value)


def test_switching_the_proxy_off_is_refused_where_it_cannot_be_said() -> None:
    request = CreateTaskRequest(task="x", browser_settings=BrowserSettings(proxy_country_code=None))

    assert V2_FLAT.create_task(request).json["sessionSettings"] == {"proxyCountryCode": None}
    with pytest.raises(UnsupportedOptionError, match="proxy_country_code"):
        V2_NESTED.create_task(request)


@pytest.mark.parametrize("contract", V2)
@pytest.mark.parametrize("setting", [{"profile_id": A_PROFILE}, {"proxy_country_code": None}])
def test_a_follow_up_cannot_change_the_browser_that_it_runs_in(contract: str, setting: dict[str, Any]) -> None:
    settings = BrowserSettings(session_id=A_SESSION, **setting)

    with pytest.raises(UnsupportedOptionError, match=f"`browser_settings.{next(iter(setting))}` cannot"):
        CONTRACTS[contract].create_task(CreateTaskRequest(task="x", browser_settings=settings))


@pytest.mark.parametrize(
    ("model", "contract", "profile"),
    [
        (AgentProfile, "v2-flat", AgentProfile(name="a")),
        (BrowserProfile, "v2-flat", BrowserProfile(name="a", ad_blocker=True)),
        (BrowserProfile, "v2-nested", BrowserProfile(name="a", user_id="u")),
    ],
)
def test_profiles_refuse_what_the_contract_has_no_place_for(model: type[Any], contract: str, profile: Any) -> None:
    with pytest.raises(UnsupportedOptionError, match=contract):
        CONTRACTS[contract].profiles(model).create(profile)


def test_limits_that_differ_are_checked_before_anything_is_sent() -> None:
    long = CreateTaskRequest(task="x" * 50_001)
    much = CreateTaskRequest(task="x", metadata={str(number): "" for number in range(11)})

    V2_NESTED.create_task(long), V2_NESTED.create_task(much)
    with pytest.raises(InvalidRequestError, match="50,001 characters"):
        V2_FLAT.create_task(long)
    with pytest.raises(InvalidRequestError, match="11 pairs"):
        V2_FLAT.create_task(much)


def test_files_go_where_the_contract_has_them() -> None:
    with pytest.raises(UnsupportedOptionError, match=r"v2-flat.*Start a session"):
        V2_FLAT.upload_slot("a.csv", "text/csv", 3, into=None)
    with pytest.raises(UnsupportedOptionError, match=r"v2-nested.*included_file_names"):
        V2_NESTED.upload_slot("a.csv", "text/csv", 3, into=A_SESSION)


@pytest.mark.parametrize("contract", V2)
@pytest.mark.parametrize("text", ["", "abc", "../billing/account", "https://shop.test"])
def test_an_id_that_is_not_a_valid_uuid_is_refused_by_name(contract: str, text: str) -> None:
    speaks = CONTRACTS[contract]
    for make_call in (speaks.get_task, speaks.get_task_state, speaks.get_log_url):
        with pytest.raises(InvalidRequestError, match="task_id"):
            make_call(text)
    with pytest.raises(InvalidRequestError, match="session_id"):
        speaks.get_session(text)
    with pytest.raises(InvalidRequestError, match="not a valid UUID"):
        BrowserSettings(session_id=text)


@pytest.mark.parametrize("contract", V2)
@given(moment=st.datetimes(timezones=st.sampled_from([timezone.utc, timezone(timedelta(hours=-7))])))
def test_times_go_out_in_utc_with_a_z(contract: str, moment: datetime) -> None:
    sent = str(CONTRACTS[contract].list_tasks(after=moment).params["after"])

    assert sent.endswith("Z")
    assert datetime.fromisoformat(sent.replace("Z", "+00:00")) == moment


def test_ids_go_out_in_their_usual_form() -> None:
    assert V2_FLAT.get_task(A_SESSION.upper()).path == f"/tasks/{A_SESSION}"
    assert V2_FLAT.get_task(UUID(A_SESSION).hex).path == f"/tasks/{A_SESSION}"


def test_a_call_shows_neither_its_body_nor_its_secrets() -> None:
    call = V2_FLAT.create_task(CreateTaskRequest(task="x", secrets={"password": "geheim"}))

    assert "geheim" not in repr(call)
    assert str(call) == "POST /tasks"
