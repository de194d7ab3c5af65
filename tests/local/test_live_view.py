"""The live view, in a real browser."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Browser, Page, expect

from . import web
from .pages import Site
from .running_server import PASSWORD, USER, LocalServer

# What is the same on a phone is played on a desktop only.
DESKTOP = pytest.mark.parametrize("page", [(1440, 900)], indirect=True)


def test_a_session_is_watched_while_it_works(server: LocalServer, session: str, page: Page) -> None:
    page.goto(server.http.get(f"/sessions/{session}").json()["liveUrl"])
    expect(page.locator("#status")).to_have_text("idle")
    first = server.run("no step at all", sessionId=session)
    expect(page.locator("pre")).to_have_text(first["output"])
    expect(page.locator(".task .status")).to_have_text("unsuccessful")

    task = server.create(f"Open {server.site}/shop/, report the heading and wait 60 seconds.", sessionId=session)
    running = page.locator(".task").first
    expect(running.locator(".status")).to_have_text("running")
    done = running.locator("li:not(.current)")
    expect(done).to_have_count(2)
    expect(done.nth(1)).to_contain_text("2. report the heading")
    expect(page.locator("#picture")).to_be_visible()
    expect(page.locator("#picture")).to_have_js_property("naturalWidth", 1280)
    expect(running.locator("li img").first).to_have_js_property("naturalWidth", 1280)

    server.http.patch(f"/tasks/{task['id']}", json={"action": "stop_task_and_session"})
    expect(page.locator("#status")).to_have_text("stopped")
    expect(running.locator(".status")).to_have_text("stopped")


def test_the_list_leads_to_each_session(server: LocalServer, session: str, page: Page) -> None:
    server.run("Wait 0 seconds", sessionId=session)
    page.goto(server.live)
    page.locator("li", has_text=session).get_by_role("link", name="Wait 0 seconds").click()
    expect(page.locator("#id")).to_have_text(session)
    expect(page.locator("h2")).to_contain_text("Wait 0 seconds")
    expect(page.locator(".task .status")).to_have_text("successful")


@DESKTOP
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
    entry = page.locator("li", has_text=session)
    assert entry.locator("h2").evaluate("heading => heading.clientHeight") < 60


@DESKTOP
def test_the_step_that_runs_is_shown_with_its_time_and_files_can_be_had(
    server: LocalServer, session: str, page: Page
) -> None:
    page.goto(server.http.get(f"/sessions/{session}").json()["liveUrl"])
    server.sign_in(session)
    task = server.create("Click Orders, download Orders as CSV, and wait 60 seconds.", sessionId=session)
    current = page.locator(".task").first.locator(".current")
    expect(current).to_contain_text("3. wait 60 seconds")
    before = current.locator(".took").inner_text()
    expect(current.locator(".took")).not_to_have_text(before)
    later = current.locator(".took").inner_text()
    assert float(later.removesuffix(" s")) > float(before.removesuffix(" s"))
    server.http.patch(f"/tasks/{task['id']}", json={"action": "stop"})
    expect(current).to_have_count(0)
    with page.expect_download() as download:
        page.get_by_role("link", name="orders.csv").click()
    assert "A-1007" in download.value.path().read_text()
    expect(page.locator(".task").first.locator("li").first).to_contain_text(re.compile(r"1\. Click Orders \d+\.\d s"))


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


@DESKTOP
def test_the_list_has_what_runs_first_with_its_step_and_a_live_picture(
    server: LocalServer, session: str, page: Page
) -> None:
    task = server.create(f"Open {server.site}/shop/ and wait 60 seconds.", sessionId=session)
    idle = server.session()
    stopped = server.run("Wait 0 seconds.")["sessionId"]
    page.goto(server.live)
    running = page.locator("li", has_text=session)
    expect(running.locator(".status")).to_have_text("running")
    expect(running.locator("time")).to_have_text(re.compile(r"^for \d+ (seconds?|minutes?)$"))
    expect(running.get_by_label("The step that runs")).to_have_text("wait 60 seconds")
    expect(running.locator("img")).to_have_js_property("naturalWidth", 1280)
    states = page.locator(".card .status").all_inner_texts()
    assert states == sorted(states, key=["running", "idle", "stopped"].index)
    assert {"running", "idle", "stopped"} == set(states)
    expect(page.locator("li", has_text=idle)).to_contain_text("No task yet")
    expect(page.locator("li", has_text=stopped).locator("time")).to_have_text(re.compile(r" ago$"))
    # It is the page as it is now.
    before = running.locator("img").get_attribute("src")
    expect(running.locator("img")).not_to_have_attribute("src", before or "")
    server.http.patch(f"/tasks/{task['id']}", json={"action": "stop"})
    server.http.patch(f"/sessions/{idle}", json={"action": "stop"})


def test_the_picture_of_a_step_is_shown_large_and_walked_along_with_the_keyboard(
    server: LocalServer, session: str, page: Page
) -> None:
    server.sign_in(session)
    page.goto(server.http.get(f"/sessions/{session}").json()["liveUrl"])
    url, steps, picture = (
        page.get_by_label("URL of the page", exact=True),
        page.locator(".step"),
        page.locator("#picture"),
    )
    expect(url).to_have_value(f"{server.site}/shop/orders")
    expect(page.locator(".tab .title")).to_have_text("Orders")
    steps.first.focus()
    page.keyboard.press("Enter")
    expect(steps.first).to_have_attribute("aria-pressed", "true")
    expect(picture).to_have_attribute("src", re.compile(r"/1\.jpg\?"))
    expect(picture).to_have_attribute("alt", re.compile(r"^The page after step 1\. Open "))
    expect(page.locator("#caption")).to_have_text(re.compile(r"^After step 1\. Open "))
    expect(url).to_have_value(f"{server.site}/shop/")
    width = picture.evaluate("picture => picture.clientWidth")
    assert width > page.viewport_size["width"] * 0.5
    page.keyboard.press("ArrowDown")
    expect(steps.nth(1)).to_be_focused()
    expect(picture).to_have_attribute("src", re.compile(r"/2\.jpg\?"))
    page.keyboard.press("Escape")
    expect(picture).to_have_attribute("src", re.compile(r"^blob:"))
    expect(steps.nth(1)).to_have_attribute("aria-pressed", "false")
    expect(page.locator("#caption")).to_have_text("The page as it is now")


def test_an_output_is_a_table_where_it_is_one_and_can_be_copied(server: LocalServer, session: str, page: Page) -> None:
    server.sign_in(session)
    ended = server.run("Set the Status filter to Open and read the Orders table.", sessionId=session)
    page.goto(server.http.get(f"/sessions/{session}").json()["liveUrl"])
    newest = page.locator(".task").first
    expect(newest.get_by_role("columnheader")).to_have_text(["Number", "Customer", "Placed", "Status", "Amount"])
    expect(newest.get_by_role("row")).to_have_count(5)
    expect(newest.get_by_role("row").nth(3)).to_contain_text("Margaret Hamilton")
    copied = "navigator.clipboard.readText()"
    newest.get_by_role("button", name="Copy the table as CSV").click()
    expect(newest.get_by_role("button", name="Copy the table as CSV")).to_have_text("Copied")
    assert page.evaluate(copied).splitlines()[3] == "A-1007,Margaret Hamilton,2026-11-10,Open,310.25 EUR"
    newest.get_by_role("button", name="Copy the output").click()
    expect(newest.get_by_role("button", name="Copy the output")).to_have_text("Copied")
    expect(newest.get_by_role("button", name="Copy the table as CSV")).to_have_text("Copy CSV")
    assert page.evaluate(copied) == ended["output"]
    page.get_by_role("button", name="Copy the id of the session").click()
    expect(page.get_by_role("button", name="Copy the id of the session")).to_have_text("Copied")
    assert page.evaluate(copied) == session
    # The other task's output is a text.
    expect(page.locator(".task").nth(1).locator("pre")).to_contain_text("Done in 2 steps.")
    expect(page.locator(".task").nth(1).get_by_role("table")).to_have_count(0)


@DESKTOP
def test_what_changes_leaves_alone_what_somebody_looks_at(server: LocalServer, session: str, page: Page) -> None:
    server.sign_in(session)
    server.run("Read the Orders table.", sessionId=session)
    page.goto(server.http.get(f"/sessions/{session}").json()["liveUrl"])
    summary = page.get_by_text("As it was given out")
    summary.click()
    summary.focus()
    server.run("Wait 0 seconds.", sessionId=session)
    expect(page.locator(".task")).to_have_count(3)
    expect(page.locator(".task").nth(1).locator("pre")).to_be_visible()
    expect(summary).to_be_focused()
    copy = page.get_by_role("button", name="Copy the output").last
    copy.click()
    expect(copy).to_have_text("Copied")
    server.run("Wait 0 seconds.", sessionId=session)
    expect(page.locator(".task")).to_have_count(4)
    expect(copy).to_have_text("Copied")
    expect(copy).to_be_focused()


@DESKTOP
def test_secrets_stand_in_no_title_and_in_no_url_of_a_tab(
    server: LocalServer, session: str, site: Site, page: Page
) -> None:
    site.page("<h1>Here</h1>", "/hush-hush", "hush-hush is the word")
    secrets = {"word": "hush-hush"}
    start = site.page('<a href="/hush-hush">Go</a>')
    server.run(f"Open {start} and click Go.", sessionId=session, secrets=secrets)
    page.goto(server.http.get(f"/sessions/{session}").json()["liveUrl"])
    expect(page.locator(".tab .title")).to_have_text("{{word}} is the word")
    expect(page.get_by_label("URL of the page", exact=True)).to_have_value(f"{site.url}/{{{{word}}}}")
    assert "hush-hush" not in page.content()


def test_the_pages_take_no_script_and_no_style_but_their_own_and_tell_nobody_their_signature(
    server: LocalServer, session: str
) -> None:
    for url in (server.live, server.http.get(f"/sessions/{session}").json()["liveUrl"]):
        answer = web.get(url)
        policy = dict(part.split(maxsplit=1) for part in answer.headers["Content-Security-Policy"].split("; "))
        assert policy["default-src"] == "'none'"
        assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
        assert policy.get("frame-ancestors") == ("'self'" if url == server.live else None)
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert "<script>" not in answer.text
        assert "style=" not in answer.text
    assert web.get(f"{server.site}/live/static/..%2F__init__.py").status_code == 404
    assert web.get(f"{server.site}/live/static/nothing.js").status_code == 404


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_pages_follow_the_theme_of_the_system(
    server: LocalServer, session: str, chromium: Browser, scheme: str
) -> None:
    page = chromium.new_page(color_scheme=scheme)  # type: ignore[arg-type]
    for url in (server.live, server.http.get(f"/sessions/{session}").json()["liveUrl"]):
        page.goto(url)
        color = page.locator("html").evaluate("root => getComputedStyle(root).backgroundColor")
        brightness = sum(map(int, re.findall(r"\d+", color)[:3]))
        assert (brightness > 600) == (scheme == "light")
    page.close()


@DESKTOP
def test_only_a_page_of_the_live_view_stops_a_session_and_no_share_does(
    server: LocalServer, session: str, page: Page
) -> None:
    live = server.http.get(f"/sessions/{session}").json()["liveUrl"]
    assert web.post(live.replace("?", "/stop?")).status_code == 403
    own = {"X-Browser-Use-Live": "1"}
    assert web.post(live.partition("?")[0] + "/stop", headers=own).status_code == 404
    share = server.http.post(f"/sessions/{session}/public-share").json()["shareUrl"]
    assert web.post(f"{share}/stop", headers=own).status_code == 404
    page.goto(share)
    expect(page.locator("#id")).to_have_text(session)
    for role, name in (("button", "Stop session"), ("button", "Take over"), ("link", "All sessions")):
        expect(page.get_by_role(role, name=name)).to_be_hidden()
    assert "/control" not in page.content()
    assert server.http.get(f"/sessions/{session}").json()["status"] == "active"


def test_the_shop_fits_a_phone(server: LocalServer, page: Page) -> None:
    page.goto(f"{server.site}/shop/")
    page.get_by_label("User name").fill(USER)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button").click()
    for path in ("orders", "orders/A-1007", "report?seconds=0", "returns"):
        page.goto(f"{server.site}/shop/{path}")
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), path
