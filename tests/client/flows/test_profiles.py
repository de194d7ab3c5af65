"""Profiles by name: found, or made once, whoever asks at the same time; with no network and no waiting."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from browser_use_client import BrowserProfile, BrowserSettings, CreateTaskRequest, InvalidRequestError, errors
from browser_use_client.effects import call
from browser_use_client.flows.create import Creation
from browser_use_client.flows.profiles import with_profile
from tests.client.flows.creating import creation, finish
from tests.client.in_memory import InMemory
from tests.fake_api.world import Contract

SHOP = BrowserSettings(profile="shop")
KINDS = {"v2-nested": "browser-profiles", "v2-flat": "profiles", "v4": "profiles"}


@pytest.fixture(params=list(KINDS))
def server(request: pytest.FixtureRequest) -> InMemory:
    return InMemory(request.param)


def kind(server: InMemory) -> str:
    return KINDS[server.contract.name]


def named(server: InMemory, name: str = "shop") -> list[str]:
    """The ids of the profiles of a name, the oldest first."""
    return [one for one, profile in server.world.profiles.get(kind(server), {}).items() if profile["name"] == name]


def find(server: InMemory, settings: BrowserSettings = SHOP) -> str | None:
    return server.run(with_profile(server.contract, settings, server.clock)).profile_id


def asking(server: InMemory, *, returning: bool = False) -> Creation:
    return replace(creation(server, returning=returning), request=CreateTaskRequest(task="Read", browser_settings=SHOP))


def test_the_first_task_makes_the_profile_and_the_next_one_finds_it(server: InMemory) -> None:
    server.run(asking(server).create())
    server.run(asking(server).create())

    [profile] = named(server)
    assert server.trace.count(f"POST /{kind(server)}") == 1
    assert all(profile in str(task.body) for task in server.world.tasks.values())


def test_a_profile_that_was_made_by_name_keeps_cookies() -> None:
    server = InMemory("v2-nested")

    profile = find(server)

    assert profile is not None
    assert server.world.profiles["browser-profiles"][profile]["persist"] is True


@given(st.sampled_from(list(KINDS)), st.lists(st.integers(0, 2), max_size=40))
def test_callers_at_the_same_time_get_one_profile(name: Contract, order: list[int]) -> None:
    server = InMemory(name)
    callers = [server.steps(with_profile(server.contract, SHOP, server.clock)) for _ in range(3)]

    found = {settings.profile_id for settings in finish(callers, order)}

    assert [*found] == named(server)


@pytest.mark.parametrize("work", ["done", "never"])
@pytest.mark.parametrize("status", [None, 502])
def test_an_answer_that_is_lost_makes_one_profile(server: InMemory, work: str, status: int | None) -> None:
    server.fault("POST", f"/{kind(server)}", work=work, status=status)

    assert [find(server)] == named(server)


def test_a_profile_that_turns_up_late_is_never_taken(server: InMemory) -> None:
    server.fault("POST", f"/{kind(server)}", work="late", late=60.0)
    first = find(server)
    server.world.advance(120.0)

    assert find(server) == first
    assert len(named(server)) == 2


def test_the_last_profile_of_a_plan_that_another_caller_made_is_taken(server: InMemory) -> None:
    made = find(server)
    profiles = server.world.profiles.pop(kind(server))
    waiting = server.steps(with_profile(server.contract, SHOP, server.clock))
    next(waiting)
    next(waiting)  # has seen none, and will ask for one
    server.world.profiles[kind(server)] = profiles
    server.fault("POST", f"/{kind(server)}", status=402, detail="You have as many profiles as your plan allows")

    [settings] = finish([waiting])

    assert settings.profile_id == made


def test_the_oldest_of_several_is_taken_and_none_is_deleted(server: InMemory) -> None:
    profiles = server.contract.profiles(BrowserProfile)
    for name in ("other", "shop", "shop"):
        server.run(call(profiles.create(BrowserProfile(name=name))))
        server.world.advance(1)
    before = named(server)

    assert find(server) == before[0]
    assert named(server) == before


def test_who_comes_back_to_a_task_looks_for_no_profile(server: InMemory) -> None:
    first = server.run(asking(server).create())
    server.trace.clear()

    assert server.run(asking(server, returning=True).create()).id == first.id
    assert f"GET /{kind(server)}" not in server.trace


def test_where_no_profile_can_be_made_no_task_is_created(server: InMemory) -> None:
    server.fault("POST", f"/{kind(server)}", status=402, detail="Your plan has no more profiles")

    with pytest.raises(errors.InsufficientCreditsError, match="no more profiles"):
        server.run(asking(server).create())

    assert not server.world.tasks


@pytest.mark.parametrize("server", ["v2-nested", "v2-flat"], indirect=True)
def test_a_follow_up_names_no_profile(server: InMemory) -> None:
    session = server.world.create_session(keep_alive=True)
    settings = BrowserSettings(profile="shop", session_id=session.id)

    with pytest.raises(errors.UnsupportedOptionError, match=r"browser_settings\.profile.*follow-up"):
        replace(creation(server), request=CreateTaskRequest(task="x", browser_settings=settings))

    assert not server.trace


@pytest.mark.parametrize("server", ["v4"], indirect=True)
def test_on_v4_a_follow_up_may_name_the_profile_of_its_session_for_a_new_browser(server: InMemory) -> None:
    first = server.run(asking(server).create())
    server.world.end(server.world.tasks[first.id], "finished")
    settings = BrowserSettings(profile="shop", session_id=first.session_id)
    request = CreateTaskRequest(task="Read on", browser_settings=settings)
    server.run(replace(creation(server, key="next"), request=request).create())

    [profile] = named(server)
    assert [task.body["browserSettings"] for task in server.world.tasks.values()] == [{"profileId": profile}] * 2


def test_a_name_and_an_id_together_are_refused() -> None:
    with pytest.raises(InvalidRequestError, match="`profile` and `profile_id` both name a profile"):
        BrowserSettings(profile="shop", profile_id="3c90c3cc-0d44-4b50-8888-8dd25736052a")


@pytest.mark.parametrize("name", ["", "  ", "x" * 101])
def test_a_name_that_no_profile_can_have_is_refused(name: str) -> None:
    with pytest.raises(InvalidRequestError, match="profile"):
        BrowserSettings(profile=name)
