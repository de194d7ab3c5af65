"""Odd forms: what a step says it did was done, and what it could not do is said in the page's own words."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from .pages import Site
from .running_server import Json, LocalServer


@pytest.fixture(scope="module")
def browser(server: LocalServer) -> Iterator[str]:
    """A session for all tests of the module: each opens a page of its own."""
    session_id = server.session()
    yield session_id
    server.http.delete(f"/sessions/{session_id}")


def run(server: LocalServer, session: str, address: str, steps: str, **secrets: str) -> Json:
    return server.run(f"Open {address}. {steps}", sessionId=session, secrets=secrets)


FIELD = "<label>Birthday <input {}></label> <output aria-label=Seen></output>"


@pytest.mark.parametrize(
    ("kind", "typed", "held"),
    [
        ("date", "25.11.2026", "2026-11-25"),
        ("date", '"Nov 25, 2026"', "2026-11-25"),
        ("time", "10:30", "10:30"),
        ("time", '"2:05 pm"', "14:05"),
        ("datetime-local", '"25.11.2026 10:30"', "2026-11-25T10:30"),
        ("number", '"12,5"', "12.5"),
        ("number", "1000000", "1000000"),
        ("month", "2026-11", "2026-11"),
        ("text", "25.11.2026", "25.11.2026"),
    ],
)
def test_days_times_and_numbers_are_typed_as_their_field_wants_them(
    server: LocalServer, site: Site, browser: str, kind: str, typed: str, held: str
) -> None:
    page = site.page(FIELD.format(f"type={kind}"))
    ended = run(server, browser, page, f"Type {typed} into Birthday and report Birthday.")
    assert ended["output"] == f"Birthday: {held}"


@pytest.mark.parametrize(
    ("attributes", "typed", "said"),
    [
        ("type=date", "tomorrow", 'The field "Birthday" takes a day such as 2026-11-25, and "tomorrow" is not one.'),
        ("type=date", "31.2.2026", '"31.2.2026" is not one.'),
        ("type=number", "twelve", 'takes a number such as 12.5, and "twelve" is not one.'),
        ("oninput='this.value = \"\"'", "Ann", 'The field "Birthday" did not take "Ann": it holds nothing.'),
        ("oninput='this.value = this.value.slice(0, 2)'", "Anna", 'did not take "Anna": it holds "An".'),
        ("readonly", "Ann", 'The field "Birthday" cannot be typed into: it is read-only.'),
        ("disabled", "Ann", 'The field labelled "Birthday" on the page "Page"'),
    ],
)
def test_what_a_field_does_not_take_is_no_success(
    server: LocalServer, site: Site, browser: str, attributes: str, typed: str, said: str
) -> None:
    ended = run(server, browser, site.page(FIELD.format(attributes)), f"Type {typed} into Birthday.")
    assert not ended["isSuccess"]
    assert said in ended["output"]


def test_a_field_may_spell_what_was_typed_in_its_own_way(server: LocalServer, site: Site, browser: str) -> None:
    page = site.page(
        "<label>Phone <input onchange='' oninput=\"this.value = '(030) 12 34'\"></label>"
        "<label>Amount <input oninput=\"setTimeout(() => this.value = '1,000.00', 50)\"></label>"
    )
    ended = run(server, browser, page, "Type 0301234 into Phone and type 1000 into Amount.")
    assert ended["isSuccess"], ended["output"]


def test_a_secret_that_a_field_does_not_take_is_not_told(server: LocalServer, site: Site, browser: str) -> None:
    page = site.page(FIELD.format("oninput='this.value = this.value.slice(1)'"))
    ended = run(server, browser, page, "Type {{word}} into Birthday.", word="hunter22")
    assert ended["output"].endswith('The field "Birthday" did not take {{word}}: it holds something else.')


def test_what_a_page_asks_is_agreed_to_and_said(server: LocalServer, site: Site, browser: str) -> None:
    page = site.page(
        "<button onclick=\"document.title = confirm('Delete A-1007?') ? 'Deleted' : 'Kept'; alert('Done')\">"
        "Delete</button>"
    )
    ended = run(server, browser, page, "Click Delete.")
    asked = 'The page asked "Delete A-1007?" and was answered "OK". The page said "Done" and was answered "OK".'
    assert ended["steps"][1]["memory"].endswith(asked)
    assert ended["output"] == (
        f'Done in 2 steps. The page is "Deleted" ({site.url}/).\n\nThe page asked "Delete A-1007?" and was answered'
        ' "OK".\n\nThe page said "Done" and was answered "OK".'
    )


def test_a_page_that_asks_for_a_text_is_no_success(server: LocalServer, site: Site, browser: str) -> None:
    page = site.page("<button onclick=\"prompt('Why do you leave?')\">Leave</button>")
    ended = run(server, browser, page, "Click Leave.")
    assert not ended["isSuccess"]
    assert 'The page asked "Why do you leave?" and was answered "Cancel".' in ended["output"]


SIGN_IN = "<form action=/in method=post><input name=user><input type=password name=password><button>In</button></form>"
HTML = {"Content-Type": "text/html"}


def signed_in(server: LocalServer, site: Site, browser: str, page: str, status: int = 200) -> Json:
    site.pages["POST /in"] = (status, HTML, page.encode())
    steps = "Sign in as {{user}} with password {{password}}."
    return run(server, browser, site.page(SIGN_IN), steps, user="ann@shop.test", password="hunter22")


@pytest.mark.parametrize(
    ("page", "asked"),
    [
        ("<h1>Check your phone</h1><label>Code <input name=c></label>", "Code"),
        ("<h1>Enter the six digits</h1><input autocomplete=one-time-code>", "Enter the six digits"),
        ("<label>Verification code<input></label>", "Verification code"),
        ("<p>Sent</p><input name=otp placeholder='Digits'>", "Digits"),
        ("<h1>Two-factor authentication</h1><p>Approve it on your telephone.</p>", "Two-factor authentication"),
    ],
)
def test_a_sign_in_that_asks_for_more_is_no_success(
    server: LocalServer, site: Site, browser: str, page: str, asked: str
) -> None:
    ended = signed_in(server, site, browser, page)
    assert not ended["isSuccess"]
    assert "The sign-in is not complete: " in ended["output"]
    assert f'asks for "{asked}".' in ended["output"]


@pytest.mark.parametrize(
    "page",
    [
        "<h1>Welcome</h1><label>Discount code <input></label><input type=search placeholder=Search>",
        "<h1>Orders</h1><label>Postal code <input name=zip></label>",
        "<h1>Welcome</h1><p role=alert>You are in.</p>",
    ],
)
def test_a_sign_in_is_done_when_its_form_is_gone(server: LocalServer, site: Site, browser: str, page: str) -> None:
    ended = signed_in(server, site, browser, page)
    assert ended["isSuccess"], ended["output"]


def test_a_sign_in_that_the_site_answers_with_an_error_is_no_success(
    server: LocalServer, site: Site, browser: str
) -> None:
    gone = signed_in(server, site, browser, "<h1>Sorry</h1>", status=503)
    assert gone["output"].endswith(f"{site.url}/in answers with HTTP 503.")
    again = signed_in(server, site, browser, f"<p role=alert>Wrong password</p>{SIGN_IN}", status=401)
    assert again["output"].endswith('The site did not accept the sign-in: "Wrong password"')


def test_a_link_to_a_page_that_is_not_there_is_no_success(server: LocalServer, site: Site, browser: str) -> None:
    ended = run(server, browser, site.page("<a href=/missing>More</a>"), "Click More.")
    assert ended["output"].endswith(f"{site.url}/missing answers with HTTP 404.")


def test_going_back_or_loading_anew_to_an_error_is_no_success(server: LocalServer, site: Site, browser: str) -> None:
    page = site.page("<a href=/more>More</a>")
    site.page("More", "/more")
    site.pages["/broken"] = (500, HTML, b"Sorry")
    for steps in ("Refresh the page", "Click More, then go back"):
        site.page("<a href=/more>More</a><script>history.replaceState(null, '', '/broken')</script>")
        ended = run(server, browser, page, f"{steps}.")
        assert ended["output"].endswith(f"{site.url}/broken answers with HTTP 500.")


def test_a_list_that_does_not_keep_the_choice_is_no_success(server: LocalServer, site: Site, browser: str) -> None:
    page = site.page(
        "<label>Size <select onchange='this.selectedIndex = 0'><option>S<option>M</select></label>"
        "<label>Sort <select onchange='location.search = \"?by=name\"'><option>Date<option>Name</select></label>"
    )
    kept = run(server, browser, page, "Choose Name in Sort.")
    assert kept["isSuccess"], kept["output"]
    ended = run(server, browser, page, "Choose M in Size.")
    assert ended["output"].endswith('The list "Size" did not take "M": it shows "S".')


NAMES = ["Save / Close", "24/7", 'Say "it\'s" `so`', "a\\b", "Über uns", "100 %", "x >> y", "[1] (2) {3}", "10:30"]


@pytest.mark.parametrize("name", NAMES)
def test_any_name_is_found(server: LocalServer, site: Site, browser: str, name: str) -> None:
    marked = name.replace('"', "&quot;")
    page = site.page(
        f"<button onclick=\"document.title = 'Clicked'\">{name}</button><button>{name}r</button>"
        f'<label>{name} * <input></label><input placeholder="Or {marked}"><input type=checkbox aria-label="{marked}">'
    )
    quoted = f"“{name}”"
    steps = f"Click {quoted}, type 1 into {quoted} and tick {quoted}."
    ended = run(server, browser, page, steps)
    assert ended["isSuccess"], ended["output"]
    assert ended["steps"][1]["memory"] == f'Clicked "{name}"; the page is "Clicked".'


def test_a_name_is_not_that_of_what_stands_inside_a_field(server: LocalServer, site: Site, browser: str) -> None:
    page = site.page("<label>Status <select><option>Open<option>Closed</select></label><button>Reopened</button>")
    for steps in ("Choose Closed in Open", "Click open"):
        ended = run(server, browser, page, f"{steps}.")
        assert "There is no " in ended["output"], ended["output"]


def test_dates_and_slashes_in_names_and_times_need_no_quotes(server: LocalServer, site: Site, browser: str) -> None:
    page = site.page(
        "<label>Date (dd/mm/yyyy) <input></label><label>Start <select><option>10:30<option>11:30</select></label>"
        "<button onclick=\"document.title = 'All'\">Accept all</button>"
    )
    steps = "Type 25.11.2026 into Date (dd/mm/yyyy), choose 10:30 in Start and click Accept all."
    ended = run(server, browser, page, steps)
    assert ended["isSuccess"], ended["output"]
    assert 'The page is "All"' in ended["output"]


BUTTON = "<button {}>Save</button>"
OVERLAY = "<div id=cookies style='position: fixed; inset: 0'>Cookies?</div>"


@pytest.mark.parametrize(
    ("page", "said"),
    [
        (BUTTON.format("disabled"), 'The link or button named "Save" on the page "Page" ({url}/) is disabled.'),
        (BUTTON.format("aria-disabled=true"), "is disabled."),
        (BUTTON.format("hidden"), "is hidden: a step before it may have to show it."),
        (BUTTON.format("style='visibility: hidden'"), "is hidden"),
        (BUTTON.format("") + OVERLAY, 'is there, but it is covered by `<div id="cookies">Cookies?</div>`.'),
    ],
)
def test_what_cannot_be_clicked_says_why(server: LocalServer, site: Site, browser: str, page: str, said: str) -> None:
    ended = run(server, browser, site.page(page), "Click Save.")
    assert not ended["isSuccess"]
    assert said.format(url=site.url) in ended["output"]
    assert "Timeout" not in ended["output"]


def test_frames_shadow_trees_switches_lists_and_summaries_are_used_like_the_rest(
    server: LocalServer, site: Site, browser: str
) -> None:
    site.page("<label>Street <input></label><button onclick=\"parent.document.title = 'Framed'\">Go</button>", "/frame")
    page = site.page(
        "<iframe src=/frame></iframe><details><summary>More</summary><p>Much more</p></details>"
        "<button role=switch aria-checked=false aria-label='Dark mode'"
        " onclick=\"this.setAttribute('aria-checked', 'true')\">o</button>"
        "<div role=combobox aria-label=Size tabindex=0 onclick='sizes.hidden = false'>Choose</div>"
        "<div role=listbox id=sizes hidden><div role=option>S</div>"
        "<div role=option onclick='sizes.hidden = true'>M</div></div>"
        "<div id=host></div><script>host.attachShadow({mode: 'open'}).innerHTML ="
        " '<label>Colour <input></label>'</script>"
    )
    steps = (
        "Type High in Street, type red in Colour, tick Dark mode, choose M in Size, click More, click Go"
        ' and check that the page says "Much more".'
    )
    ended = run(server, browser, page, steps)
    assert ended["isSuccess"], ended["output"]
    assert ended["steps"][-1]["memory"] == 'The page says "Much more".'
    assert 'the page is "Framed"' in ended["steps"][-2]["memory"]
