"""What OpenLineage is told, with its own classes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from airflow.providers.common.compat.openlineage.facet import Dataset, ExternalQueryRunFacet
from airflow.providers.common.compat.sdk import DAG, TaskDeferred
from airflow.providers.openlineage.extractors.manager import ExtractorManager

from airflow_browser_use.operators import BrowserUseTaskOperator
from browser_use_client import TaskFailedError

from .fake_server import FakeServer
from .stand_in import TaskInstance, context_of, execute


def browse(prompt: str = "read", **kwargs: Any) -> BrowserUseTaskOperator:
    with DAG("shop"):
        task: BrowserUseTaskOperator = BrowserUseTaskOperator(task_id="browse", task=prompt, **kwargs)
    return task


def facet_of(server: FakeServer) -> dict[str, ExternalQueryRunFacet]:
    [remote] = server.tasks.values()
    return {"externalQuery": ExternalQueryRunFacet(externalQueryId=remote.id, source=server.url)}


def test_openlineage_asks_the_operator() -> None:
    assert ExtractorManager().get_extractor_class(browse()).__name__ == "DefaultExtractor"


def test_before_the_task_exists_its_files_are_told_and_no_connection() -> None:
    task = browse(
        files=["s3://the_conn@bucket/in/a.csv", "/data/b.csv", "file:///data/c.csv"],
        download_output_to=Path("/data/out"),
        large_output_to="s3://bucket/large",
    )
    told = task.get_openlineage_facets_on_start()
    assert told.inputs == [
        Dataset(namespace="s3://bucket", name="in/a.csv"),
        Dataset(namespace="file", name="/data/b.csv"),
        Dataset(namespace="file", name="/data/c.csv"),
    ]
    assert told.outputs == [Dataset(namespace="file", name="/data/out")]
    assert told.run_facets == {}


def test_after_it_the_remote_task_is_told_and_where_a_large_output_went(server: FakeServer, tmp_path: Path) -> None:
    task = browse(max_xcom_bytes=0, large_output_to=tmp_path)
    value = execute(task)
    told = task.get_openlineage_facets_on_complete(None)
    assert told.run_facets == facet_of(server)
    assert told.outputs == [Dataset(namespace="file", name=value["output_path"])]


def test_the_remote_task_is_told_by_the_try_that_takes_over_from_the_triggerer(server: FakeServer) -> None:
    task = browse(deferrable=True)
    with pytest.raises(TaskDeferred) as deferred:
        execute(task)
    event = {"browser_task_id": deferred.value.trigger.browser_task_id, "steps_logged": 0, "error": None}
    resumed = browse(deferrable=True)
    resumed.execute_complete(context_of(resumed), event)
    assert resumed.get_openlineage_facets_on_complete(None).run_facets == facet_of(server)


def test_the_remote_task_of_a_try_that_failed_is_told_too(server: FakeServer) -> None:
    task = browse("fail")
    with pytest.raises(TaskFailedError):
        execute(task, context_of(task, TaskInstance(max_tries=1)))
    assert task.get_openlineage_facets_on_complete(None).run_facets == facet_of(server)


def test_a_try_that_never_had_a_remote_task_has_none_to_tell(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_BROWSER_USE_DEFAULT", '{"conn_type": "browser_use"}')
    task = browse()
    with pytest.raises(Exception, match="no API key"):
        execute(task)
    assert task.get_openlineage_facets_on_complete(None).run_facets == {}
