"""What a try finds of the tries before it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from uuid import UUID

import pytest

from airflow_browser_use.hooks import BrowserUseHook
from airflow_browser_use.identity import RemoteIdentity
from airflow_browser_use.reattach import LISTS_LAG_SECONDS, earlier_tasks
from airflow_browser_use.record import Memory
from browser_use_client import BrowserUseClient, Task
from tests.airflow.fake_server import FakeServer
from tests.airflow.stand_in import context_of, retry
from tests.airflow.test_task_operator import browse


@pytest.fixture
def client(server: FakeServer) -> Iterator[BrowserUseClient]:  # noqa: ARG001 - it serves the connection
    with BrowserUseHook().new_client() as client:
        yield client


@pytest.fixture
def identity() -> RemoteIdentity:
    return RemoteIdentity.of(retry(context_of(browse())))


def ended_while_creating(ago: timedelta) -> Memory:
    return Memory(since=datetime.now(timezone.utc) - ago, task_id=None, session_id=None)


def look(
    client: BrowserUseClient, identity: RemoteIdentity, memory: Memory | None, sleep: Callable[[float], None]
) -> list[Task]:
    return earlier_tasks(client, identity, memory, None, remembers=memory is not None, sleep=sleep)


def test_a_try_that_follows_one_which_ended_while_it_created_waits_until_lists_show_its_task(
    client: BrowserUseClient, identity: RemoteIdentity
) -> None:
    key = f"{identity.instance}/0.0/1"
    pauses: list[float] = []

    def until_it_shows(seconds: float) -> None:
        pauses.append(seconds)
        client.create_task("read", key=key)

    [found] = look(client, identity, ended_while_creating(timedelta(seconds=5)), until_it_shows)
    assert found.key == key
    assert 0 < pauses[0] <= LISTS_LAG_SECONDS - 5


def test_a_try_that_comes_later_than_lists_do_does_not_wait(client: BrowserUseClient, identity: RemoteIdentity) -> None:
    pauses: list[float] = []
    assert look(client, identity, ended_while_creating(timedelta(minutes=5)), pauses.append) == []
    assert sum(pauses) == 0


@pytest.mark.parametrize("ago", [5, 300])
def test_where_nothing_is_remembered_the_id_of_the_task_instance_says_how_long_to_wait(
    client: BrowserUseClient, ago: int
) -> None:
    ended = int((datetime.now(timezone.utc) - timedelta(seconds=ago)).timestamp() * 1000)
    context = retry(context_of(browse()))
    context["ti"].id = UUID(int=ended << 80 | 7 << 76 | 2 << 62)
    pauses: list[float] = []
    assert look(client, RemoteIdentity.of(context), None, pauses.append) == []
    assert [0 < pause <= LISTS_LAG_SECONDS - 5 for pause in pauses] == [True] * (ago < LISTS_LAG_SECONDS)


def test_a_task_of_the_last_try_that_is_listed_is_waited_for_by_nobody(
    client: BrowserUseClient, identity: RemoteIdentity
) -> None:
    client.create_task("read", key=f"{identity.instance}/0.0/1")
    pauses: list[float] = []
    [found] = look(client, identity, ended_while_creating(timedelta(seconds=1)), pauses.append)
    assert found.key is not None
    assert pauses == []


def test_where_nothing_is_remembered_the_list_is_read_no_further_than_the_latest_task(
    server: FakeServer, client: BrowserUseClient, identity: RemoteIdentity
) -> None:
    server.api.add_others(900)
    created = client.create_task("read", key=f"{identity.instance}/0.0/1")
    server.api.forget_requests()
    [found] = earlier_tasks(client, identity, None, None, remembers=False, sleep=pytest.fail)
    assert found.id == created.id
    assert len(server.requests) == 2
