"""What the official SDKs offer and the local server has not."""

from __future__ import annotations

import pytest

from tests.local.running_server import Json, LocalServer

STRANGER = "3c90c3cc-0d44-4b50-8888-8dd25736052a"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/integrations"),
        ("GET", "/integrations/categories"),
        ("POST", "/integrations/gmail/authorize"),
        ("DELETE", "/integrations/gmail"),
        ("GET", "/extensions"),
        ("DELETE", f"/extensions/{STRANGER}"),
        ("GET", "/agentcard/wallets"),
        ("GET", "/stripe-link"),
        ("POST", "/browsers"),
        ("GET", "/skills"),
        ("POST", f"/skills/{STRANGER}/execute"),
        ("GET", "/marketplace/skills"),
    ],
)
def test_an_endpoint_that_only_the_cloud_has_is_501_with_a_sentence(
    server: LocalServer, method: str, path: str
) -> None:
    answer = server.v4.request(method, path)
    assert (answer.status_code, answer.json()["detail"].startswith("The local server has no ")) == (501, True)


@pytest.mark.parametrize("path", ["/skills", "/marketplace/skills"])
def test_so_it_is_in_v2(server: LocalServer, path: str) -> None:
    assert server.http.get(path).status_code == 501


@pytest.mark.parametrize(
    "asked",
    [
        {"agentmail": True},
        {"opVaultId": "vault"},
        {"agentcardWalletId": STRANGER},
        {"stripeLinkConnectionId": STRANGER},
        {"browserSettings": {"customProxy": {"host": "proxy.test", "port": 3128}}},
        {"browserSettings": {"extensionIds": [STRANGER]}},
    ],
)
def test_a_run_that_asks_for_it_is_501_and_is_not_started(server: LocalServer, asked: Json) -> None:
    before = server.v4.get("/runs").json()["runs"]
    answer = server.v4.post("/runs", json={"task": "x", **asked})
    assert (answer.status_code, next(iter(asked)) in answer.json()["detail"]) == (501, True)
    assert server.v4.get("/runs").json()["runs"] == before
