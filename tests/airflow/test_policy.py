"""What is wrong with mapped tasks is seen when their DAG file is parsed, as Airflow parses it."""

from __future__ import annotations

from pathlib import Path

import pytest

try:
    from airflow.dag_processing.dagbag import DagBag
except ImportError:  # below 3.2
    from airflow.models.dagbag import DagBag

IMPORTS = """
from datetime import timedelta
from airflow.providers.common.compat.sdk import DAG, TaskGroup, task
from airflow_browser_use.operators import BrowserUseTaskOperator

BAD = {"password": "pa55word"}
GOOD = {"password": "{{ conn.shop.password }}"}
mapped = BrowserUseTaskOperator.partial

@task
def rows():
    return []

@task.browser_use
def ask(text):
    return text

"""


def parse(tmp_path: Path, dag: str) -> str:
    """The import error of a DAG file; empty if it has none."""
    path = tmp_path / "shop.py"
    path.write_text(IMPORTS + dag)
    bag = DagBag(str(path))
    assert bag.dags or bag.import_errors
    return "".join(bag.import_errors.values())


@pytest.mark.parametrize(
    "dag",
    [
        'with DAG("d"): mapped(task_id="t", secrets=BAD).expand(task=["a"])',
        'with DAG("d"): mapped(task_id="t", task="a").expand(secrets=[GOOD, BAD])',
        'with DAG("d"): mapped(task_id="t", task="a").expand_kwargs([{"secrets": GOOD}, {"secrets": BAD}])',
        'with DAG("d"): mapped(task_id="t", task="a").expand(secrets=rows())',
        'with DAG("d", default_args={"secrets": BAD}): mapped(task_id="t").expand(task=["a"])',
        'with DAG("d", default_args={"secrets": BAD}): ask.expand(text=["a"])',
        'with DAG("d"), TaskGroup("g", default_args={"secrets": BAD}): ask.expand(text=["a"])',
        'with DAG("d"): ask.override(secrets=BAD).expand(text=["a"])',
        'with DAG("d"): ask.override(secrets=BAD).expand_kwargs(rows())',
        'with DAG("d"): ask.override(secrets={"password": "pa55word{{ \'\' }}"})("a")',
    ],
)
def test_secrets_that_are_no_reference_are_an_import_error_wherever_they_are_written(tmp_path: Path, dag: str) -> None:
    error = parse(tmp_path, dag)
    assert "stand" in error
    assert "in Airflow's database in plain text" in error
    assert "pa55word" not in error


@pytest.mark.parametrize(
    ("dag", "said"),
    [
        ('mapped(task_id="t", task="a").expand(timeout=[1, "20m"])', "`timeout` must be"),
        ('mapped(task_id="t", timeout=0).expand(task=["a"])', "`timeout` must be"),
        ('mapped(task_id="t").expand(task=["a", " "])', "`task` is empty"),
        ('mapped(task_id="t").expand_kwargs([{"task": "a", "agent_settings": {"lllm": "o3"}}])', "has no 'lllm'"),
        ('ask.override(metadata={"idempotency_key": "mine"}).expand(text=["a"])', "idempotency_key"),
    ],
)
def test_other_arguments_that_are_wrong_are_import_errors_too(tmp_path: Path, dag: str, said: str) -> None:
    error = parse(tmp_path, f'with DAG("d"): {dag}')
    assert said in error
    assert "Task 't' of DAG 'd'" in error or "Task 'ask' of DAG 'd'" in error


def test_mapped_tasks_with_nothing_wrong_are_parsed(tmp_path: Path) -> None:
    dag = """
with DAG("d", default_args={"secrets": GOOD, "timeout": timedelta(minutes=5)}):
    mapped(task_id="a", poll_interval=timedelta(seconds=1)).expand(task=["a", "{{ ds }}"], agent_settings=[{}, {}])
    mapped(task_id="b", task="a").expand_kwargs(rows())
    mapped(task_id="c").expand_kwargs([{"task": "a", "secrets": GOOD}])
    mapped(task_id="d").expand(task=rows())
    ask.override(secrets="{{ conn.shop.extra_dejson }}").expand(text=["a"])
    with TaskGroup("g", default_args={"metadata": {"team": "sales"}}):
        ask.expand_kwargs(rows())
"""
    assert parse(tmp_path, dag) == ""
