"""No second sees more requests of one client than its contract allows."""

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


@given(pauses=st.lists(st.floats(0, 2), max_size=100))
def test_no_second_sees_more_than_twenty_and_none_waits_without_need(pauses: list[float]) -> None:
    now = 100.0
    pace = Pace(20, lambda: now)
    turns: list[float] = []
    for pause in pauses:
        now += pause
        turns.append(now + pace.pause())
        recent = [turn for turn in turns[:-1] if turn > turns[-1] - 1.0 + 1e-9]
        assert len(recent) < 20
        assert turns[-1] == now or len([turn for turn in turns if turn >= turns[-1] - 1.0 - 1e-9]) > 20


def test_a_client_paces_itself_in_the_time_that_it_was_given(
    fake: FakeApi, connect: Callable[..., Client], contract: str
) -> None:
    client = connect(fake, api_version=contract)
    if contract == "v4":
        fake.limit(requests_a_second=20)
    began = fake.time()

    for _ in range(110):
        client.get_account()

    assert [one["status"] for one in fake.requests()] == [200] * 110
    assert fake.time() - began == pytest.approx(5.0 if contract == "v4" else 0.0, abs=1e-3)


def test_threads_share_the_turns_of_their_client() -> None:
    pace = Pace(20, lambda: 0.0)

    with ThreadPoolExecutor(8) as threads:
        turns = list(threads.map(lambda _: pace.pause(), range(100)))

    assert sorted(turns) == [float(second) for second in range(5) for _ in range(20)]


def test_a_clock_that_is_set_back_keeps_nobody_waiting() -> None:
    now = 5_000.0
    pace = Pace(20, lambda: now)
    for _ in range(20):
        pace.pause()

    now = 1_400.0

    assert [pace.pause() for _ in range(21)] == [0.0] * 20 + [1.0]


def test_only_v4_counts_requests() -> None:
    pace = Pace(CONTRACTS["v2-flat"].requests_per_second, lambda: 0.0)

    assert {pace.pause() for _ in range(500)} == {0.0}
    assert CONTRACTS["v4"].requests_per_second == 20


def test_the_twenty_first_request_of_a_client_waits_on_v4(client: Client, fake: FakeApi, contract: str) -> None:
    began = fake.time()

    for _ in range(21):
        client.get_account()

    assert fake.time() - began == (1.0 if contract == "v4" else 0.0)
