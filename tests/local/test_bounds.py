"""Input that would keep a careless server busy for minutes."""

from __future__ import annotations

import pytest

from browser_use_local.script.parse import NotUnderstoodError, parse

from .watchdog import at_most

# Many times what a request may have: work that grows with the square of it would take minutes.
MUCH = 100_000


@pytest.mark.parametrize(
    "task",
    [
        "click" + " " * MUCH,
        "click" + " " * MUCH + "x y z w v u t",
        "type a" + "\t" * MUCH + "in",
        "a" * MUCH,
        "a:" * MUCH,
        "a." * MUCH,
        "no a.b-" * MUCH,
        "“" * MUCH,
        "'a" * MUCH,
        "{{" + " " * MUCH,
        "please " * MUCH,
        " then" * MUCH,
        "click a" + " and b" * 600,
        " and ".join(["click a"] * 600),
        "report a" + ", b" * MUCH,
    ],
    ids=lambda task: task[:12],
)
def test_a_task_that_is_not_understood_is_refused_at_once_however_long_it_is(task: str) -> None:
    with at_most(20), pytest.raises(NotUnderstoodError):
        parse(task, ["user"])


def test_a_sentence_may_join_many_steps_and_names() -> None:
    assert len(parse(" and ".join(["click a"] * 50), [])) == 50
    assert len(parse("report a" + ", b" * 50, [])) == 1
