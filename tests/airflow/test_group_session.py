"""Which task of a group begins its session, where the server starts none by itself."""

from __future__ import annotations

import pytest

from airflow_browser_use.group_session import is_name, new_name, who_begins


@pytest.mark.parametrize(
    ("own", "states", "first"),
    [
        (("read", -1), {("read", -1): "running"}, ("read", -1)),
        (("read", -1), {("read", -1): "running", ("ask", -1): None}, ("ask", -1)),
        (("ask", -1), {("read", -1): "running", ("ask", -1): "running"}, ("ask", -1)),
        (("read", -1), {("read", -1): "running", ("ask", -1): "failed"}, ("read", -1)),  # and it has begun none
        (("read", -1), {("read", -1): "running", ("ask", -1): "up_for_retry"}, ("ask", -1)),
        (("read", -1), {("read", -1): "running", ("after", -1): None}, ("read", -1)),  # waits for it
        (("map", 2), {("map", 0): "success", ("map", 1): "queued", ("map", 2): "running"}, ("map", 1)),
    ],
)
def test_the_first_that_has_not_ended_begins_the_session(
    own: tuple[str, int], states: dict[tuple[str, int], str | None], first: tuple[str, int]
) -> None:
    assert who_begins(own, states, {"ask", "read", "map"}) == first


def test_a_name_is_no_id_of_a_session() -> None:
    assert is_name(new_name())
    assert new_name() != new_name()
    assert not is_name("7d2c0000-0000-4000-8000-000000000000")
    assert not is_name(None)
