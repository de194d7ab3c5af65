"""What the official SDKs offer and the local server has not: the page lists it, and the server answers so."""

from __future__ import annotations

import re

import pytest

from tests.client.contracts.published import needs_published, v4
from tests.local.only_in_the_cloud import listed, start_of
from tests.local.running_server import Json, LocalServer

STRANGER = "3c90c3cc-0d44-4b50-8888-8dd25736052a"
ENDPOINTS = [
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
]
ONEPASSWORD = {"type": "onepassword", "integrationId": STRANGER, "vaultId": "v", "itemId": "i", "fieldId": "f"}
FIELDS: dict[str, Json] = {
    "agentmail": {"agentmail": True},
    "opVaultId": {"opVaultId": "vault"},
    "secretBindings": {"secretBindings": [{"alias": "x", "source": ONEPASSWORD, "allowedDomains": ["shop.test"]}]},
    "agentcardWalletId": {"agentcardWalletId": STRANGER},
    "stripeLinkConnectionId": {"stripeLinkConnectionId": STRANGER},
    "customProxy": {"browserSettings": {"customProxy": {"host": "proxy.test", "port": 3128}}},
    "extensionIds": {"browserSettings": {"extensionIds": [STRANGER]}},
}


def test_the_page_lists_what_is_tested_here() -> None:
    assert listed() == {start_of(*endpoint) for endpoint in ENDPOINTS} | FIELDS.keys()


@needs_published
def test_of_the_published_endpoints_those_on_the_page_are_501_and_no_others(server: LocalServer) -> None:
    for method, path in [(method.upper(), path) for path, methods in v4()["paths"].items() for method in methods]:
        answer = server.v4.request(method, re.sub(r"\{\w+\}", STRANGER, path))
        assert (answer.status_code == 501) == (start_of(method, path) in listed()), (method, path, answer.text)


@pytest.mark.parametrize(("method", "path"), ENDPOINTS)
def test_an_endpoint_that_only_the_cloud_has_is_501_with_a_sentence(
    server: LocalServer, method: str, path: str
) -> None:
    answer = server.v4.request(method, path)
    assert (answer.status_code, answer.json()["detail"].startswith("The local server has no ")) == (501, True)


@pytest.mark.parametrize("path", ["/skills", "/marketplace/skills"])
def test_so_it_is_in_v2(server: LocalServer, path: str) -> None:
    assert server.http.get(path).status_code == 501


@pytest.mark.parametrize("field", FIELDS)
def test_a_run_that_asks_for_it_is_501_and_is_not_started(server: LocalServer, field: str) -> None:
    before = server.v4.get("/runs").json()["runs"]
    answer = server.v4.post("/runs", json={"task": "x", **FIELDS[field]})
    assert (answer.status_code, field in answer.json()["detail"]) == (501, True)
    assert server.v4.get("/runs").json()["runs"] == before
