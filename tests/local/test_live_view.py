"""The live view, in a real browser."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from .running_server import LocalServer


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(params=[(1440, 900), (390, 844)], ids=["desktop", "phone"])
def page(chromium: Browser, server: LocalServer, request: pytest.FixtureRequest) -> Iterator[Page]:
    width, height = request.param
    page = chromium.new_page(viewport={"width": width, "height": height})
    troubles: list[str] = []
    page.on("pageerror", lambda error: troubles.append(str(error)))
    page.on("request", lambda one: one.url.startswith((server.site, "blob:", "data:")) or troubles.append(one.url))
    yield page
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), "it scrolls sideways"
    assert troubles == []
    page.close()


def test_a_session_is_watched_while_it_works(server: LocalServer, session: str, page: Page) -> None:
    page.goto(server.http.get(f"/sessions/{session}").json()["liveUrl"])
    expect(page.locator("#status")).to_have_text("active")
    first = server.run("no step at all", sessionId=session)
    expect(page.locator("pre")).to_have_text(first["output"])
    expect(page.locator("h2 .status")).to_have_text("unsuccessful")

    task = server.create(f"Open {server.site}/shop/, report the heading and wait 60 seconds.", sessionId=session)
    running = page.locator("section").first
    expect(running.locator("h2 .status")).to_have_text("started")
    expect(running.locator("li")).to_have_count(2, timeout=15_000)
    expect(running.locator("li").nth(1)).to_contain_text("2. report the heading")
    expect(page.locator("#picture")).to_be_visible()
    page.wait_for_function("document.querySelector('#picture').naturalWidth === 1280")
    page.wait_for_function("document.querySelectorAll('li img')[0].naturalWidth > 0")

    server.http.patch(f"/tasks/{task['id']}", json={"action": "stop_task_and_session"})
    expect(page.locator("#status")).to_have_text("stopped")
    expect(running.locator("h2 .status")).to_have_text("stopped")


def test_the_list_leads_to_each_session(server: LocalServer, session: str, page: Page) -> None:
    server.run("Wait 0 seconds", sessionId=session)
    page.goto(server.live)
    entry = page.locator("li", has_text=session)
    expect(entry).to_contain_text("successful")
    entry.get_by_role("link").click()
    expect(page.locator("#id")).to_have_text(session)
    expect(page.locator("h2")).to_contain_text("Wait 0 seconds")


def test_what_a_task_says_is_shown_as_text_and_never_as_markup(server: LocalServer, session: str, page: Page) -> None:
    server.run('Click "<img src=x onerror=alert(1)>"', sessionId=session)
    page.goto(server.http.get(f"/sessions/{session}").json()["liveUrl"])
    expect(page.locator("pre")).to_contain_text("<img src=x")
    assert page.locator("img[src=x]").count() == 0
