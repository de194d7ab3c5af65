"""The live view, in a real browser."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from .running_server import PASSWORD, USER, LocalServer


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
    done = running.locator("li:not(.current)")
    expect(done).to_have_count(2, timeout=15_000)
    expect(done.nth(1)).to_contain_text("2. report the heading")
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


LONG = "Read it all, please. " * 200


def test_a_session_before_its_first_step_has_no_broken_picture_and_a_long_prompt_stays_small(
    server: LocalServer, session: str, page: Page
) -> None:
    page.goto(server.http.get(f"/sessions/{session}").json()["liveUrl"])
    expect(page.locator("#empty")).to_have_text("There is no picture yet: the browser starts with the first step.")
    expect(page.locator("#picture")).to_be_hidden()
    server.run(LONG, sessionId=session)
    expect(page.locator("h2")).to_contain_text("Read it all")
    assert page.locator("h2").evaluate("heading => heading.clientHeight") < 200
    page.get_by_role("link", name="All sessions").click()
    assert page.locator("li", has_text=session).evaluate("entry => entry.clientHeight") < 200


def test_the_step_that_runs_is_shown_with_its_time_and_files_can_be_had(
    server: LocalServer, session: str, page: Page
) -> None:
    page.goto(server.http.get(f"/sessions/{session}").json()["liveUrl"])
    server.sign_in(session)
    task = server.create("Click Orders, download Orders as CSV, and wait 60 seconds.", sessionId=session)
    current = page.locator("section").first.locator(".current")
    expect(current).to_contain_text("3. wait 60 seconds", timeout=15_000)
    before = float(current.locator(".took").inner_text().removesuffix(" s"))
    later = "before => parseFloat(document.querySelector('.current .took').textContent) > before"
    page.wait_for_function(later, arg=before)
    server.http.patch(f"/tasks/{task['id']}", json={"action": "stop"})
    expect(current).to_have_count(0)
    with page.expect_download() as download:
        page.get_by_role("link", name="orders.csv").click()
    assert "A-1007" in download.value.path().read_text()
    expect(page.locator("section").first.locator("li").first).to_contain_text(re.compile(r"1\. Click Orders \d+\.\d s"))


def test_a_session_is_stopped_where_it_is_watched_and_in_the_list(server: LocalServer, page: Page) -> None:
    watched, listed = server.session(), server.session()
    page.goto(server.http.get(f"/sessions/{watched}").json()["liveUrl"])
    page.get_by_role("button", name="Stop session").click()
    expect(page.locator("#status")).to_have_text("stopped")
    expect(page.get_by_role("button", name="Stop session")).to_be_hidden()
    expect(page.locator("#empty")).to_have_text("There is no picture: the session was stopped before its first step.")
    page.get_by_role("link", name="All sessions").click()
    page.get_by_role("button", name=f"Stop session {listed}").click()
    expect(page.locator("li", has_text=listed).locator(".status").first).to_have_text("stopped")
    assert {server.http.get(f"/sessions/{one}").json()["status"] for one in (watched, listed)} == {"stopped"}


def test_only_a_page_of_the_live_view_stops_a_session_and_no_share_does(
    server: LocalServer, session: str, page: Page
) -> None:
    live = server.http.get(f"/sessions/{session}").json()["liveUrl"]
    assert httpx.post(live.replace("?", "/stop?")).status_code == 403
    own = {"X-Browser-Use-Live": "1"}
    assert httpx.post(live.partition("?")[0] + "/stop", headers=own).status_code == 404
    share = server.http.post(f"/sessions/{session}/public-share").json()["shareUrl"]
    assert httpx.post(f"{share}/stop", headers=own).status_code == 404
    page.goto(share)
    expect(page.locator("#id")).to_have_text(session)
    expect(page.get_by_role("button", name="Stop session")).to_be_hidden()
    expect(page.get_by_role("link", name="All sessions")).to_be_hidden()
    assert server.http.get(f"/sessions/{session}").json()["status"] == "active"


def test_the_shop_fits_a_phone(server: LocalServer, page: Page) -> None:
    page.goto(f"{server.site}/shop/")
    page.get_by_label("User name").fill(USER)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button").click()
    for path in ("orders", "orders/A-1007", "report?seconds=0", "returns"):
        page.goto(f"{server.site}/shop/{path}")
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), path
