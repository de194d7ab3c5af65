from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.chromium import running_chromium

from .pages import Site, running_site
from .running_server import LocalServer


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalServer]:
    """A server with the demo shop, for all tests of a module."""
    running = LocalServer(tmp_path_factory.mktemp("server") / "data", "--demo-site", "--max-sessions", "6")
    yield running
    assert running.end() == 0


@pytest.fixture
def session(server: LocalServer) -> Iterator[str]:
    """A session of its own for a test."""
    session_id = server.session()
    yield session_id
    server.http.patch(f"/sessions/{session_id}", json={"action": "stop"})


@pytest.fixture(scope="module")
def signed_in(server: LocalServer) -> str:
    """A session that is signed in to the shop, for all tests of a module."""
    session_id = server.session()
    assert server.sign_in(session_id)["isSuccess"]
    return session_id


@pytest.fixture
def site() -> Iterator[Site]:
    """A site of its own for a test."""
    with running_site() as running:
        yield running


expect.set_options(timeout=30_000)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """The browser of a person who watches. Its event loop would be in the way of those of other modules."""
    with running_chromium() as browser:
        yield browser


@pytest.fixture(params=[(1440, 900), (390, 844)], ids=["desktop", "phone"])
def page(chromium: Browser, server: LocalServer, request: pytest.FixtureRequest) -> Iterator[Page]:
    """A page of the live view, which loads nothing from elsewhere, breaks no rule of its own, and fits its screen."""
    width, height = request.param
    context = chromium.new_context(viewport={"width": width, "height": height})
    context.grant_permissions(["clipboard-read", "clipboard-write"], origin=server.site)
    page = context.new_page()
    troubles: list[str] = []
    page.on("pageerror", lambda error: troubles.append(str(error)))
    page.on("console", lambda said: "Content Security Policy" not in said.text or troubles.append(said.text))
    page.on("request", lambda one: one.url.startswith((server.site, "blob:", "data:")) or troubles.append(one.url))
    yield page
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), "it scrolls sideways"
    assert troubles == []
    context.close()
