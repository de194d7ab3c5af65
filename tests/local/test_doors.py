"""Where browsers may go, and whom they talk to."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from .pages import Site, running_site
from .recording_proxy import RecordingProxy, recording_proxy
from .running_server import LocalServer
from .scripted_model import done, say, scripted_model
from .test_agent import PYTHON

NEEDS_AGENT = pytest.mark.skipif(
    not PYTHON.exists(), reason="the agent's environment is not there: it needs Python 3.11"
)

OTHER_SCHEMES = (
    "file:///etc/passwd",
    "data:text/html,<h1>Data</h1>",
    "chrome://version",
    "view-source:file:///etc/passwd",
    "ftp://127.0.0.1:9/",
    "javascript:document.write('<h1>Script</h1>')",
)


@pytest.fixture
def other_site() -> Iterator[Site]:
    """A site of another domain: `localhost`, and not `127.0.0.1`."""
    with running_site() as running:
        running.url = running.url.replace("127.0.0.1", "localhost")
        yield running


@pytest.fixture(scope="module")
def session(server: LocalServer) -> Iterator[str]:
    """A session for all tests of the module: each opens a page of its own."""
    session_id = server.session()
    yield session_id
    server.http.delete(f"/sessions/{session_id}")


def redirect(target: str) -> tuple[int, dict[str, str], bytes]:
    return 302, {"Location": target}, b""


WAYS = ["open {site}/away", "open {site}/, click Away", "open {site}/, click Script"]


@pytest.mark.parametrize("way", WAYS)
def test_allowed_domains_hold_for_what_a_redirect_leads_to(
    server: LocalServer, site: Site, other_site: Site, session: str, way: str
) -> None:
    target = other_site.page("<h1>Elsewhere</h1>")
    site.pages["/away"] = redirect(f"{site.url}/further")
    site.pages["/further"] = redirect(target)
    site.page(
        '<h1>Here</h1><a href="/away">Away</a> <a href="/away" target="_blank">New window</a>'
        """<button onclick="location = '/away'">Script</button>"""
    )
    task = server.run(way.format(site=site.url), sessionId=session, allowedDomains=["127.0.0.1"])
    assert not task["isSuccess"]
    assert f"{target} is not in the allowed domains" in task["output"]
    assert other_site.requests == []
    # The next task of the session may go where it likes.
    assert (
        server.run(f"Open {site.url}/away and report the heading.", sessionId=session)["output"] == "heading: Elsewhere"
    )


NEW_WINDOWS = (
    '<a href="/away" target="_blank">New window</a>',
    '<a href="/away" target="_blank" rel="noopener">New window</a>',
    '<a href="{target}" target="_blank">New window</a>',
    """<button onclick="window.open('/away')">New window</button>""",
)


@pytest.mark.parametrize("link", NEW_WINDOWS)
def test_a_click_that_opens_a_new_window_of_another_domain_fails(
    server: LocalServer, site: Site, other_site: Site, session: str, link: str
) -> None:
    target = other_site.page("<h1>Elsewhere</h1>")
    site.pages["/away"] = redirect(target)
    site.page(link.format(target=target))
    task = f'Open {site.url}/, click "New window".'
    ended = server.run(task, sessionId=session, allowedDomains=["127.0.0.1"])
    assert not ended["isSuccess"]
    assert f"{target} is not in the allowed domains" in ended["output"]
    assert other_site.requests == []


def test_a_click_waits_for_what_becomes_of_its_new_window(
    server: LocalServer, site: Site, other_site: Site, session: str
) -> None:
    target = other_site.page("<h1>Elsewhere</h1>")
    site.pages["/away"] = redirect(target)
    site.page(NEW_WINDOWS[0])
    release = site.hold("/away")
    task = server.create(f'Open {site.url}/, click "New window".', sessionId=session, allowedDomains=["127.0.0.1"])
    while "GET /away" not in site.requests:
        time.sleep(0.02)
    # Meanwhile another browser starts, and does more than one click takes.
    assert server.run(f"Open {server.site}/shop/, report the heading, reload the page.")["isSuccess"]
    assert [step["nextGoal"] for step in server.task(task["id"])["steps"]] == [f"Open {site.url}/"]
    release.set()
    ended = server.wait(task["id"])
    assert f"{target} is not in the allowed domains" in ended["output"]
    assert other_site.requests == []


NO_PAGES = {
    "204": '<a href="/nothing" target="_blank">Go</a>',
    "204, for a script": """<button onclick="window.open('/nothing')">Go</button>""",
    "a download": '<a href="/file" target="_blank">Go</a>',
    "closed at once": """<button onclick="window.open('/there').close()">Go</button>""",
    "closes before it is loaded": """<button onclick="window.open('/brief')">Go</button>""",
}


@pytest.mark.parametrize("link", NO_PAGES.values(), ids=NO_PAGES.keys())
def test_a_click_does_not_wait_for_a_window_that_will_never_have_a_page(
    server: LocalServer, site: Site, session: str, link: str
) -> None:
    site.page("<h1>There</h1>", "/there")
    site.page("<script>setTimeout(close, 500)</script><img src='/endless'>", "/brief")
    site.hold("/endless")
    site.pages["/nothing"] = (204, {}, b"")
    site.pages["/file"] = (200, {"Content-Disposition": "attachment; filename=a.bin"}, b"abc")
    site.page(f"<h1>Here</h1>{link}")
    task = server.run(f"Open {site.url}/, click Go, report the heading.", sessionId=session)
    assert task["output"] == "heading: Here"
    assert "has had no page" not in server.log.read_text()


@pytest.mark.parametrize("step", ["click Close", "click Close soon, wait 1.5 seconds"])
def test_where_a_window_closes_itself_the_one_before_is_in_front(
    server: LocalServer, site: Site, session: str, step: str
) -> None:
    site.page(
        "<button onclick='window.close()'>Close</button>"
        "<button onclick='setTimeout(() => window.close(), 800)'>Close soon</button>",
        "/closes",
    )
    site.page("""<h1>Here</h1><button onclick="window.open('/closes')">Go</button>""")
    task = server.run(f"Open {site.url}/, click Go, {step}, report the heading.", sessionId=session)
    assert task["output"] == "heading: Here"


def test_a_click_has_opened_a_new_window_when_there_is_a_page_in_it(
    server: LocalServer, site: Site, session: str
) -> None:
    site.page("<h1>There</h1>", "/there")
    site.pages["/error"] = (404, {"Content-Type": "text/html"}, b"<h1>Not here</h1>")
    site.pages["/nothing"] = (404, {}, b"")
    site.pages["/broken"] = redirect("http://127.0.0.1:9/")
    for path, output in (
        ("/there", "heading: There"),
        ("/error", "The page of the new window answers with HTTP 404."),
        ("/nothing", "The page of the new window answers with HTTP 404."),
        ("/broken", "The page of the new window cannot be opened."),
    ):
        site.page(f'<h1>Here</h1><a href="{path}" target="_blank">Go</a>')
        task = server.run(f"Open {site.url}/, click Go, report the heading.", sessionId=session)
        assert task["output"].endswith(output)


@pytest.mark.parametrize("target", OTHER_SCHEMES)
@pytest.mark.parametrize("domains", [None, ["127.0.0.1"]])
def test_no_redirect_and_no_link_leads_out_of_the_web(
    server: LocalServer, site: Site, session: str, target: str, domains: list[str] | None
) -> None:
    site.pages["/away"] = redirect(target)
    site.page(f'<h1>Here</h1><a href="/away">Away</a> <a href="{target.replace("javascript", "ftp")}">Direct</a>')
    for way in (f"open {site.url}/away", f"open {site.url}/, click Away", f"open {site.url}/, click Direct"):
        task = server.run(
            f"{way}, wait 0.2 seconds, report the page address.", sessionId=session, allowedDomains=domains
        )
        assert task["output"] == f"page address: {site.url}/" or not task["isSuccess"]
        assert "root:" not in task["output"]


@pytest.fixture
def proxy() -> Iterator[RecordingProxy]:
    with recording_proxy() as running:
        yield running


def through(proxy: RecordingProxy) -> dict[str, str]:
    """What makes programs, Chromium among them, go through a proxy to all but this machine."""
    return {"http_proxy": proxy.url, "https_proxy": proxy.url, "no_proxy": "127.0.0.1,localhost"}


def test_chromium_talks_to_the_pages_only(tmp_path: Path, proxy: RecordingProxy) -> None:
    server = LocalServer(tmp_path / "data", env=through(proxy))
    # Its look-ups of passwords, forms, accounts and updates came within the first seconds.
    task = server.run(
        'Open http://shop.test/, type "Main Street" in Street, sign in as user with password password,'
        " wait 12 seconds, report the heading.",
        secrets={"user": "demo", "password": "hunter22"},
    )
    server.end()
    assert task["output"] == "heading: You are in"
    assert proxy.hosts == {"shop.test"}


def test_chromium_loads_no_pages_of_its_own(server: LocalServer, session: str, site: Site) -> None:
    server.run(f"Open {site.page('<h1>Here</h1>')}, report the heading.", sessionId=session)
    programs = [child.cmdline() for child in psutil.Process(server.process.pid).children(recursive=True)]
    assert any("--type=renderer" in program for program in programs)
    assert not any("--top-chrome-webui" in program for program in programs)


@NEEDS_AGENT
def test_allowed_domains_hold_for_the_agent_too(tmp_path: Path, site: Site, other_site: Site) -> None:
    target = other_site.page("<h1>Elsewhere</h1>")
    site.pages["/away"] = redirect(target)
    with scripted_model() as model:
        options = ("--engine", "agent", "--model", f"{model.url}/v1#any", "--agent-python", str(PYTHON))
        server = LocalServer(tmp_path / "data", *options)
        model.play(
            say({"navigate": {"url": f"{site.url}/away", "new_tab": False}}),
            say({"navigate": {"url": f"{site.url}/away", "new_tab": True}}),
            done("Seen."),
        )
        task = server.run("Look there.", startUrl=site.page("<h1>Here</h1>"), allowedDomains=["127.0.0.1"])
        server.end()
    assert task["output"] == "Seen."
    assert site.requests.count("GET /away") == 2
    assert other_site.requests == []


@NEEDS_AGENT
def test_chromium_and_the_agent_talk_to_the_pages_and_the_model_only(tmp_path: Path, proxy: RecordingProxy) -> None:
    with scripted_model() as model:
        environment = {**through(proxy), "OPENAI_API_KEY": "sk-the-key", "OPENAI_BASE_URL": f"{model.url}/v1"}
        options = ("--engine", "agent", "--model", "openai:gpt-4.1", "--agent-python", str(PYTHON))
        server = LocalServer(tmp_path / "data", *options, env=environment)
        model.play(
            say({"navigate": {"url": "http://shop.test/", "new_tab": True}}),
            say({"wait": {"seconds": 8}}),
            done("Seen."),
        )
        task = server.run("Look at the shop.")
        server.end()
    assert (task["isSuccess"], task["output"]) == (True, "Seen.")
    assert proxy.hosts == {"shop.test"}
