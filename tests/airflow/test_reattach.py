"""What a try finds of the tries before it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta, timezone

import pytest

from airflow_browser_use.hooks import BrowserUseHook
from airflow_browser_use.identity import RemoteIdentity
from airflow_browser_use.reattach import LISTS_LAG_SECONDS, earlier_tasks
from airflow_browser_use.record import Memory
from browser_use_client import BrowserUseClient
from tests.airflow.fake_browser_use import FakeBrowserUse
from tests.airflow.stand_in import context_of, retry
from tests.airflow.test_task_operator import browse


@pytest.fixture
def client(server: FakeBrowserUse) -> Iterator[BrowserUseClient]:  # noqa: ARG001 - it serves the connection
    with BrowserUseHook().new_client() as client:
        yield client


@pytest.fixture
def identity() -> RemoteIdentity:
    return RemoteIdentity.of(retry(context_of(browse())))


def ended_while_creating(ago: timedelta) -> Memory:
    return Memory(since=datetime.now(timezone.utc) - ago, task_id=None, session_id=None)


def test_a_try_that_follows_one_which_ended_while_it_created_waits_until_lists_show_its_task(
    client: BrowserUseClient, identity: RemoteIdentity
) -> None:
    key = f"{identity.instance}/0.0/1"
    pauses: list[float] = []

    def until_it_shows(seconds: float) -> None:
        pauses.append(seconds)
        client.create_task("read", key=key)

    [found] = earlier_tasks(client, identity, ended_while_creating(timedelta(seconds=5)), None, until_it_shows)
    assert found.key == key
    assert 0 < pauses[0] <= LISTS_LAG_SECONDS - 5


def test_a_try_that_comes_later_than_lists_do_does_not_wait(client: BrowserUseClient, identity: RemoteIdentity) -> None:
    pauses: list[float] = []
    assert earlier_tasks(client, identity, ended_while_creating(timedelta(minutes=5)), None, pauses.append) == []
    assert sum(pauses) == 0
