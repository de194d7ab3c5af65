from __future__ import annotations

from typing import Any

import pytest
from airflow.providers.common.compat.sdk import DAG, XComArg

from airflow_browser_use.operators import BrowserUseTaskOperator
from browser_use_client import InvalidRequestError


def with_secret(value: object) -> BrowserUseTaskOperator:
    return BrowserUseTaskOperator(task_id="log_in", task="...", secrets={"password": value})


@pytest.mark.parametrize(
    "reference",
    [
        "{{ conn.shop.password }}",
        " {{ conn.shop.password }}\n",
        "{{ conn['shop'].password | urlencode }}",
        "{{ conn.get('shop').extra_dejson['api']['key'] }}",
        "{{ conn.get('shop_' ~ params.region).extra_dejson.get('key') }}",
        "{{ conn.shop.get_uri() }}",
        "{{ var.value.shop_password }}",
        "{{ var.value.get('shop_password') }}",
        "{{ var.json.shop.password }}",
        "{{ vault('shop') }}",
        "{{ vault.read('shop', key='password') }}",
        "{{ macros.vault.read('shop') }}",
    ],
)
def test_references_are_taken(reference: str) -> None:
    assert with_secret(reference).secrets is not None


@pytest.mark.parametrize(
    "literal",
    [
        "pa55word",
        "",
        7,
        None,
        {"of": "{{ conn.shop.password }}"},
        "{% raw %}pa55word",
        "pa55word{{ '' }}",
        "{{ '' }}pa55word",
        "{{ 'pa55word' }}",
        "{{ 'pa55word' | trim }}",
        "{{ 'pa55word' ~ conn.shop.password }}",
        "{{ conn.shop.password ~ 'pa55word' }}",
        "{{ conn.shop.password }}{{ conn.shop.login }}pa55word",
        "{{ conn.shop.password or 'pa55word' }}",
        "{{ conn.shop.password if False else 'pa55word' }}",
        "{{ conn.shop.password | default('pa55word') }}",
        "{{ var.value.get('missing', 'pa55word') }}",
        "{{ var.json.get('missing', default_var='pa55word') }}",
        "{{ conn.shop.login.join('pa55word') }}",
        "{{ ['pa55word'][0] }}",
        "{{ dict(a='pa55word').a }}",
        "{% set p = 'pa55word' %}{{ p }}",
        "{{ conn.shop.password",
    ],
)
def test_what_is_no_reference_is_refused_when_the_dag_is_parsed_with_the_template_to_write_instead(
    literal: object,
) -> None:
    with pytest.raises(InvalidRequestError) as error:
        with_secret(literal)
    assert "secrets['password']" in str(error.value)
    assert "{{ conn.shop.password }}" in str(error.value)
    assert "pa55word" not in str(error.value)


@pytest.mark.parametrize(
    "template", ["{{ params.p }}", "{{ dag_run.conf['p'] }}", "{{ ti.xcom_pull('x') }}", "{{ task.doc_md }}"]
)
def test_a_template_of_what_airflow_stores_in_plain_text_is_refused(template: str) -> None:
    with pytest.raises(InvalidRequestError, match="stand in Airflow's database"):
        with_secret(template)


def test_all_of_them_may_be_one_reference_or_a_function_but_no_xcom() -> None:
    with DAG("shop"):
        for number, secrets in enumerate(["{{ conn.shop.extra_dejson }}", lambda **_: {"password": "pa55word"}]):
            BrowserUseTaskOperator(task_id=f"log_in_{number}", task="...", secrets=secrets)
        earlier = XComArg(with_secret("{{ conn.shop.login }}"))
        with pytest.raises(InvalidRequestError, match="`secrets` is an XCom"):
            BrowserUseTaskOperator(task_id="by_xcom", task="...", secrets=earlier)
        with pytest.raises(InvalidRequestError, match="`secrets` is not a reference"):
            BrowserUseTaskOperator(task_id="by_text", task="...", secrets='{"password": "pa55word"}')


@pytest.mark.parametrize("rendered", [{"password": "pa55word"}, '{"password": "pa55word"}'])
def test_rendered_values_are_shown_by_nothing_but_the_request(rendered: Any) -> None:
    secrets = with_secret("{{ conn.shop.password }}").secrets
    assert secrets is not None
    secrets.values = rendered
    assert "pa55word" not in f"{secrets} {secrets!r} {secrets.reveal()}"
    assert secrets.reveal()["password"].get_secret_value() == "pa55word"
