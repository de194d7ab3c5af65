from __future__ import annotations

from datetime import datetime, timezone
from types import SimpleNamespace
from typing import Any

import pytest

from airflow_browser_use.identity import RemoteIdentity, TaskKey
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


def key_of(identity: RemoteIdentity, *, ends_with_run: bool = False, left: bool = False) -> str:
    return identity.key(ends_with_run=ends_with_run, left=left)


def made_by(identity: RemoteIdentity) -> Task:
    return Task(id="t", session_id="s", status="started", key=key_of(identity))


def test_each_try_has_a_key_of_its_own_below_that_of_the_task_instance() -> None:
    assert key_of(identity()) == "airflow/shop/scheduled__1/1795413600.250/read/-1/2.0/1"
    assert key_of(identity(try_number=2)) == "airflow/shop/scheduled__1/1795413600.250/read/-1/2.0/2"


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


@pytest.mark.parametrize("left", [False, True])
@pytest.mark.parametrize("ends_with_run", [False, True])
def test_a_later_try_knows_all_keys_that_earlier_ones_can_have_had(ends_with_run: bool, left: bool) -> None:
    later = identity(max_tries=5, try_number=4, clears=2).earlier_keys()
    for earlier in (identity(), identity(try_number=2, clears=1, max_tries=3), identity(max_tries=20, try_number=3)):
        assert key_of(earlier, ends_with_run=ends_with_run, left=left) in later
    assert key_of(identity(max_tries=5, try_number=4, clears=2)) not in later
    assert identity().earlier_keys() == []


def test_a_key_says_what_whoever_cleans_up_later_has_to_know() -> None:
    key = key_of(identity(map_index=3, clears=1), ends_with_run=True, left=True)
    assert TaskKey.read(key) == TaskKey("airflow/shop/scheduled__1/1795413600.250/read/3", 2, 1, 1, True, True)
    assert TaskKey.read("of the user/2.1/1") is None


def test_nothing_before_the_run_is_looked_at() -> None:
    assert identity().since == STARTED
