"""Triggers in an event loop, against a server. What a triggerer does to them is in the end-to-end tests."""

from __future__ import annotations

import asyncio
import json
import re
import time
from typing import Any
from uuid import uuid4

import pytest
from airflow.triggers.base import BaseTrigger

from airflow_browser_use import watching
from airflow_browser_use.session_policy import SessionPolicy
from airflow_browser_use.triggers import BrowserUseTaskTrigger
from browser_use_client import BrowserUseClient
from tests.fake_api import API_KEY, Recorded

from .fake_server import FakeServer


def start(server: FakeServer, prompt: str) -> str:
    with BrowserUseClient(API_KEY, server.url) as client:
        return client.create_task(prompt).id


def trigger_for(task_id: str, **settings: Any) -> BrowserUseTaskTrigger:
    return BrowserUseTaskTrigger(browser_use_conn_id="browser_use_default", browser_task_id=task_id, **settings)


async def event_of(trigger: BrowserUseTaskTrigger) -> dict[str, Any]:
    [event] = [event async for event in trigger.run()]
    payload: dict[str, Any] = json.loads(json.dumps(event.payload))
    return payload


def test_its_row_holds_ids_and_plain_settings_only() -> None:
    policy = SessionPolicy(owned=True, downstream=("read",)).to_values()
    path, settings = trigger_for("t", session_policy=policy).serialize()
    assert path == "airflow_browser_use.triggers.BrowserUseTaskTrigger"
    assert settings == {
        "browser_use_conn_id": "browser_use_default",
        "browser_task_id": "t",
        "deadline": None,
        "poll_interval": None,
        "stop_on_timeout": True,
        "stop_on_kill": True,
        "browser_session_id": None,
        "session_policy": {
            "owned": True,
            "begun_here": False,
            "beside": [],
            "downstream": ["read"],
            "outlives_failure": False,
            "per_map_index": False,
        },
        "api_version": None,
        "max_cost_usd": None,
        "in_dag_test": False,
        "require_same_browser": False,
    }
    assert BrowserUseTaskTrigger(**settings).serialize() == (path, settings)


def test_it_fires_once_with_ids_and_no_output_when_the_task_has_ended(server: FakeServer) -> None:
    task_id = start(server, "for 0.5 s")
    assert asyncio.run(event_of(trigger_for(task_id))) == {"browser_task_id": task_id, "steps_logged": 0, "error": None}


def test_it_says_how_many_steps_it_has_logged_each_of_them_once(server: FakeServer) -> None:
    task_id = start(server, "forever")

    def end_once_it_was_read_twice(_: Recorded) -> None:
        if server.counted("GET", f"/tasks/{task_id}") > 1:
            server.tasks[task_id].finish()

    server.api.observe(after=end_once_it_was_read_twice)
    assert asyncio.run(event_of(trigger_for(task_id)))["steps_logged"] == 2
    assert server.counted("GET", f"/tasks/{task_id}") > 1


def test_what_the_server_speaks_is_not_asked_again_of_a_trigger_that_was_told(server: FakeServer) -> None:
    task_id = start(server, "at once")
    asked = server.counted("GET", "/billing/account")
    asyncio.run(event_of(trigger_for(task_id, api_version="v2-flat")))
    assert server.counted("GET", "/billing/account") == asked


def test_a_late_task_is_stopped(server: FakeServer) -> None:
    task_id = start(server, "forever")
    event = asyncio.run(event_of(trigger_for(task_id, deadline=time.time())))
    assert event["error"]["kind"] == "TaskTimeoutError"
    assert event["error"]["stopped"] is True
    assert re.search(rf"Task {task_id} in session \S+ did not end in time. It was stopped.", event["error"]["message"])
    assert server.tasks[task_id].stopped
    assert server.counted("PATCH", f"/tasks/{task_id}") == 1


def test_a_late_task_is_left_running_by_option(server: FakeServer) -> None:
    task_id = start(server, "forever")
    event = asyncio.run(event_of(trigger_for(task_id, deadline=time.time(), stop_on_timeout=False)))
    assert event["error"]["stopped"] is False
    assert "still runs and costs" in event["error"]["message"]
    assert server.tasks[task_id].status == "started"


def test_a_task_is_left_running_by_option_when_its_trigger_is_killed(server: FakeServer) -> None:
    task_id = start(server, "forever")
    before = len(server.requests)
    asyncio.run(trigger_for(task_id, stop_on_kill=False).on_kill())
    assert server.tasks[task_id].status == "started"
    assert len(server.requests) == before


def test_a_trigger_that_dag_test_runs_itself_stops_nothing_when_a_triggerer_gives_it_up(server: FakeServer) -> None:
    task_id = start(server, "forever")
    before = len(server.requests)
    asyncio.run(trigger_for(task_id, in_dag_test=True).on_kill())
    assert server.tasks[task_id].status == "started"
    assert len(server.requests) == before


@pytest.mark.usefixtures("server")
def test_a_task_that_does_not_exist_is_reported() -> None:
    event = asyncio.run(event_of(trigger_for(str(uuid4()))))
    assert event["error"]["kind"] == "NotFoundError"


@pytest.mark.skipif(not hasattr(BaseTrigger, "on_kill"), reason="below 3.3 it asks the database")
def test_being_cancelled_stops_nothing(server: FakeServer) -> None:
    task_id = start(server, "forever")

    async def shut_down() -> None:
        polled, loop = asyncio.Event(), asyncio.get_running_loop()
        server.api.observe(after=lambda _: loop.call_soon_threadsafe(polled.set))
        running = asyncio.create_task(event_of(trigger_for(task_id)))
        await polled.wait()
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running

    asyncio.run(shut_down())
    assert server.tasks[task_id].status == "started"


def test_the_triggers_of_a_connection_share_one_client_and_one_watcher_until_the_last_one_leaves(
    server: FakeServer,
) -> None:
    with BrowserUseClient(API_KEY, server.url) as client:
        task_ids = [client.create_task("for 1 s").id for _ in range(30)]

    async def wait_for_all() -> int:
        events = asyncio.gather(*(event_of(trigger_for(task_id)) for task_id in task_ids))
        most = 0
        while not events.done():
            most = max(most, len(watching._WATCHES))
            await asyncio.sleep(0.01)
        assert [event["browser_task_id"] for event in events.result()] == task_ids
        return most

    before = len(server.requests)
    assert asyncio.run(wait_for_all()) == 1
    assert watching._WATCHES == {}
    assert len(server.requests) - before < 2 * len(task_ids), "each by itself would take a request and more a poll"


def test_triggers_that_start_together_look_their_connection_up_once(
    server: FakeServer, caplog: pytest.LogCaptureFixture
) -> None:
    task_ids = [start(server, "at once") for _ in range(10)]

    async def wait_for_all() -> None:
        await asyncio.gather(*(event_of(trigger_for(task_id)) for task_id in task_ids))

    with caplog.at_level("DEBUG", logger="airflow.providers.common.compat.connection"):
        asyncio.run(wait_for_all())
    assert len([message for message in caplog.messages if message.startswith("Get connection")]) == 1
