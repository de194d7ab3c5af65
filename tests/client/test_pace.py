"""No five seconds see more requests of one client than its contract allows."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from browser_use_client.contracts import CONTRACTS
from browser_use_client.pace import Pace
from tests.client.conftest import Client
from tests.fake_api import FakeApi


@given(pauses=st.lists(st.floats(0, 6), max_size=400))
def test_no_five_seconds_see_more_than_120_and_none_waits_without_need(pauses: list[float]) -> None:
    now = 100.0
    pace = Pace(20, lambda: now)
    turns: list[float] = []
    for pause in pauses:
        now += pause
        turns.append(now + pace.pause())

    for position, turn in enumerate(turns):
        assert len([one for one in turns[: position + 1] if one > turn - 5.0 + 1e-9]) <= 120
    assert_none_waits_longer_than_where_each_second_has_twenty(pauses, turns)


def assert_none_waits_longer_than_where_each_second_has_twenty(pauses: list[float], turns: list[float]) -> None:
    now, least = 100.0, list[float]()
    for pause, turn in zip(pauses, turns, strict=True):
        now += pause
        least.append(max(now, least[-20] + 1.0) if len(least) >= 20 else now)
        assert turn <= least[-1] + 1e-9


@given(answers=st.lists(st.floats(0.05, 2), max_size=200))
def test_what_asks_for_one_thing_after_another_never_waits(answers: list[float]) -> None:
    now = 100.0
    pace = Pace(20, lambda: now)

    for seconds in answers:
        assert pace.pause() <= 1e-9
        now += seconds


def test_a_client_paces_itself_in_the_time_that_it_was_given(
    fake: FakeApi, connect: Callable[..., Client], contract: str
) -> None:
    client = connect(fake, api_version=contract)
    if contract == "v4":
        fake.limit(requests_a_second=25)
    began = fake.time()

    for _ in range(240):
        client.get_account()

    assert [one["status"] for one in fake.requests()] == [200] * 240
    assert fake.time() - began == pytest.approx(11.0 if contract == "v4" else 0.0, abs=1e-3)


def test_threads_share_the_turns_of_their_client() -> None:
    pace = Pace(20, lambda: 0.0)

    with ThreadPoolExecutor(8) as threads:
        turns = list(threads.map(lambda _: pace.pause(), range(100)))

    assert sorted(turns) == pytest.approx([0.0] * 20 + [number / 20 for number in range(1, 81)])


def test_a_clock_that_is_set_back_keeps_nobody_waiting() -> None:
    now = 5_000.0
    pace = Pace(20, lambda: now)
    for _ in range(20):
        pace.pause()

    now = 1_400.0

    assert [pace.pause() for _ in range(21)] == pytest.approx([0.0] * 20 + [0.05])


def test_only_v4_counts_requests() -> None:
    pace = Pace(CONTRACTS["v2-flat"].requests_per_second, lambda: 0.0)

    assert {pace.pause() for _ in range(500)} == {0.0}
    assert CONTRACTS["v4"].requests_per_second == 20


def test_the_twenty_first_request_at_once_waits_for_the_room_of_one_on_v4(
    client: Client, fake: FakeApi, contract: str
) -> None:
    began = fake.time()

    for _ in range(21):
        client.get_account()

    assert fake.time() - began == pytest.approx(0.05 if contract == "v4" else 0.0, abs=1e-3)
