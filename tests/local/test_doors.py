"""Where browsers may go, and whom they talk to."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from .pages import Site, running_site
from .running_server import LocalServer

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


def test_allowed_domains_hold_for_a_new_window(server: LocalServer, site: Site, other_site: Site, session: str) -> None:
    site.pages["/away"] = redirect(other_site.page("<h1>Elsewhere</h1>"))
    site.page('<a href="/away" target="_blank">New window</a>')
    task = f'Open {site.url}/, click "New window", wait 1 second, report the page address.'
    ended = server.run(task, sessionId=session, allowedDomains=["127.0.0.1"])
    assert "localhost" not in ended["output"]
    assert "GET /away" in site.requests
    assert other_site.requests == []


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
