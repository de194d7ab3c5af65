"""Secrets of v4: typed on pages of their hosts, and gone with their run."""

from __future__ import annotations

from typing import Any

import pytest

from tests.local.pages import Site
from tests.local.running_server import PASSWORD, USER, Json, LocalServer

from .test_runs import close


def bound(*hosts: str, **secrets: str) -> list[Json]:
    return [
        {"alias": alias, "source": {"type": "inline", "value": value}, "allowedDomains": list(hosts)}
        for alias, value in secrets.items()
    ]


def test_a_secret_is_typed_on_a_page_of_its_host_and_gone_with_its_run(server: LocalServer) -> None:
    sign_in = f"Open {server.site}/shop/ and sign in as shop_user with password shop_password."
    bindings = bound("127.0.0.1", shop_user=USER, shop_password=PASSWORD)
    run = server.run_v4(sign_in, secretBindings=bindings)
    assert (run["status"], run["error"]) == ("completed", None)
    assert PASSWORD not in str(server.events(run["id"]))
    assert PASSWORD.encode() not in server.everything_written()
    more = server.run_v4("Click Sign out, then type {{shop_user}} in User.", sessionId=run["sessionId"])
    assert (more["status"], "shop_user" in more["error"]) == ("failed", True)
    close(server, run)


@pytest.mark.parametrize("host", ["shop.test", "0.0.1", "27.0.0.1", "127.0.0.1.shop.test"])
def test_it_is_not_typed_on_a_page_of_another_host(server: LocalServer, site: Site, host: str) -> None:
    page = site.page("<label>Name <input></label>")
    run = server.run_v4(f"Open {page} and type token in Name.", secretBindings=bound(host, token="s3cret-value"))
    assert run["status"] == "failed"
    assert f"The secret {{{{token}}}} is for pages of {host} only, and this is a page of 127.0.0.1." in run["error"]
    read = server.run_v4("Report the Name.", sessionId=run["sessionId"])
    assert "s3cret-value" not in str(read)
    close(server, run)


def test_it_is_not_typed_into_a_frame_of_another_host(server: LocalServer, site: Site) -> None:
    site.page("<label>Name <input></label>", "/frame")
    frame = site.url.replace("127.0.0.1", "localhost") + "/frame"
    page = site.page(f'<h1>Shop</h1><iframe src="{frame}"></iframe>')
    task = f"Open {page} and type token in Name."
    run = server.run_v4(task, secretBindings=bound("127.0.0.1", token="s3cret-value"))
    assert (run["status"], "this is a page of localhost." in str(run["error"])) == ("failed", True)
    allowed = server.run_v4(task, sessionId=run["sessionId"], secretBindings=bound("localhost", token="s3cret-value"))
    assert allowed["status"] == "completed", allowed["error"]
    close(server, run)


def source(**fields: Any) -> Json:
    return {
        "alias": "token",
        "source": {"type": "inline", "value": "hunter2"},
        "allowedDomains": ["shop.test"],
        **fields,
    }


@pytest.mark.parametrize(
    "bindings",
    [
        [source(allowedDomains=[])],
        [source(allowedDomains=["https://shop.test"])],
        [source(allowedDomains=["shop.test:443"])],
        [source(allowedDomains=["*.shop.test"])],
        [source(source={"type": "inline", "value": ""})],
        [source(source={"type": "inline", "value": "hunter2" * 1000})],
        [source(source={"type": "vault", "value": "hunter2"})],
        [source(note="hunter2")],
        [source(), source()],
    ],
)
def test_a_binding_outside_the_contract_is_422_and_shows_no_secret(server: LocalServer, bindings: list[Json]) -> None:
    answer = server.v4.post("/runs", json={"task": "x", "secretBindings": bindings})
    assert (answer.status_code, "hunter2" in answer.text) == (422, False)


def test_a_secret_in_1password_is_501(server: LocalServer) -> None:
    vault = {"type": "onepassword", "integrationId": "3c90c3cc-0d44-4b50-8888-8dd25736052a"}
    vault |= {"vaultId": "v", "itemId": "i", "fieldId": "password"}
    answer = server.v4.post("/runs", json={"task": "x", "secretBindings": [source(source=vault)]})
    assert (answer.status_code, "1Password" in answer.json()["detail"]) == (501, True)
