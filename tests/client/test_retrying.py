from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from browser_use_client import errors
from browser_use_client.contracts import V2_FLAT
from browser_use_client.retrying import LONGEST_RETRY_AFTER_SECONDS, MAX_ATTEMPTS, can_try_again, pause_before, retried
from tests.client.in_memory import InMemory


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (errors.NetworkError("x"), True),
        (errors.ConnectError("x"), True),
        (errors.ServerError("x", status_code=503), True),
        (errors.RateLimitedError("x", status_code=429, retry_after=30), True),
        (errors.RateLimitedError("x", status_code=429, retry_after=LONGEST_RETRY_AFTER_SECONDS + 1), False),
        (errors.NotFoundError("x", status_code=404), False),
        (errors.SessionBusyError("x", status_code=400), False),
        (errors.AuthenticationError("x", status_code=401), False),
        (errors.UnexpectedResponseError("x", status_code=200), False),
        (errors.InvalidRequestError("x"), False),
        (ValueError("x"), False),
        (None, False),
    ],
)
def test_only_what_can_pass_by_itself_soon_is_asked_again(error: BaseException | None, expected: bool) -> None:
    assert can_try_again(error) is expected


@given(attempt=st.integers(1, 5000))
def test_pauses_grow_to_a_bound_and_differ(attempt: int) -> None:
    error = errors.ServerError("x")

    pauses = [pause_before(attempt, error) for _ in range(20)]

    assert all(0.5 <= pause <= 20.5 for pause in pauses)
    assert len(set(pauses)) > 1
    assert min(pauses) >= min(0.5 * 2 ** min(attempt - 1, 9), 20.0)


@given(attempt=st.integers(1, 10), hint=st.floats(0, 1000))
def test_a_pause_is_never_shorter_than_the_server_asks(attempt: int, hint: float) -> None:
    assert pause_before(attempt, errors.RateLimitedError("x", retry_after=hint)) >= hint


def test_a_read_is_tried_so_many_times_with_growing_pauses_and_ends_in_the_last_error() -> None:
    server = InMemory("v2-flat")
    server.fault("GET", "/billing/account", status=503, times=4)
    server.fault("GET", "/billing/account", status=502, times=None)

    with pytest.raises(errors.ServerError) as caught:
        server.run(retried(V2_FLAT.get_account()))

    assert caught.value.status_code == 502
    assert server.trace.count("GET /billing/account") == MAX_ATTEMPTS
    assert len(server.sleeps) == MAX_ATTEMPTS - 1
    assert all(shorter < longer for shorter, longer in pairwise(server.sleeps))


def test_a_refusal_is_not_repeated() -> None:
    server = InMemory("v2-flat")
    server.fault("GET", "/billing/account", status=401, times=None)

    with pytest.raises(errors.AuthenticationError):
        server.run(retried(V2_FLAT.get_account()))

    assert server.trace == ["GET /billing/account"]
