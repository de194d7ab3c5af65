"""Taking over: a person clicks and types in the browser of a session, from its live view."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Locator, Page, expect

from browser_use_local.live.output import as_table

from . import web
from .pages import Site
from .running_server import PASSWORD, USER, LocalServer

OWN = {"X-Browser-Use-Live": "1"}
# What is the same on a phone is played on a desktop only.
DESKTOP = pytest.mark.parametrize("page", [(1440, 900)], indirect=True)
# Says in its title what happens to it, and where, within what a small picture can tell.
LISTENS = """<style>
body { margin: 0; height: 3000px } textarea { position: fixed; top: 100px; left: 0; width: 400px }</style>
<textarea aria-label="Text"></textarea><script>
const near = (place) => 10 * Math.round(place / 10);
const say = (...words) => { document.title = words.join(' ') };
for (const type of ['mousedown', 'mouseup', 'dblclick', 'contextmenu'])
  document.addEventListener(type, (event) =>
    say(type, event.button, near(event.clientX), near(event.clientY), event.shiftKey));
document.addEventListener('keydown', (event) => say('keydown', event.key, event.code, event.ctrlKey));
document.addEventListener('scroll', () => say('scrolled', scrollY > 0));
document.querySelector('textarea').addEventListener('input', (event) => say('text', event.target.value));
</script>"""


def live_url(server: LocalServer, session: str) -> str:
    return str(server.http.get(f"/sessions/{session}").json()["liveUrl"])


def control_url(server: LocalServer, session: str) -> str:
    return live_url(server, session).replace("?", "/control?")


@pytest.fixture
def taken(server: LocalServer, session: str, page: Page) -> Page:
    """The page of a session, taken over."""
    page.goto(live_url(server, session))
    page.get_by_role("button", name="Take over").click()
    expect(page.locator("#picture")).to_have_js_property("naturalWidth", 1280)
    return page


def go(page: Page, url: str) -> None:
    """Opens a URL by the URL bar."""
    bar = page.get_by_label("URL of the page", exact=True)
    bar.fill(url)
    bar.press("Enter")


def tab(page: Page, number: int = 0) -> Locator:
    return page.locator(".tab .title").nth(number)


def at(page: Page, x: float, y: float) -> tuple[float, float]:
    """Where a point of the browser's page is in its picture."""
    picture = page.locator("#picture")
    picture.scroll_into_view_if_needed()
    box = picture.bounding_box()
    assert box
    return box["x"] + x * box["width"] / 1280, box["y"] + y * box["height"] / 800


def test_a_person_signs_in_and_the_next_task_goes_on_from_there(server: LocalServer, session: str, taken: Page) -> None:
    go(taken, f"{server.site}/shop/".removeprefix("http://"))
    expect(tab(taken)).to_have_text("Sign in")
    taken.mouse.click(*at(taken, 280, 205))
    taken.keyboard.type(USER)
    taken.keyboard.press("Tab")
    taken.keyboard.type(PASSWORD)
    taken.keyboard.press("Enter")
    expect(tab(taken)).to_have_text("Orders")
    taken.get_by_role("button", name="Give back").click()
    expect(taken.get_by_role("button", name="Take over")).to_be_visible()
    expect(taken.get_by_label("Back", exact=True)).to_be_disabled()
    task = server.run("Open the order with the highest amount and report its customer.", sessionId=session)
    assert task["output"] == "Customer: Ada Lovelace"
    assert PASSWORD.encode() not in server.everything_written()


def test_mouse_wheel_and_keys_reach_the_page_as_they_are(site: Site, taken: Page) -> None:
    go(taken, site.page(LISTENS))
    expect(tab(taken)).to_have_text("Page")
    taken.mouse.move(*at(taken, 640, 400))
    taken.mouse.down()
    expect(tab(taken)).to_have_text("mousedown 0 640 400 false")
    # It is let go of beside the picture.
    taken.mouse.move(1, 1)
    taken.mouse.up()
    expect(tab(taken)).to_have_text("mouseup 0 0 0 false")
    taken.keyboard.down("Shift")
    taken.mouse.click(*at(taken, 640, 400), button="right")
    taken.keyboard.up("Shift")
    expect(tab(taken)).to_have_text("mouseup 2 640 400 true")
    taken.mouse.dblclick(*at(taken, 640, 400))
    expect(tab(taken)).to_have_text("dblclick 0 640 400 false")
    taken.mouse.wheel(0, 300)
    expect(tab(taken)).to_have_text("scrolled true")
    taken.keyboard.press("Control+ArrowLeft")
    expect(tab(taken)).to_have_text("keydown ArrowLeft ArrowLeft true")


@DESKTOP
def test_text_that_no_key_has_is_typed_and_pasted_and_edited(site: Site, taken: Page) -> None:
    go(taken, site.page(LISTENS))
    expect(tab(taken)).to_have_text("Page")
    taken.mouse.click(*at(taken, 100, 110))
    # As an input method puts it in, or a phone.
    taken.keyboard.insert_text("Grüße, 世界")
    expect(tab(taken)).to_have_text("text Grüße, 世界")
    taken.keyboard.press("Backspace")
    expect(tab(taken)).to_have_text("text Grüße, 世")
    taken.keyboard.press("Control+a")
    taken.evaluate("navigator.clipboard.writeText('from elsewhere')")
    taken.keyboard.press("Control+v")
    expect(tab(taken)).to_have_text("text from elsewhere")
    taken.keyboard.press("F6")
    expect(taken.get_by_role("button", name="Give back")).to_be_focused()


@DESKTOP
def test_the_url_bar_and_its_buttons_move_and_lead_nowhere_out_of_the_web(site: Site, taken: Page) -> None:
    one, two = site.page("", "/one", "One"), site.page("", "/two", "Two")
    go(taken, one)
    expect(tab(taken)).to_have_text("One")
    go(taken, two)
    expect(tab(taken)).to_have_text("Two")
    taken.get_by_label("Back", exact=True).click()
    expect(tab(taken)).to_have_text("One")
    taken.get_by_label("Forward").click()
    expect(tab(taken)).to_have_text("Two")
    asked = site.requests.count("GET /two")
    taken.get_by_label("Reload").click()
    expect(tab(taken)).to_have_text("Two")
    while site.requests.count("GET /two") == asked:
        taken.wait_for_timeout(50)
    go(taken, "file:///etc/passwd")
    expect(taken.locator("#note")).to_have_text("That did not work: only http and https URLs are opened")
    expect(tab(taken)).to_have_text("Two")


@DESKTOP
def test_tabs_are_chosen_and_closed_and_a_task_goes_on_in_the_one_in_front(
    server: LocalServer, session: str, site: Site, taken: Page
) -> None:
    site.page("<h1>Second</h1>", "/second", "Second")
    go(taken, site.page('<h1>First</h1><a href="/second" target="_blank">More</a>', title="First"))
    expect(tab(taken)).to_have_text("First")
    assert server.run("Click More and report the heading.", sessionId=session)["output"] == "heading: Second"
    expect(taken.locator(".tab[aria-current] .title")).to_have_text("Second")
    tab(taken).click()
    expect(taken.locator(".tab[aria-current] .title")).to_have_text("First")
    assert server.run("Report the heading.", sessionId=session)["output"] == "heading: First"
    taken.get_by_label("Close the tab First").click()
    expect(taken.locator(".tab .title")).to_have_text(["Second"])
    assert server.run("Report the heading.", sessionId=session)["output"] == "heading: Second"
    # The last one stays.
    [number] = taken.locator(".tab .title").evaluate_all("tabs => tabs.map(tab => Number(tab.dataset.choose))")
    url = control_url(server, session)
    assert web.post(url, json=[{"type": "close", "number": number}], headers=OWN).status_code == 200
    assert server.run("Report the heading.", sessionId=session)["output"] == "heading: Second"
    gone = web.post(url, json=[{"type": "choose", "number": number - 1}], headers=OWN)
    assert (gone.status_code, gone.json()["detail"]) == (409, "That did not work: the tab is closed already")


@DESKTOP
def test_what_a_page_asks_is_told_to_who_has_taken_over(site: Site, taken: Page) -> None:
    go(taken, site.page("<script>onclick = () => { document.title = confirm('Sure?') }</script>", title="Asks"))
    expect(tab(taken)).to_have_text("Asks")
    taken.mouse.click(*at(taken, 640, 400))
    expect(tab(taken)).to_have_text("true")
    expect(taken.locator("#caption")).to_have_text('The page asked "Sure?" and was answered "OK".')


@DESKTOP
def test_a_page_that_does_not_react_is_said_to_and_its_session_can_still_be_stopped(
    server: LocalServer, session: str, site: Site, taken: Page
) -> None:
    go(taken, site.page("<script>onclick = () => { for (;;) {} }</script>", title="Busy"))
    expect(tab(taken)).to_have_text("Busy")
    taken.mouse.click(*at(taken, 640, 400))
    expect(taken.locator("#note")).to_contain_text("the page does not react")
    # Its title is asked of Chromium, which is not busy.
    expect(tab(taken)).to_have_text("Busy")
    taken.get_by_role("button", name="Stop session").click()
    expect(taken.locator("#status")).to_have_text("stopped")
    expect(taken.get_by_role("button", name="Give back")).to_have_count(0)
    expect(taken.locator("#keys")).to_be_hidden()
    answer = web.post(control_url(server, session), json=[], headers=OWN)
    assert (answer.status_code, answer.json()["detail"]) == (
        409,
        "The session was stopped: there is no browser to take over",
    )


def test_only_a_page_with_the_signature_takes_over(server: LocalServer, session: str) -> None:
    url = control_url(server, session)
    assert web.post(url, json=[]).status_code == 403
    assert web.post(url.partition("?")[0], json=[], headers=OWN).status_code == 404
    share = server.http.post(f"/sessions/{session}/public-share").json()["shareUrl"]
    assert web.post(f"{share}/control", json=[], headers=OWN).status_code == 404
    assert web.post(url, json=[], headers=OWN).json() == {"said": []}


@pytest.mark.parametrize(
    "item",
    [
        {"type": "nothing"},
        {"type": "mouseMoved", "x": 2, "y": 0},
        {"type": "mouseMoved", "x": 0, "y": 0, "method": "Page.navigate"},
        {"type": "keyDown", "key": "a" * 50, "code": "KeyA", "windowsVirtualKeyCode": 65},
        {"type": "open"},
        {"type": "choose", "number": "first"},
    ],
    ids=str,
)
def test_input_that_makes_no_sense_is_422_and_nothing_of_it_is_done(
    server: LocalServer, session: str, item: dict[str, object]
) -> None:
    answer = web.post(control_url(server, session), json=[item], headers=OWN)
    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"][:2] == ["body", 0]


@pytest.fixture(scope="module")
def watch_only(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalServer]:
    running = LocalServer(tmp_path_factory.mktemp("watch") / "data", "--no-control")
    yield running
    assert running.end() == 0


def test_a_server_may_let_nobody_take_over(watch_only: LocalServer) -> None:
    session = watch_only.session()
    shown = web.get(live_url(watch_only, session)).text
    assert "Take over" not in shown
    assert "Stop session" in shown
    answer = web.post(control_url(watch_only, session), json=[], headers=OWN)
    assert answer.status_code == 403
    assert "--no-control" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("output", "headings", "rows"),
    [
        ('[{"a": 1, "b": null}, {"b": true, "c": "x"}]', ["a", "b", "c"], [["1", "", ""], ["", "true", "x"]]),
        ('{"orders": [{"a": "x, y"}]}', ["a"], [["x, y"]]),
        ('{"carrier": "UPS", "days": 2.50}', ["carrier", "days"], [["UPS", "2.5"]]),
        ('["x", 2]', ["Value"], [["x"], ["2"]]),
    ],
)
def test_an_output_that_is_a_table(output: str, headings: list[str], rows: list[list[str]]) -> None:
    table = as_table(output)
    assert table
    assert (table.headings, table.rows) == (headings, rows)


@pytest.mark.parametrize(
    "output",
    [None, "", "Done.", "12", "[]", "{}", "[{}]", '[1, {"a": 1}]', '[{"a": [1]}]', '{"a": {"b": 1}}', "[" * 100_000],
    ids=lambda output: str(output)[:12],
)
def test_an_output_that_is_none(output: str | None) -> None:
    assert as_table(output) is None


def test_a_table_is_csv_that_a_spreadsheet_reads() -> None:
    table = as_table('[{"name": "Doe, Jane", "said": "\\"Hi\\""}]')
    assert table
    assert table.as_csv() == 'name,said\n"Doe, Jane","""Hi"""\n'
