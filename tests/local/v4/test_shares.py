from __future__ import annotations

import re

from tests.local import web
from tests.local.running_server import LocalServer

from .test_runs import close


def test_a_public_link_shows_the_session_without_the_key_until_it_is_turned_off(server: LocalServer) -> None:
    run = server.run_v4(f"Open {server.site}/shop/ and report the heading.")
    path = f"/sessions/{run['sessionId']}/share"
    assert server.v4.get(path).json() is None
    assert server.v4.put(path, json={"isActive": True}).status_code == 404
    share = server.v4.post(path).json()
    assert (share["isActive"], share["viewCount"]) == (True, 0)
    assert server.v4.post(path).json()["shareToken"] == share["shareToken"]
    assert web.get(share["shareUrl"]).status_code == 200
    # What the page asks for again and again is no view more.
    shown = web.get(share["shareUrl"], headers={"X-Browser-Use-Live": "1"}).text
    assert re.findall(r'id="task-([^"]+)"', shown) == [run["id"]]
    assert server.v4.get(path).json()["viewCount"] == 1
    assert server.v4.put(path, json={"isActive": False}).json()["isActive"] is False
    assert web.get(share["shareUrl"]).status_code == 404
    assert server.v4.put(path, json={"isActive": True}).json()["isActive"] is True
    assert web.get(share["shareUrl"]).status_code == 200
    close(server, run)
