"""The page of a task, in Airflow's UI, on a server that speaks v4."""

from __future__ import annotations

import asyncio

import pytest

from airflow_browser_use.pages import PageRecord
from airflow_browser_use.ui.browser_view import BrowserView, view_of
from airflow_browser_use.ui.service import look
from browser_use_client import BrowserUseClient

from .fake_server import FakeServer
from .test_ui_parts import page_of

LIVE = "https://live.test/of-the-browser"


def record_of(v4: FakeServer, prompt: str) -> PageRecord:
    with BrowserUseClient(v4.key, v4.url) as client:
        created = client.create_task(prompt)
        client.get_task(created)
    return PageRecord("browser_use_default", created.id, created.session_id)


def test_while_a_task_runs_its_page_shows_the_live_browser_and_its_steps(v4: FakeServer) -> None:
    v4.api.script("forever", status=None, steps=2, goal="Look at order")
    html = page_of("running", record_of(v4, "forever"))
    assert 'title="The live browser"' in html
    assert "Look at order 1" in html


def test_after_the_end_its_page_shows_what_came_of_it(v4: FakeServer) -> None:
    v4.api.script("read", seconds=0.0, output="Seven orders are open.")
    assert "Seven orders are open." in page_of("success", record_of(v4, "read"))


@pytest.mark.parametrize(
    ("is_closed", "shown"), [(False, BrowserView("live", LIVE, "https://live.test")), (True, None)]
)
def test_the_frame_shows_the_live_browser_and_nothing_once_it_is_closed(
    v4: FakeServer, is_closed: bool, shown: BrowserView | None
) -> None:
    v4.api.show_live_at(LIVE)
    record = record_of(v4, "read")
    if is_closed:
        v4.api.stop_session(str(record.session_id))
    assert view_of(asyncio.run(look(record))) == shown
