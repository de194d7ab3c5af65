from __future__ import annotations

import pytest
from airflow.providers.common.compat.sdk import DAG, task

from airflow_browser_use.operators import BrowserUseTaskOperator
from browser_use_client import InvalidRequestError


def with_secret(value: object) -> BrowserUseTaskOperator:
    return BrowserUseTaskOperator(task_id="log_in", task="...", secrets={"password": value})


@pytest.mark.parametrize(
    "template", ["{{ conn.shop.password }}", "{{ var.value.shop_password }}", "{{ vault('shop') }}"]
)
def test_templates_are_taken(template: str) -> None:
    secrets = with_secret(template).secrets
    assert secrets is not None
    assert secrets.values == {"password": template}


@pytest.mark.parametrize("literal", ["pa55word", "", 7, None, "{% raw %}pa55word"])
def test_a_literal_is_refused_when_the_dag_is_parsed_with_the_template_to_write_instead(literal: object) -> None:
    with pytest.raises(InvalidRequestError) as error:
        with_secret(literal)
    assert "secrets['password']" in str(error.value)
    assert "{{ conn.shop.password }}" in str(error.value)
    assert "pa55word" not in str(error.value)


@pytest.mark.parametrize("template", ["{{ params.p }}", "{{ dag_run.conf['p'] }}", "{{ ti.xcom_pull('x') }}"])
def test_a_template_of_what_airflow_stores_in_plain_text_is_refused(template: str) -> None:
    with pytest.raises(InvalidRequestError, match="stand in Airflow's database"):
        with_secret(template)


def test_a_literal_in_a_mapped_task_is_refused_when_the_dag_is_parsed_too() -> None:
    with DAG("shop"):
        with pytest.raises(InvalidRequestError, match="is no template"):
            BrowserUseTaskOperator.partial(task_id="browse", secrets={"password": "pa55word"})
        with pytest.raises(InvalidRequestError, match="is no template"):
            task.browser_use(secrets={"password": "pa55word"})
        mapped = BrowserUseTaskOperator.partial(task_id="browse", secrets={"password": "{{ conn.shop.password }}"})
        mapped.expand(task=["a", "b"])


def test_rendered_values_are_shown_by_nothing_but_the_request() -> None:
    secrets = with_secret("{{ conn.shop.password }}").secrets
    assert secrets is not None
    secrets.values["password"] = "pa55word"
    assert "pa55word" not in f"{secrets} {secrets!r} {secrets.reveal()}"
    assert secrets.reveal()["password"].get_secret_value() == "pa55word"
