from __future__ import annotations

from collections.abc import Iterator

import pytest

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
