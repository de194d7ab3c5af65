from __future__ import annotations

from typing import Any

from airflow.providers.common.compat.sdk import DAG, XComArg, task_group

from airflow_browser_use.cleanup import Ending, Outcome, cleanup_after
from airflow_browser_use.follow_ups import SessionUse
from airflow_browser_use.operators import BrowserUseTaskOperator
from airflow_browser_use.session_policy import SessionPolicy
from airflow_browser_use.sessions import browser_session


def browse(task_id: str, session_id: Any = None, **kwargs: Any) -> BrowserUseTaskOperator:
    return BrowserUseTaskOperator(task_id=task_id, task="...", session_id=session_id, **kwargs)


def session_of(task: BrowserUseTaskOperator) -> Any:
    return task.output["session_id"]


def use_of(task_id: str, dag: DAG) -> SessionUse:
    return SessionUse.by(dag.get_task(task_id))


def closed_after(task_id: str, dag: DAG, keep_session: bool | None = None) -> set[str]:
    """The endings after which the session is closed while those downstream are still to come."""
    use = use_of(task_id, dag)
    policy = SessionPolicy.of(use, keep_session=keep_session, begun_here=use.starts)
    return {
        outcome.value
        for outcome in (Outcome.SUCCEEDED, Outcome.FAILED, Outcome.TRIED_AGAIN)
        if cleanup_after(
            Ending(outcome),
            owned=policy.owned,
            begun_here=policy.begun_here,
            others=policy.weigh(dict.fromkeys(policy.downstream), outcome),
        ).close_session
    }


def test_a_task_alone_closes_its_session_however_it_ends() -> None:
    with DAG("d") as dag:
        browse("alone")
    assert closed_after("alone", dag) == {"succeeded", "failed", "tried again"}


def test_a_task_that_is_continued_keeps_its_session_and_the_last_one_closes_it() -> None:
    with DAG("d") as dag:
        log_in = browse("log_in")
        read = browse("read", session_of(log_in))
        browse("ship", session_of(read))
    assert closed_after("log_in", dag) == {"failed", "tried again"}
    assert closed_after("read", dag) == {"failed"}
    assert closed_after("ship", dag) == {"failed", "succeeded"}


def test_a_session_passes_on_where_every_follow_up_names_the_first_task() -> None:
    with DAG("d") as dag:
        log_in = browse("log_in")
        read = browse("read", session_of(log_in))
        read >> browse("ship", session_of(log_in))
    assert "succeeded" not in closed_after("read", dag)
    assert "succeeded" in closed_after("ship", dag)


def test_a_template_that_names_the_task_continues_it_too() -> None:
    for template in (
        "{{ ti.xcom_pull(task_ids='log_in', key='session_id') }}",
        '{{ ti.xcom_pull("log_in")["session_id"] }}',
    ):
        with DAG("d") as dag:
            browse("log_in") >> browse("read", template)
        assert "succeeded" not in closed_after("log_in", dag)
        assert use_of("read", dag).continues == ("log_in",)


def test_an_xcom_arg_within_a_text_continues_the_task_too() -> None:
    with DAG("d") as dag:
        log_in = browse("log_in")
        log_in >> browse("read", f"{session_of(log_in)}")
    assert "succeeded" not in closed_after("log_in", dag)


def test_tasks_in_between_that_do_not_browse_change_nothing() -> None:
    with DAG("d") as dag:
        log_in = browse("log_in")
        other = browse("another_session")
        log_in >> other >> browse("read", session_of(log_in))
    assert "succeeded" not in closed_after("log_in", dag)
    assert "succeeded" in closed_after("another_session", dag)


def test_a_session_from_elsewhere_is_left_as_it_is() -> None:
    with DAG("d") as dag:
        browse("guest", "{{ params.session_id }}")
        browse("named", "7f2b1c9e-0000-4000-8000-000000000001")
    assert closed_after("guest", dag) == set()
    assert closed_after("named", dag) == set()


def test_what_the_user_says_goes_before_what_the_dag_says() -> None:
    with DAG("d") as dag:
        log_in = browse("log_in")
        browse("read", session_of(log_in))
        browse("guest", "{{ params.session_id }}")
    assert closed_after("log_in", dag, keep_session=True) == set()
    assert "succeeded" in closed_after("log_in", dag, keep_session=False)
    assert "succeeded" in closed_after("guest", dag, keep_session=False)


def test_branches_of_one_session_know_each_other() -> None:
    with DAG("d") as dag:
        log_in = browse("log_in")
        browse("orders", session_of(log_in))
        browse("refunds", session_of(log_in))
    assert use_of("orders", dag).beside == ("refunds",)
    assert use_of("log_in", dag).beside == ()


def test_mapped_follow_ups_are_found() -> None:
    with DAG("d") as dag:
        log_in = browse("log_in")
        BrowserUseTaskOperator.partial(task_id="read", session_id=session_of(log_in)).expand(task=["a", "b"])
        sites = BrowserUseTaskOperator.partial(task_id="sites").expand(task=["a", "b"])
        BrowserUseTaskOperator.partial(task_id="more", task="...").expand(
            session_id=sites.output.map(lambda result: result["session_id"])
        )
    assert "succeeded" not in closed_after("log_in", dag)
    assert use_of("read", dag).beside == ("read",)
    assert "succeeded" not in closed_after("sites", dag)
    assert use_of("more", dag).begun_by == ("sites",)
    assert use_of("more", dag).beside == ()
    assert use_of("more", dag).per_map_index


def test_in_a_mapped_group_every_index_has_a_session_of_its_own() -> None:
    with DAG("d") as dag:

        @task_group
        def site(url: str) -> None:
            log_in = browse("log_in", agent_settings={"start_url": url})
            browse("read", session_of(log_in))

        site.expand(url=["http://a.test", "http://b.test"])
    assert use_of("site.read", dag).begun_by == ("site.log_in",)
    assert use_of("site.read", dag).per_map_index
    assert use_of("site.read", dag).beside == ()


def test_templates_that_name_each_other_in_a_circle_end_nowhere() -> None:
    with DAG("d") as dag:
        browse("a", "{{ ti.xcom_pull('b') }}")
        browse("b", "{{ ti.xcom_pull('a') }}")
    assert use_of("a", dag).begun_by == ()


def test_a_task_whose_session_id_comes_with_expand_kwargs_goes_on_in_the_session_it_is_given() -> None:
    with DAG("d") as dag:
        log_in = browse("log_in")
        BrowserUseTaskOperator.partial(task_id="literal").expand_kwargs(
            [{"task": "a", "session_id": "{{ ti.xcom_pull('log_in', key='session_id') }}"}, {"task": "b"}]
        )
        log_in >> BrowserUseTaskOperator.partial(task_id="from_xcom").expand_kwargs(XComArg(log_in))
    assert use_of("literal", dag).begun_by == ("log_in",)
    assert "log_in" in use_of("from_xcom", dag).begun_by
    assert use_of("from_xcom", dag).starts, "it may have none"
    assert "succeeded" not in closed_after("log_in", dag)


def test_a_follow_up_that_runs_whatever_became_of_the_task_before_keeps_its_session_open() -> None:
    with DAG("d") as dag:
        log_in = browse("log_in")
        browse("log_out", session_of(log_in), trigger_rule="all_done")
    assert closed_after("log_in", dag) == {"tried again"}


def test_a_follow_up_before_this_one_that_is_cleared_alone_goes_on_in_the_session() -> None:
    with DAG("d") as dag:
        log_in = browse("log_in")
        read = browse("read", session_of(log_in))
        browse("ship", session_of(read))
    assert use_of("ship", dag).beside == ("read",)


def test_the_session_of_a_group_has_the_task_that_started_it_as_its_owner() -> None:
    with DAG("d") as dag:
        with browser_session("shop") as session_id:
            log_in = browse("log_in", session_id)
            log_in >> browse("read", session_of(log_in))
        browse("alone")
    assert use_of("shop.read", dag).owner == "shop.start"
    assert use_of("shop.read", dag).begun_by == ()
    assert use_of("alone", dag).owner == "alone"
