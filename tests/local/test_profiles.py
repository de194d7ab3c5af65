from __future__ import annotations

import pytest

from browser_use_client import ApiVersion, BrowserProfile, BrowserSettings, BrowserUseClient, CreateTaskRequest

from .running_server import KEY, SECRETS, Json, LocalServer

KINDS: list[tuple[str, Json, Json]] = [
    ("agent-profiles", {"name": "careful", "maxAgentSteps": 3}, {"maxAgentSteps": 7}),
    ("browser-profiles", {"name": "wide", "browserViewportWidth": 1600}, {"persist": False}),
    ("profiles", {"name": "shop"}, {"userId": "ann"}),
]


@pytest.mark.parametrize(("kind", "body", "change"), KINDS)
def test_a_profile_is_made_listed_changed_and_deleted(server: LocalServer, kind: str, body: Json, change: Json) -> None:
    made = server.http.post(f"/{kind}", json=body)
    assert made.status_code == 201
    profile = made.json()
    assert body.items() <= profile.items()
    path = f"/{kind}/{profile['id']}"
    assert server.http.get(path).json() == profile
    assert profile in server.http.get(f"/{kind}").json()["items"]

    changed = server.http.patch(path, json=change).json()
    assert {**body, **change}.items() <= changed.items()
    assert changed["updatedAt"] > profile["updatedAt"]

    assert server.http.delete(path).status_code == 204
    assert server.http.get(path).status_code == 404


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("agent-profiles", {}),
        ("browser-profiles", {"name": "x", "browserViewportWidth": 1}),
        ("profiles", {"name": "x" * 101}),
    ],
)
def test_a_profile_outside_the_contract_is_refused(server: LocalServer, kind: str, body: Json) -> None:
    assert server.http.post(f"/{kind}", json=body).status_code == 422


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"agentSettings": {"profileId": "3c90c3cc-0d44-4b50-8888-8dd25736052a"}}, "Agent profile not found"),
        ({"browserSettings": {"profileId": "3c90c3cc-0d44-4b50-8888-8dd25736052a"}}, "Profile not found"),
        ({"sessionSettings": {"profileId": "3c90c3cc-0d44-4b50-8888-8dd25736052a"}}, "Profile not found"),
    ],
)
def test_a_profile_that_is_not_there_is_404_and_leaves_no_session(server: LocalServer, body: Json, said: str) -> None:
    before = server.http.get("/sessions").json()["totalItems"]
    answer = server.http.post("/tasks", json={"task": "Go back", **body})
    assert (answer.status_code, answer.json()) == (404, {"detail": said})
    assert server.http.get("/sessions").json()["totalItems"] == before


def test_who_signed_in_with_a_browser_profile_is_still_signed_in_the_next_time(server: LocalServer) -> None:
    profile = server.http.post("/profiles", json={"name": "shop"}).json()["id"]
    settings = {"sessionSettings": {"profileId": profile}}
    sign_in = f"Open {server.site}/shop/ and sign in as shop_user with password shop_password."
    assert server.run(sign_in, secrets=SECRETS, **settings)["isSuccess"]
    again = server.run(f"Open {server.site}/shop/orders and report the heading.", **settings)
    assert again["output"] == "heading: Orders"
    stranger = server.run(f"Open {server.site}/shop/orders and report the heading.")
    assert stranger["output"] == "heading: Sign in"
    assert server.http.get(f"/profiles/{profile}").json()["lastUsedAt"].endswith("Z")


@pytest.mark.parametrize("api_version", ["v2-nested", "v2-flat", "v4"])
def test_who_names_a_profile_is_signed_in_the_next_time(server: LocalServer, api_version: ApiVersion) -> None:
    settings = BrowserSettings(profile=f"shop of {api_version}")
    sign_in = CreateTaskRequest(
        task=f"Open {server.site}/shop/ and sign in as {{{{shop_user}}}} with password {{{{shop_password}}}}.",
        secrets=SECRETS,
        secret_domains=["127.0.0.1"] if api_version == "v4" else None,
        browser_settings=settings,
    )
    look = CreateTaskRequest(task=f"Open {server.site}/shop/orders and report the heading.", browser_settings=settings)
    base_url = f"{server.site}/api/{api_version.partition('-')[0]}"
    with BrowserUseClient(KEY, base_url, api_version=api_version) as client:
        client.run_task(sign_in)
        assert client.run_task(look).output == "heading: Orders"
        assert [one.name for one in client.list_profiles(BrowserProfile)].count(settings.profile) == 1


def test_an_agent_profile_bounds_the_steps(server: LocalServer) -> None:
    profile = server.http.post("/agent-profiles", json={"name": "short", "maxAgentSteps": 2}).json()["id"]
    task = server.run("Go back. Go back. Go back.", agentSettings={"profileId": profile})
    assert task["output"] == "The task has 3 steps, and maxSteps is 2."
    server.http.delete(f"/sessions/{task['sessionId']}")
