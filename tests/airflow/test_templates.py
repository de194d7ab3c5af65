"""What becomes of template fields, rendered as Airflow renders them, but without its scheduler."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import DAG, AirflowFailException, task
from airflow.providers.common.compat.version_compat import AIRFLOW_V_3_0_PLUS

from airflow_browser_use.operators import (
    BrowserUseStartSessionOperator,
    BrowserUseStopSessionOperator,
    BrowserUseTaskOperator,
)
from airflow_browser_use.sensors import BrowserUseTaskSensor

from .fake_server import FakeServer
from .stand_in import TaskInstance, context_of, execute, rendered

with_xcoms = pytest.mark.skipif(not AIRFLOW_V_3_0_PLUS, reason="Airflow 2 reads XComs out of its database")

PAGE = "Ann's page: {{ conn.shop.password }} {{ var.value.x }} {% if %} {# #}"
AS_TEXT = ["1e5", "None", "True", "0x1F", "12,34", "'quoted'", '"', "007", "{'a': 1}", PAGE, " spaces "]

SHOP_WITHOUT_PASSWORD = SimpleNamespace(shop=SimpleNamespace(password=None))


@pytest.fixture(params=[False, True], ids=["as text", "native"])
def dag(request: pytest.FixtureRequest) -> DAG:
    return DAG("shop", render_template_as_native_obj=request.param)


@task
def page() -> str:
    return PAGE


def browse(dag: DAG, prompt: Any = "read", **kwargs: Any) -> BrowserUseTaskOperator:
    task: BrowserUseTaskOperator = BrowserUseTaskOperator(task_id="browse", task=prompt, dag=dag, **kwargs)
    return task


@with_xcoms
def test_what_a_function_returns_is_sent_as_it_is(server: FakeServer, dag: DAG) -> None:
    @task.browser_use(dag=dag)
    def ask(text: str, day: str) -> str:
        return f"{day}: {text}"

    ask(page(), "{{ ds }}")
    execute(rendered("ask", dag, PAGE, ds="2026-11-23"))
    assert [remote.prompt for remote in server.tasks.values()] == [f"2026-11-23: {PAGE}"]


def test_text_stays_the_text_that_a_template_gave(server: FakeServer, dag: DAG) -> None:
    browse(
        dag,
        "{{ params.text }}",
        metadata={"of": "{{ params.text }}"},
        secrets={"password": "{{ vault('shop') }}"},
        agent_settings={"system_prompt_extension": "{{ params.text }}"},
    )
    for text in AS_TEXT:
        server.api.clear()
        execute(rendered("browse", dag, params={"text": text}, vault=lambda _, text=text: text))
        [remote] = server.tasks.values()
        sent = [remote.prompt, remote.metadata["of"], remote.body["secrets"]["password"]]
        assert [*sent, remote.body["systemPromptExtension"]] == [text] * 4


def test_values_that_are_no_text_are_sent_as_text_or_as_settings(server: FakeServer, dag: DAG) -> None:
    browse(
        dag,
        "{{ params.number }}",
        metadata={"n": "{{ params.number }}"},
        secrets={"pin": "{{ vault('shop') }}"},
        agent_settings={"max_steps": "{{ params.number }}", "allowed_domains": "{{ params.domains }}"},
    )
    execute(rendered("browse", dag, params={"number": 7, "domains": ["shop.test"]}, vault=lambda _: 1234))
    [remote] = server.tasks.values()
    assert (remote.prompt, remote.metadata["n"], remote.body["secrets"]) == ("7", "7", {"pin": "1234"})
    assert (remote.body["maxSteps"], remote.body["allowedDomains"]) == (7, ["shop.test"])


@with_xcoms
@pytest.mark.parametrize("given", [{"llm": "o3", "max_steps": 5}, '{"llm": "o3", "max_steps": 5}', None])
def test_settings_metadata_and_files_may_be_one_template_or_an_xcom(server: FakeServer, dag: DAG, given: Any) -> None:
    browse(dag, agent_settings="{{ params.given }}", metadata="{{ params.none }}", files="{{ params.none }}")
    BrowserUseTaskOperator(task_id="by_xcom", task="read", agent_settings=page().operator.output, dag=dag)
    execute(rendered("browse", dag, params={"given": given, "none": None}))
    execute(rendered("by_xcom", dag, given))
    assert [remote.body.get("maxSteps") for remote in server.tasks.values()] == [given and 5] * 2


@pytest.mark.usefixtures("server")
@pytest.mark.parametrize(
    ("argument", "value", "said"),
    [
        ("prompt", "{{ params.none }}", "`task` is empty"),
        ("prompt", " {{ params.empty }} ", "`task` is empty"),
        ("session_id", "{{ params.none }}", "`session_id` is empty"),
        ("browser_use_conn_id", "{{ params.none }}", "`browser_use_conn_id` is empty"),
        ("secrets", {"password": "{{ conn.shop.password }}"}, r"`secrets\['password'\]` is empty"),
        ("secrets", "{{ conn.shop.password }}", "`secrets` is empty"),
        ("metadata", {"team": "{{ params.none }}"}, r"`metadata\['team'\]` is None"),
        ("metadata", "{{ params.key }}", r"`metadata\['idempotency_key'\]`"),
        ("metadata", "{{ params.text }}", "`metadata` has to be a mapping"),
        ("agent_settings", "{{ params.key }}", "`agent_settings` has no 'idempotency_key'"),
        ("agent_settings", {"max_steps": "{{ params.text }}"}, "max_steps"),
    ],
)
def test_what_turns_out_wrong_when_it_is_rendered_fails_the_task_for_good_before_anything_is_created(
    server: FakeServer, dag: DAG, argument: str, value: Any, said: str
) -> None:
    browse(dag, **{argument: value})
    params = {"none": None, "empty": "", "text": "text", "key": {"idempotency_key": "mine"}}
    with pytest.raises(AirflowFailException, match=said):
        execute(rendered("browse", dag, params=params, conn=SHOP_WITHOUT_PASSWORD))
    assert server.requests == []


@pytest.mark.usefixtures("server")
def test_folders_that_are_none_are_as_good_as_not_given(dag: DAG) -> None:
    browse(dag, "leave a.txt", download_output_to="{{ params.none }}", large_output_to="{{ params.none }}")
    value = execute(rendered("browse", dag, params={"none": None}))
    assert [file.get("path") for file in value["output_files"]] == [None]


@with_xcoms
def test_what_a_mapped_task_takes_from_an_xcom_is_not_rendered_and_what_is_written_is(
    server: FakeServer, dag: DAG
) -> None:
    day = "{{ ds }}"
    partial = {"metadata": {"day": day}, "browser_use_conn_id": "{{ the_conn }}"}
    with dag:
        BrowserUseTaskOperator.partial(task_id="expand", **partial).expand(task=page())
        BrowserUseTaskOperator.partial(task_id="rows", **partial).expand_kwargs(page())
        BrowserUseTaskOperator.partial(task_id="row", **partial).expand_kwargs([page()])
        BrowserUseTaskOperator.partial(task_id="in_a_row", **partial).expand_kwargs([{"task": page()}])

        @task.browser_use(**partial)
        def ask(text: str) -> str:
            return text

        ask.expand_kwargs(page())
        ask.override(task_id="ask_expanded").expand(text=page())
    pulled = {
        "expand": [PAGE],
        "rows": [{"task": PAGE}],
        "row": {"task": PAGE},
        "in_a_row": PAGE,
        "ask": [{"text": PAGE}],
        "ask_expanded": [PAGE],
    }
    for task_id, xcom in pulled.items():
        execute(rendered(task_id, dag, xcom, ds="2026-11-23", the_conn="browser_use_default"))
    assert [remote.prompt for remote in server.tasks.values()] == [PAGE] * len(pulled)
    assert {remote.metadata["day"] for remote in server.tasks.values()} == {"2026-11-23"}


@with_xcoms
def test_secrets_that_come_out_of_an_xcom_are_refused(server: FakeServer, dag: DAG) -> None:
    with dag:
        BrowserUseTaskOperator.partial(task_id="rows", task="log in").expand_kwargs(page())
    row = {"secrets": {"password": "{{ conn.other.password }}"}}
    with pytest.raises(AirflowFailException, match="`secrets` came out of an XCom") as error:
        execute(rendered("rows", dag, [row]))
    assert "change the secret itself too" in str(error.value)
    assert server.requests == []


@with_xcoms
def test_a_mapped_argument_that_is_wrong_fails_the_task_for_good(dag: DAG) -> None:
    with dag:
        BrowserUseTaskOperator.partial(task_id="rows").expand_kwargs(page())
    with pytest.raises(AirflowFailException, match="`timeout` must be a number of seconds"):
        rendered("rows", dag, [{"task": "read", "timeout": "20m"}])


@with_xcoms
@pytest.mark.parametrize("given", [None, ""])
def test_a_mapped_task_whose_session_or_key_turns_out_empty_is_no_first_task(
    server: FakeServer, dag: DAG, given: str | None
) -> None:
    with dag:
        BrowserUseTaskOperator.partial(task_id="rows").expand_kwargs(page())
        BrowserUseTaskOperator.partial(task_id="sessions", task="read").expand(session_id=page())
    for task_id, xcom, said in (
        ("rows", [{"task": "read", "session_id": given}], "`session_id` is empty"),
        ("rows", [{"task": "read", "key": given}], "`key` is empty"),
        ("sessions", [given], "`session_id` is empty"),
    ):
        with pytest.raises(AirflowFailException, match=said):
            execute(rendered(task_id, dag, xcom))
    assert server.tasks == {}


@with_xcoms
def test_a_mapped_task_goes_on_in_the_session_of_its_row_and_begins_one_where_it_has_none(
    server: FakeServer, dag: DAG
) -> None:
    with dag:
        BrowserUseTaskOperator.partial(task_id="rows", keep_session=True).expand_kwargs(page())
    first = execute(rendered("rows", dag, [{"task": "log in"}]))
    ti = TaskInstance(map_index=0, task_id="rows", run_id="another")
    second = execute(rendered("rows", dag, [{"task": "read", "session_id": first["session_id"]}], ti))
    assert second["session_id"] == first["session_id"]
    assert (len(server.tasks), len(server.sessions)) == (2, 1)


def test_a_subclass_may_choose_the_session_when_it_is_executed(server: FakeServer) -> None:
    session_id = execute(browse(DAG("shop"), keep_session=True))["session_id"]

    class GoingOn(BrowserUseTaskOperator):
        def execute(self, context: Any) -> Any:
            self.session_id = session_id
            return super().execute(context)

    with DAG("shop"):
        task = GoingOn(task_id="go_on", task="read")
    execute(task, context_of(task, TaskInstance(task_id="go_on")))
    assert [remote.session_id for remote in server.tasks.values()] == [session_id] * 2


def test_a_field_that_a_subclass_adds_is_rendered_as_its_dag_says() -> None:
    class Counting(BrowserUseTaskOperator):
        template_fields = (*BrowserUseTaskOperator.template_fields, "count")

        def __init__(self, *, count: Any, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.count = count

    dag = DAG("shop", render_template_as_native_obj=True)
    Counting(task_id="browse", task="{{ params.n }}", count="{{ params.n }}", dag=dag)
    counting = rendered("browse", dag, params={"n": "7"})
    assert (counting.task, counting.count) == ("7", 7)


@with_xcoms
def test_the_sensor_and_the_session_operators_render_nothing_that_an_xcom_brings(dag: DAG) -> None:
    with dag:
        BrowserUseTaskSensor.partial(task_id="wait").expand_kwargs(page())
        BrowserUseStopSessionOperator.partial(task_id="stop").expand_kwargs(page())
        BrowserUseStartSessionOperator.partial(task_id="start").expand_kwargs(page())
    assert rendered("wait", dag, [{"browser_task_id": PAGE}]).browser_task_id == PAGE
    assert rendered("stop", dag, [{"session_id": PAGE}]).session_id == PAGE
    settings = {"proxy_country_code": PAGE}
    assert rendered("start", dag, [{"browser_settings": settings}]).browser_settings == settings


@pytest.mark.parametrize("deferrable", [False, True])
def test_an_id_that_turns_out_empty_is_waited_for_and_stopped_by_nobody(
    server: FakeServer, dag: DAG, deferrable: bool
) -> None:
    BrowserUseTaskSensor(task_id="wait", browser_task_id="{{ params.none }}", deferrable=deferrable, dag=dag)
    BrowserUseStopSessionOperator(task_id="stop", session_id="{{ params.none }}", dag=dag)
    for task_id, said in (("wait", "`browser_task_id` is empty"), ("stop", "`session_id` is empty")):
        with pytest.raises(AirflowFailException, match=said):
            execute(rendered(task_id, dag, params={"none": None}))
    assert [request for request in server.requests if not request.startswith("GET ")] == []


@pytest.mark.usefixtures("server")
def test_settings_of_a_session_that_turn_out_wrong_fail_the_task_for_good(dag: DAG) -> None:
    BrowserUseStartSessionOperator(task_id="start", browser_settings={"screen_width": "{{ params.width }}"}, dag=dag)
    with pytest.raises(AirflowFailException, match="screen_width"):
        execute(rendered("start", dag, params={"width": "wide"}))
