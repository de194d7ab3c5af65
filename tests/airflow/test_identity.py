from __future__ import annotations

from datetime import datetime, timezone
from types import SimpleNamespace
from typing import Any

from airflow_browser_use.identity import RemoteIdentity
from browser_use_client import Task

STARTED = datetime(2026, 11, 23, 6, 0, 0, 250_000, tzinfo=timezone.utc)


def identity(
    *,
    max_tries: int = 2,
    try_number: int = 1,
    retries: int = 2,
    clears: int = 0,
    map_index: int = -1,
    started: Any = STARTED,
) -> RemoteIdentity:
    ti = SimpleNamespace(
        dag_id="shop",
        run_id="scheduled__1",
        task_id="read",
        map_index=map_index,
        max_tries=max_tries,
        try_number=try_number,
    )
    context: Any = {
        "ti": ti,
        "dag_run": SimpleNamespace(start_date=started, clear_number=clears),
        "task": SimpleNamespace(retries=retries),
    }
    return RemoteIdentity.of(context)


def made_by(identity: RemoteIdentity) -> Task:
    return Task(id="t", session_id="s", status="started", key=identity.key)


def test_each_try_has_a_key_of_its_own_below_that_of_the_task_instance() -> None:
    assert identity().key == "airflow/shop/scheduled__1/1795413600.250/read/-1/2.0/1"
    assert identity(try_number=2).key == "airflow/shop/scheduled__1/1795413600.250/read/-1/2.0/2"


def test_a_retry_knows_the_task_of_an_earlier_try_as_one_of_its_generation() -> None:
    assert identity(try_number=3).made_in_this_generation(made_by(identity()))


def test_a_clear_after_the_second_try_knows_the_tasks_before_it_as_older_ones() -> None:
    cleared = identity(max_tries=2 + 2, try_number=3, clears=1)
    assert cleared.made(made_by(identity()))
    assert not cleared.made_in_this_generation(made_by(identity()))


def test_an_edit_of_the_retries_of_the_dag_changes_nothing() -> None:
    assert identity(retries=0, try_number=2).made_in_this_generation(made_by(identity()))
    assert identity(retries=9, try_number=2).made_in_this_generation(made_by(identity()))


def test_an_edit_of_the_retries_before_a_clear_is_a_new_generation_though_it_leads_to_the_same_max_tries() -> None:
    cleared = identity(max_tries=1 + 1, retries=1, clears=1, try_number=2)
    assert not cleared.made_in_this_generation(made_by(identity()))
    after_another_try = identity(max_tries=1 + 1, retries=1, clears=1, try_number=3)
    assert not after_another_try.made_in_this_generation(made_by(identity()))
    assert after_another_try.made_in_this_generation(made_by(cleared))


def test_a_clear_of_another_task_of_the_run_changes_nothing() -> None:
    assert identity(clears=1, try_number=2).made_in_this_generation(made_by(identity()))
    assert identity(clears=1, try_number=2, retries=9).made_in_this_generation(made_by(identity()))


def test_map_indexes_never_share_a_key() -> None:
    assert not identity(map_index=0).made(made_by(identity(map_index=1)))
    assert not identity(map_index=1).made(made_by(identity(map_index=11)))


def test_two_airflows_that_run_the_same_dag_for_the_same_date_do_not_share_a_key() -> None:
    other = STARTED.replace(microsecond=251_000)
    assert not identity(started=other).made(made_by(identity()))


def test_a_task_says_which_task_instance_of_the_run_made_it() -> None:
    assert identity().other_instance(made_by(identity(map_index=3))) == ("read", 3)
    assert identity().other_instance(made_by(identity(started=None))) is None
    assert identity().other_instance(Task(id="t", session_id="s", status="started")) is None


def test_nothing_before_the_run_is_looked_at() -> None:
    assert identity().since == STARTED
