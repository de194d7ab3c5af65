"""The pages in Airflow's UI, as people see them: in a Chromium, in a real Airflow."""

from __future__ import annotations

import re
from collections.abc import Iterator

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext, FrameLocator, Page, expect

from airflow_browser_use.pages import MOUNTED_AT, path_of_page
from tests.chromium import running_chromium

from .running_airflow import Run
from .running_ui import TIMEOUT_MS, RunningUi, framed, sign_in

expect.set_options(timeout=TIMEOUT_MS)
LIVE = "http://live.test/"


@pytest.fixture(scope="module")
def ui(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningUi]:
    ui = RunningUi(tmp_path_factory.mktemp("ui"))
    try:
        ui.open()
        yield ui
    finally:
        ui.close()


@pytest.fixture(scope="module")
def runs(ui: RunningUi) -> dict[str, Run]:
    """Those that end have ended; `shop` stays in its last task, and `orphan` in its first."""
    runs = {dag_id: ui.airflow.run(dag_id) for dag_id in ("shop", "broken", "track", "payroll", "orphan")}
    assert runs["broken"].wait() == "failed"
    assert runs["track"].wait() == runs["payroll"].wait() == "success"
    runs["shop"].wait_for("watch", "deferred")
    runs["orphan"].wait_for("long", "deferred")
    return runs


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with running_chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def anna(browser: Browser, ui: RunningUi) -> Iterator[BrowserContext]:
    """The browser of a user who may read everything: what Airflow's UI consists of is loaded once."""
    context = sign_in(browser, ui)
    yield context
    context.close()


@pytest.fixture
def page(anna: BrowserContext) -> Iterator[Page]:
    page = anna.new_page()
    yield page
    page.close()


def open_task(page: Page, runs: dict[str, Run], dag_id: str, task_id: str, map_index: int = -1) -> FrameLocator:
    """Go where the extra link of a task instance leads."""
    page.goto(runs[dag_id].xcom(task_id, "browser_use_page", map_index))
    return framed(page)


def answer(ui: RunningUi, path: str, user: str | None = "anna", **params: str) -> httpx.Response:
    cookies = {"_token": ui.airflow.token_of(user)} if user else {}
    with httpx.Client(base_url=f"{ui.airflow.url}{MOUNTED_AT}/", cookies=cookies, timeout=60, trust_env=False) as http:
        return http.get(path, params=params)


def test_while_a_task_runs_its_page_shows_the_live_browser_and_its_steps(page: Page, runs: dict[str, Run]) -> None:
    frame = open_task(page, runs, "shop", "watch")
    expect(frame.get_by_role("heading", name="watch")).to_be_visible()
    expect(frame.get_by_text("live", exact=True)).to_be_visible()
    live = frame.frame_locator(".browser-view iframe").frame_locator("iframe")
    expect(live.get_by_alt_text("The page as it is now")).to_be_visible()
    expect(frame.locator(".steps .current")).to_contain_text('click "A-1007"')
    expect(frame.locator(".steps li")).to_have_count(2)


def test_steps_appear_as_they_happen(page: Page, ui: RunningUi, runs: dict[str, Run]) -> None:
    frame = open_task(page, runs, "orphan", "long")
    expect(frame.locator(".steps li")).to_have_count(2)
    [task] = [task for task in ui.priced.tasks.values() if task.prompt == "forever"]
    ui.priced.api.rescript(task.id, steps=3)
    expect(frame.locator(".steps li").first).to_contain_text("forever, step 3")


def test_the_extra_link_of_a_task_leads_to_its_page(page: Page, ui: RunningUi, runs: dict[str, Run]) -> None:
    assert runs["orphan"].links("long")["Live view"] == runs["orphan"].xcom("long", "live_url")
    page.goto(f"{ui.airflow.url}/dags/shop/runs/{runs['shop'].id}/tasks/read_orders/details")
    link = page.get_by_role("link", name="Live view")
    expect(link).to_have_attribute("href", runs["shop"].xcom("read_orders", "browser_use_page"))


def test_follow_ups_of_a_session_are_a_strip_to_walk_along_and_a_link_leads_back(
    page: Page, ui: RunningUi, runs: dict[str, Run]
) -> None:
    frame = open_task(page, runs, "shop", "log_in")
    strip = frame.get_by_role("navigation", name="Tasks in this session")
    expect(strip.get_by_role("link")).to_have_count(3)
    strip.get_by_role("link", name="read_orders").click()
    expect(frame.get_by_role("heading", name="read_orders")).to_be_visible()
    frame.get_by_role("link", name="Task instance").click()
    page.wait_for_url(re.compile(rf"{ui.airflow.url}/dags/shop/runs/.*/tasks/read_orders$"))


def test_after_success_the_output_is_a_table(page: Page, runs: dict[str, Run]) -> None:
    frame = open_task(page, runs, "shop", "read_orders")
    expect(frame.get_by_role("columnheader", name="customer")).to_be_visible()
    expect(frame.get_by_role("cell", name="A-1007", exact=True)).to_be_visible()
    expect(frame.get_by_role("row")).to_have_count(5)
    expect(frame.get_by_text("finished")).to_be_visible()


def test_after_a_failure_the_reason_the_last_page_and_its_picture_come_first(page: Page, runs: dict[str, Run]) -> None:
    frame = open_task(page, runs, "broken", "press")
    expect(frame.locator(".notice")).to_contain_text("The agent reports no success.")
    expect(frame.locator(".notice")).to_contain_text('There is no link or button named "No such button"')
    expect(frame.locator(".notice .address")).to_contain_text("/shop/")
    with page.context.expect_page() as opened:  # which a frame of Airflow's may not do by itself
        frame.locator(".notice .address").click()
    opened.value.wait_for_url("**/shop/")
    picture = frame.locator(".browser-view img")
    expect(picture).to_be_visible()
    assert picture.evaluate("image => image.decode().then(() => image.naturalWidth)") > 0
    tops = [frame.locator(part).bounding_box() for part in (".notice", ".browser-view img")]
    assert all(box is not None and box["y"] < 250 for box in tops)


def test_a_picture_of_a_step_is_shown_large(page: Page, runs: dict[str, Run]) -> None:
    frame = open_task(page, runs, "broken", "press")
    frame.locator(".picture").first.click()
    dialog = frame.get_by_role("dialog")
    expect(dialog).to_contain_text("Step 2")
    assert dialog.locator("img").evaluate("image => image.decode().then(() => image.naturalWidth)") > 600
    dialog.get_by_role("button", name="Close").click()
    expect(dialog).to_be_hidden()


def test_each_mapped_task_instance_has_its_page_and_markup_in_an_output_is_text(
    page: Page, runs: dict[str, Run]
) -> None:
    frame = open_task(page, runs, "track", "track", 0)
    expect(frame.get_by_role("cell", name="UPS")).to_be_visible()
    frame = open_task(page, runs, "track", "track", 1)
    expect(frame.get_by_role("heading", name="track [1]")).to_be_visible()
    expect(frame.locator("pre")).to_have_text("<img src=x onerror=alert(1)>")
    expect(frame.locator("pre img")).to_have_count(0)


def test_a_sensor_has_the_page_of_the_task_that_it_waited_for(page: Page, runs: dict[str, Run]) -> None:
    frame = open_task(page, runs, "payroll", "sense")
    expect(frame.get_by_role("heading", name="sense")).to_be_visible()
    expect(frame.locator("pre")).to_have_text("done")
    expect(frame.locator("dl")).to_contain_text("$0.05")


@pytest.mark.usefixtures("runs")
def test_browsers_is_in_the_browse_menu_and_lists_what_runs_first(page: Page, ui: RunningUi) -> None:
    page.goto(f"{ui.airflow.url}/")
    page.get_by_role("button", name="Browse").click()
    page.get_by_role("menuitem", name="Browsers").click()
    rows = framed(page).locator("[data-part=rows] tbody tr")
    expect(rows).to_have_count(9)
    assert {rows.nth(n).locator("td").nth(1).inner_text() for n in (0, 1)} == {"shop", "orphan"}
    expect(rows.first.get_by_text("live")).to_be_visible()
    rows.filter(has_text="track [1]").get_by_role("link", name="track [1]").click()
    expect(framed(page).get_by_role("heading", name="track [1]")).to_be_visible()


@pytest.mark.usefixtures("runs")
def test_the_list_is_filtered_by_dag_and_state(page: Page, ui: RunningUi) -> None:
    page.goto(f"{ui.airflow.url}/plugin/browsers")
    frame = framed(page)
    frame.get_by_label("DAG").fill("shop")
    frame.get_by_label("State").select_option("success")
    frame.get_by_role("button", name="Filter").click()
    rows = frame.locator("[data-part=rows] tbody tr")
    expect(rows).to_have_count(2)
    expect(rows.first).to_contain_text("read_orders")


@pytest.mark.usefixtures("runs")
def test_costs_are_added_up_for_each_dag(ui: RunningUi) -> None:
    costs = re.sub(r"<[^>]+>|\s+", " ", answer(ui, "browsers").text.partition("Cost per DAG")[2])
    assert re.search(r"track +\$0\.10 +\$0\.10 +\$0\.10", costs)
    assert re.search(r"payroll +\$0\.05", costs), "the sensor has spent nothing"


def test_who_may_not_read_a_dag_sees_nothing_of_it(ui: RunningUi, runs: dict[str, Run]) -> None:
    path = path_of_page("payroll", runs["payroll"].id, "pay")
    for part in ("", "/-1/browser", "/-1/pictures/1"):
        hidden = answer(ui, path + part, "guest")
        absent = answer(ui, path_of_page("nothing", runs["payroll"].id, "pay") + part, "guest")
        assert hidden.status_code == absent.status_code == 404
        assert hidden.text == absent.text
        assert sorted(hidden.headers) == sorted(absent.headers)
    assert answer(ui, path).status_code == 200
    assert "payroll" not in answer(ui, "browsers", "guest").text
    assert "payroll" not in answer(ui, "browsers", "guest", dag="payroll").text.replace('value="payroll"', "")
    assert "payroll" in answer(ui, "browsers").text


def test_another_user_sees_in_the_frame_what_they_may_read(
    browser: Browser, ui: RunningUi, runs: dict[str, Run]
) -> None:
    context = sign_in(browser, ui, "guest")
    page = context.new_page()
    frame = open_task(page, runs, "shop", "read_orders")
    expect(frame.get_by_role("cell", name="A-1007", exact=True)).to_be_visible()
    frame = open_task(page, runs, "payroll", "pay")
    expect(frame.get_by_role("heading", name="Not found")).to_be_visible()
    context.close()


def test_without_a_session_cookie_nothing_is_shown(ui: RunningUi, runs: dict[str, Run]) -> None:
    for path in ("browsers", path_of_page("shop", runs["shop"].id, "watch")):
        refused = answer(ui, path, None)
        assert refused.status_code == 401
        assert "watch" not in refused.text


def test_a_live_url_is_in_one_document_only_which_nobody_may_keep(ui: RunningUi, runs: dict[str, Run]) -> None:
    path = path_of_page("orphan", runs["orphan"].id, "long")
    whole, view = answer(ui, path), answer(ui, f"{path}/-1/browser")
    assert LIVE not in whole.text
    assert LIVE in view.text
    for response in (whole, view):
        assert response.headers["Cache-Control"] == "no-store"
        assert response.headers["Referrer-Policy"] == "no-referrer"
        assert "default-src 'none'" in response.headers["Content-Security-Policy"]
        assert "script-src 'unsafe" not in response.headers["Content-Security-Policy"]
    assert "frame-src http://live.test;" in view.headers["Content-Security-Policy"]
    assert "script-src" not in view.headers["Content-Security-Policy"]


def test_no_live_url_is_in_the_database_or_the_logs(ui: RunningUi, runs: dict[str, Run]) -> None:
    answer(ui, f"{path_of_page('orphan', runs['orphan'].id, 'long')}/-1/browser")
    assert LIVE.encode() not in b"".join(
        file.read_bytes() for file in ui.airflow.home.rglob("*") if file.is_file() and "local" not in file.parts
    )


def test_the_page_can_be_a_tab_of_the_task_instance(page: Page, ui: RunningUi, runs: dict[str, Run]) -> None:
    page.goto(f"{ui.airflow.url}/dags/shop/runs/{runs['shop'].id}/tasks/read_orders")
    page.get_by_role("link", name="Browser", exact=True).click()
    expect(framed(page).get_by_role("cell", name="A-1007", exact=True)).to_be_visible()


@pytest.mark.parametrize("where", ["task", "failed", "list"])
def test_on_a_phone_nothing_is_wider_than_the_screen(
    browser: Browser, ui: RunningUi, runs: dict[str, Run], where: str
) -> None:
    context = sign_in(browser, ui, phone=True)
    page = context.new_page()
    if where == "list":
        page.goto(f"{ui.airflow.url}/plugin/browsers")
        frame = framed(page)
        expect(frame.get_by_role("link", name="read_orders")).to_be_visible()
    else:
        frame = open_task(page, runs, *(("shop", "read_orders") if where == "task" else ("broken", "press")))
        expect(frame.get_by_text("Prompt")).to_be_attached()
    html = frame.locator("html")
    assert html.evaluate("html => html.scrollWidth") <= html.evaluate("html => html.clientWidth")
    context.close()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_pages_have_the_theme_of_airflow(browser: Browser, ui: RunningUi, runs: dict[str, Run], theme: str) -> None:
    context = sign_in(browser, ui, theme=theme)
    page = context.new_page()
    frame = open_task(page, runs, "shop", "read_orders")
    expect(frame.get_by_role("heading", name="read_orders")).to_be_visible()
    expect(frame.locator("html")).to_have_attribute("data-theme", theme)
    background = "element => getComputedStyle(element).backgroundColor"
    assert frame.locator("body").evaluate(background) == page.locator("html").evaluate(background)
    live = frame.frame_locator(".browser-view iframe").frame_locator("iframe")
    prefers_dark = live.locator("html").evaluate("() => matchMedia('(prefers-color-scheme: dark)').matches")
    assert prefers_dark is (theme == "dark")
    context.close()
