from __future__ import annotations

from datetime import datetime, timezone
from types import SimpleNamespace
from typing import Any

from airflow_browser_use.identity import RemoteIdentity

STARTED = datetime(2026, 11, 23, 6, 0, 0, 250_000, tzinfo=timezone.utc)


def identity(*, max_tries: int = 2, retries: int = 2, map_index: int = -1, started: Any = STARTED) -> RemoteIdentity:
    ti = SimpleNamespace(dag_id="shop", run_id="scheduled__1", task_id="read", map_index=map_index, max_tries=max_tries)
    context = {"ti": ti, "dag_run": SimpleNamespace(start_date=started), "task": SimpleNamespace(retries=retries)}
    return RemoteIdentity.of(context)


def test_every_retry_of_a_generation_has_the_same_key() -> None:
    assert identity().key == "airflow/shop/scheduled__1/read/-1/1795413600.250/0"
    assert identity().earlier_keys == []


def test_a_clear_after_the_second_try_has_a_key_of_its_own_and_knows_the_ones_before() -> None:
    cleared = identity(max_tries=2 + 2)
    assert cleared.key != identity().key
    assert identity().key in cleared.earlier_keys


def test_map_indexes_never_share_a_key() -> None:
    assert identity(map_index=0).key != identity(map_index=1).key


def test_two_airflows_that_run_the_same_dag_for_the_same_date_do_not_share_a_key() -> None:
    other = STARTED.replace(microsecond=251_000)
    assert identity(started=other).key != identity().key


def test_retries_that_were_raised_in_the_dag_meanwhile_do_not_change_the_key() -> None:
    assert identity(max_tries=2, retries=5).key == identity().key


def test_nothing_before_the_run_is_looked_at() -> None:
    assert identity().since == STARTED
