from __future__ import annotations

import asyncio
import inspect
import json
import logging
import pickle
from collections.abc import Iterator
from datetime import date
from typing import Any
from uuid import UUID

import pytest
from prefect import Task, flow, unmapped
from prefect.blocks.system import Secret
from pydantic import BaseModel, Field, SecretStr, computed_field, field_serializer

from browser_use_client import (
    AgentSettings,
    AuthenticationError,
    BrowserSettings,
    CostLimitReachedError,
    CreateTaskRequest,
    InvalidRequestError,
    OutputSchemaError,
    SessionStoppedError,
    TaskFailedError,
    UnsupportedOptionError,
)
from prefect_browser_use import (
    BrowserTask,
    BrowserTaskResult,
    BrowserUseCredentials,
    SessionTaskOptions,
    TaskOptions,
    abrowser_session,
    arun_browser_task,
    browser_session,
    run_browser_task,
    start_session,
)
from tests.fake_api import FakeApi

from .conftest import QuickApi, Run, credentials_for, failing

PASSWORD = "hunter2-of-the-shop"


class Order(BaseModel):
    number: str
    amount: float


class Orders(BaseModel):
    orders: list[Order]


ORDERS = '{"orders": [{"number": "A-1007", "amount": 310.25}]}'


@pytest.mark.parametrize("task", [run_browser_task, arun_browser_task])
def test_both_are_real_tasks(task: Any) -> None:
    assert isinstance(task, Task)
    changed = task.with_options(name="sign-in", retries=2)
    assert isinstance(changed, Task)
    assert (changed.name, changed.retries, changed.fn) == ("sign-in", 2, task.fn)


def test_the_result_says_what_the_task_did(api: FakeApi, run: Run) -> None:
    api.script(steps=3, polls=3, output="Done.", output_files={"orders.csv": "a,b"})
    result = run("Read the orders", credentials=credentials_for(api))
    (task,) = api.tasks()
    assert (result.task_id, result.session_id) == (task["id"], task["session_id"])
    is_success = None if api.contract == "v4" else True  # its agents do not say
    assert (result.status, result.is_success, result.output) == ("finished", is_success, "Done.")
    assert [step.number for step in result.steps] == [1, 2, 3]
    assert [file.name for file in result.output_files] == ["orders.csv"]
    assert result.live_url is not None
    assert result.cost == (None if api.contract == "v2-nested" else 0.05)


def test_the_session_is_closed_unless_it_is_kept(api: FakeApi, run: Run) -> None:
    run("Sign in", credentials=credentials_for(api))
    assert api.sessions(status="active") == []
    kept = run("Sign in", credentials=credentials_for(api), keep_session=True)
    assert [session["id"] for session in api.sessions(status="active")] == [kept.session_id]


def test_a_follow_up_goes_on_in_the_session_of_the_task_before(api: FakeApi, run: Run) -> None:
    first = run("Sign in", credentials=credentials_for(api), keep_session=True)
    second = run("Read the orders", credentials=credentials_for(api), session_id=first.session_id)
    assert second.session_id == first.session_id
    assert second.task_id != first.task_id
    assert api.sessions(status="active") == []


@pytest.mark.parametrize(
    "schema",
    [Orders, Orders.model_json_schema(), json.dumps(Orders.model_json_schema())],
    ids=["model", "dict", "text"],
)
def test_output_is_parsed_when_there_is_a_schema(flat_api: FakeApi, run: Run, schema: Any) -> None:
    flat_api.script(output=ORDERS)
    result = run("Read the orders", credentials=credentials_for(flat_api), output_schema=schema)
    assert result.output == json.loads(ORDERS)
    assert result.parse(Orders).orders == [Order(number="A-1007", amount=310.25)]
    assert json.loads(flat_api.tasks()[0]["body"]["structuredOutput"])["title"] == "Orders"


class Invoice(BaseModel):
    """A model that shows itself in another shape than the one that it reads."""

    number: str = Field(alias="invoiceNumber")
    paid: date
    note: str = Field(exclude=True)
    code: SecretStr

    @computed_field
    def year(self) -> int:
        return self.paid.year

    @field_serializer("paid")
    def in_words(self, paid: date) -> str:
        return f"{paid:%B %Y}"


def test_output_is_the_json_as_it_came_whatever_its_model_makes_of_it(flat_api: FakeApi, run: Run) -> None:
    came = {"invoiceNumber": "A-1007", "paid": "2026-02-03", "note": "in cash", "code": "4711"}
    flat_api.script(output=json.dumps(came))
    result = run("Read the invoice", credentials=credentials_for(flat_api), output_schema=Invoice)
    assert result.output == came
    again = BrowserTaskResult.model_validate_json(result.model_dump_json())
    invoice = again.parse(Invoice)
    assert (invoice.number, invoice.paid, invoice.note) == ("A-1007", date(2026, 2, 3), "in cash")
    assert invoice.code.get_secret_value() == "4711"


class Strict(BaseModel, strict=True):
    paid: date


def test_what_is_valid_json_of_a_strict_model_is_parsed(flat_api: FakeApi) -> None:
    flat_api.script(output='{"paid": "2026-02-03"}')
    result = run_browser_task("Read it", credentials=credentials_for(flat_api), output_schema=Strict)
    assert result.parse(Strict) == Strict(paid=date(2026, 2, 3))


def test_output_that_does_not_fit_fails_the_task(flat_api: FakeApi, run: Run) -> None:
    flat_api.script(output='{"orders": [{"number": "A-1007"}]}')
    with pytest.raises(OutputSchemaError, match=r"orders\.0\.amount"):
        run("Read the orders", credentials=credentials_for(flat_api), output_schema=Orders)


def test_every_option_of_a_request_arrives(flat_api: FakeApi, run: Run) -> None:
    run(
        CreateTaskRequest(task="Read the orders", judge=True, metadata={"team": "sales"}),
        credentials=credentials_for(flat_api),
        agent_settings=AgentSettings(llm="o3", start_url="https://shop.example", max_steps=7),
        browser_settings={"screen_width": 800, "screen_height": 600},
    )
    body = flat_api.tasks()[0]["body"]
    assert (body["judge"], body["llm"], body["startUrl"], body["maxSteps"]) == (True, "o3", "https://shop.example", 7)
    assert body["sessionSettings"] | {"browserScreenWidth": 800, "browserScreenHeight": 600} == body["sessionSettings"]
    assert body["metadata"]["team"] == "sales"


@pytest.fixture
def v4_api(harness: None) -> Iterator[QuickApi]:  # noqa: ARG001 - started for it
    with QuickApi("v4") as fake:
        yield fake


OF_V4: dict[str, Any] = {"max_cost_usd": 2, "secret_domains": ("shop.example",)}


def test_every_option_of_v4_arrives(v4_api: QuickApi, run: Run) -> None:
    first = run("Sign in", credentials=credentials_for(v4_api), keep_session=True)
    run(
        "Read the orders",
        credentials=credentials_for(v4_api),
        workspace_id=v4_api.sessions()[0]["workspace_id"],
        agent_settings={"llm": "gpt-6-luna"},
        model_params={"reasoning_effort": "low"},
        secrets={"password": SecretStr(PASSWORD)},
        **OF_V4,
    )
    body = v4_api.tasks()[1]["body"]
    assert body["workspaceId"] == v4_api.sessions()[0]["workspace_id"]
    assert (float(body["maxCostUsd"]), body["model"]) == (2, "gpt-6-luna")
    assert body["modelParams"] == {"reasoning_effort": "low"}
    assert "shop.example" in str(body["secretBindings"])
    assert first.session_id != v4_api.tasks()[1]["session_id"]


def test_a_block_has_the_options_of_v4_too(v4_api: QuickApi) -> None:
    block = BrowserTask(task="Read", credentials=credentials_for(v4_api), secrets={"password": PASSWORD}, **OF_V4)
    block.save("of-v4", overwrite=True)
    BrowserTask.load("of-v4").trigger().wait_for_completion()
    body = v4_api.tasks()[0]["body"]
    assert float(body["maxCostUsd"]) == 2
    assert "shop.example" in str(body["secretBindings"])


def test_the_tasks_of_a_session_have_the_options_of_v4_too(v4_api: QuickApi) -> None:
    given = {"secrets": {"password": SecretStr(PASSWORD)}, "model_params": {"reasoning_effort": "low"}, **OF_V4}
    with browser_session(credentials=credentials_for(v4_api)) as session:
        session.run("Read", **given)

    async def use() -> None:
        async with abrowser_session(credentials=credentials_for(v4_api)) as session:
            await session.arun("Read", **given)

    asyncio.run(use())
    for task in v4_api.tasks():
        assert float(task["body"]["maxCostUsd"]) == 2
        assert task["body"]["modelParams"] == {"reasoning_effort": "low"}
        assert "shop.example" in str(task["body"]["secretBindings"])
    assert len(v4_api.tasks()) == 2


def test_a_follow_up_on_v4_whose_browser_is_gone_says_that_it_got_a_new_one(
    v4_api: QuickApi, run: Run, caplog: pytest.LogCaptureFixture
) -> None:
    given = {"credentials": credentials_for(v4_api), "keep_session": True}
    first = run("Sign in", **given)
    run("Go on in the same browser", session_id=first.session_id, **given)
    assert "nobody is signed in" not in caplog.text
    v4_api.stop_session(first.session_id)
    then = run("Go on", session_id=first.session_id, **given)
    assert then.session_id == first.session_id
    assert f"Task {then.task_id} did not go on in the browser of the tasks before" in caplog.text


@pytest.mark.parametrize(("settings", "seconds"), [({}, 4 * 3600), ({"keep_alive_seconds": 600}, 600)])
def test_a_kept_browser_of_v4_stays_for_hours_or_as_long_as_its_settings_say(
    v4_api: QuickApi, run: Run, settings: dict[str, Any], seconds: int
) -> None:
    run("Sign in", credentials=credentials_for(v4_api), keep_session=True, browser_settings=settings)
    assert [session["keep_alive"] for session in v4_api.sessions()] == [seconds]


def test_what_v4_has_no_place_for_is_refused_and_nothing_is_sent(v4_api: QuickApi, run: Run) -> None:
    with pytest.raises(UnsupportedOptionError, match="metadata"):
        run("Read", credentials=credentials_for(v4_api), metadata={"team": "sales"})
    with pytest.raises(UnsupportedOptionError, match="session"):
        start_session(credentials=credentials_for(v4_api))
    assert v4_api.requests("POST") == []


@pytest.mark.parametrize("option", [*OF_V4, "workspace_id", "model_params"])
def test_an_option_that_the_contract_cannot_carry_is_an_error_and_nothing_is_sent(run: Run, option: str) -> None:
    given = OF_V4 | {"workspace_id": str(UUID(int=1)), "model_params": {"reasoning_effort": "low"}}
    with QuickApi("v2-nested") as api, pytest.raises(UnsupportedOptionError, match=option):
        run("Read", credentials=credentials_for(api), **{option: given[option]})
    assert api.contract == "v2-nested"


def test_a_task_that_costs_more_than_it_may_is_stopped(flat_api: FakeApi, run: Run) -> None:
    flat_api.script(status=None, spending=100.0)
    with pytest.raises(CostLimitReachedError):
        run("Read", credentials=credentials_for(flat_api), max_cost_usd=2)
    assert [task["status"] for task in flat_api.tasks()] == ["stopped"]
    assert flat_api.sessions(status="active") == []


@pytest.mark.parametrize("task", [run_browser_task, arun_browser_task], ids=["sync", "async"])
def test_a_task_names_all_its_options_for_prefect(task: Any) -> None:
    names = set(inspect.signature(task.fn).parameters)
    assert names == {"task", "_place"} | TaskOptions.__annotations__.keys() | SessionTaskOptions.__annotations__.keys()


def test_results_survive_json_and_pickle(flat_api: FakeApi) -> None:
    flat_api.script(output=ORDERS)
    result = run_browser_task("Read the orders", credentials=credentials_for(flat_api), output_schema=Orders)
    assert BrowserTaskResult.model_validate_json(result.model_dump_json()) == result
    assert pickle.loads(pickle.dumps(result)) == result


def test_what_it_does_is_in_the_run_log(flat_api: FakeApi, run: Run, caplog: pytest.LogCaptureFixture) -> None:
    flat_api.script(polls=2)
    with caplog.at_level(logging.INFO, "prefect.task_runs"):
        result = run("Read the orders", credentials=credentials_for(flat_api))
    assert f"Browser Use task {result.task_id} started in session {result.session_id}. To watch" in caplog.text
    assert f"Watch the browser at {result.live_url}" in caplog.text
    assert "Step 1: Do step 1 (https://shop.example/1)" in caplog.text


def test_secrets_arrive_in_every_form(flat_api: FakeApi, run: Run) -> None:
    Secret(value="from-a-block").save("shop-pin", overwrite=True)
    secrets = {"password": SecretStr(PASSWORD), "pin": "secret/shop-pin", "code": Secret(value="of-an-object")}
    run("Sign in", credentials=credentials_for(flat_api), secrets=secrets)
    assert flat_api.tasks()[0]["body"]["secrets"] == {
        "password": PASSWORD,
        "pin": "from-a-block",
        "code": "of-an-object",
    }


def test_a_secret_in_plain_text_is_refused_and_not_repeated(flat_api: FakeApi, run: Run) -> None:
    with pytest.raises(InvalidRequestError, match="'password' is a plain string") as caught:
        run("Sign in", credentials=credentials_for(flat_api), secrets={"password": PASSWORD})
    assert PASSWORD not in str(caught.value)
    assert flat_api.requests() == []


def test_a_secret_that_the_agent_repeats_is_masked_in_the_log(
    flat_api: FakeApi, run: Run, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "prefect.task_runs"):
        run("Sign in", credentials=credentials_for(flat_api), secrets={"password": SecretStr("shop.example")})
    assert "Step 1: Do step 1 (https://********/1)" in caplog.text


def test_a_task_that_fails_fails_the_task_run(api: FakeApi, run: Run) -> None:
    api.script(output="The shop is closed", **failing(api))
    with pytest.raises(TaskFailedError):
        run("Read the orders", credentials=credentials_for(api))


def test_a_task_whose_agent_reports_no_success_can_be_taken_all_the_same(flat_api: FakeApi, run: Run) -> None:
    flat_api.script(is_success=False, output="The shop is closed")
    result = run("Read the orders", credentials=credentials_for(flat_api), fail_on_unsuccessful=False)
    assert (result.is_success, result.output) == (False, "The shop is closed")


def test_a_follow_up_in_a_closed_session_says_so(api: FakeApi, run: Run, caplog: pytest.LogCaptureFixture) -> None:
    first = run("Sign in", credentials=credentials_for(api))
    follow_up = {"credentials": credentials_for(api), "session_id": first.session_id}
    if api.contract == "v4":  # there, the session goes on in another browser
        assert run("Read the orders", **follow_up).session_id == first.session_id
        assert f"session {first.session_id} had none any more" in caplog.text
        return
    with pytest.raises(SessionStoppedError, match="session"):
        run("Read the orders", **follow_up)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"task": ""}, "task: .* at least 1 character"),
        ({"session_id": "the-first"}, "'the-first' is not a valid UUID"),
        ({"output_schema": "{"}, "not valid JSON"),
        ({"output_schema": {"type": "objekt"}}, "'objekt'"),
        ({"credentials": "bu_a_key_is_no_name"}, "not a valid name of a block"),
        ({"credentials": "never-saved"}, "BrowserUseCredentials block 'never-saved' not found"),
        ({"secrets": {"password": "secret/never-saved"}}, "'secret/never-saved', which was not found"),
        ({"agent_settings": {"lm": "o3"}}, "lm: Extra inputs"),
        ({"agent_settings": {"max_steps": 0}}, "max_steps: .* greater than or equal to 1"),
        ({"poll_interval": 0}, "poll_interval"),
        ({"poll_interval": float("nan")}, "poll_interval"),
        ({"wait_when_busy": -1}, "wait_when_busy"),
    ],
)
def test_bad_input_ends_in_one_sentence_and_nothing_is_sent(
    flat_api: FakeApi, run: Run, arguments: dict[str, Any], message: str
) -> None:
    with pytest.raises(InvalidRequestError, match=message) as caught:
        run(**{"task": "Sign in", "credentials": credentials_for(flat_api)} | arguments)
    assert "\n" not in str(caught.value)
    assert flat_api.requests("POST") == []


def test_a_wrong_key_is_said_so(api: FakeApi, run: Run) -> None:
    with pytest.raises(AuthenticationError) as caught:
        run("Sign in", credentials=BrowserUseCredentials(api_key="bu_wrong", base_url=api.base_url))
    assert "bu_wrong" not in str(caught.value)


def test_credentials_may_be_the_name_of_a_saved_block(flat_api: FakeApi, run: Run) -> None:
    credentials_for(flat_api).save("saved", overwrite=True)
    assert run("Sign in", credentials="saved").status == "finished"


def test_futures_and_maps_work(flat_api: FakeApi) -> None:
    @flow
    def many() -> list[BrowserTaskResult]:
        credentials = credentials_for(flat_api)
        first = run_browser_task.submit("Sign in", credentials=credentials, keep_session=True)
        others = run_browser_task.map(["One", "Two"], credentials=unmapped(credentials), poll_interval=0.02)
        asynchronous = arun_browser_task.submit("Three", credentials=credentials, poll_interval=0.02)
        return [first.result(), *others.result(), asynchronous.result()]

    results = many()
    assert len({result.task_id for result in results}) == 4
    assert sorted(task["prompt"] for task in flat_api.tasks()) == ["One", "Sign in", "Three", "Two"]


@pytest.mark.parametrize("name", ["credentials", "secrets", "agent_settings", "output_schema"])
def test_mapping_over_what_belongs_to_every_task_names_the_fix(flat_api: FakeApi, name: str) -> None:
    values = {
        "credentials": credentials_for(flat_api),
        "secrets": {"password": SecretStr(PASSWORD)},
        "agent_settings": AgentSettings(llm="o3"),
        "output_schema": list[Order],
    }
    given = {other: unmapped(value) for other, value in values.items()} | {name: values[name]}

    @flow
    def many() -> None:
        run_browser_task.with_options(retries=1).map(["One", "Two"], **given)

    with pytest.raises(TypeError, match=rf"`{name}=unmapped\({name}\)`"):
        many()
    assert flat_api.requests("POST") == []


def test_settings_of_a_new_session_are_refused_for_a_follow_up(flat_api: FakeApi, run: Run) -> None:
    first = run("Sign in", credentials=credentials_for(flat_api), keep_session=True)
    with pytest.raises(InvalidRequestError, match="keeps its settings"):
        run(
            "Go on",
            credentials=credentials_for(flat_api),
            session_id=first.session_id,
            browser_settings=BrowserSettings(screen_width=800),
        )
