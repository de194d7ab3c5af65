from __future__ import annotations

from typing import Any

from airflow_browser_use.record import Record

from .stand_in import Store


def test_an_end_that_two_tries_see_is_the_first_one_once() -> None:
    context: Any = {"task_state_store": Store()}
    assert Record(context).is_first_end("a")
    assert not Record(context).is_first_end("a")
    assert Record(context).is_first_end("b"), "a clear begins anew"
