"""A browser profile by name: the one there is, or one that is made, whoever else asks at the same time; one at a time.

The server keeps no name from being given twice. So every caller takes the oldest profile of a name, and one who has
just made a younger one deletes it: it is empty, and nobody else takes it.
"""

from __future__ import annotations

from itertools import count

from browser_use_client.contracts import Contract
from browser_use_client.contracts._profiles import Profiles
from browser_use_client.effects import Clock, Flow, Sleep, call
from browser_use_client.errors import BrowserUseError, SessionBusyError
from browser_use_client.flows.pages import all_pages
from browser_use_client.flows.sessions import log, quietly
from browser_use_client.limits import LATEST
from browser_use_client.models import BrowserProfile, BrowserSettings
from browser_use_client.retrying import pause_before, pause_or_raise, retried


def with_profile(contract: Contract, settings: BrowserSettings, clock: Clock) -> Flow[BrowserSettings]:
    """The settings, with the id of the profile that they name.

    Args:
        contract: What the server speaks.
        settings: How a browser is to start.
        clock: The time now.

    Raises:
        UnsupportedOptionError: The contract has no browser profiles.
        BrowserUseError: The server refused to make one, or could not be reached.
    """
    if settings.profile is None:
        return settings
    profile = yield from _profile(contract.profiles(BrowserProfile), settings.profile, clock)
    return settings.model_copy(update={"profile": None, "profile_id": profile.id})


def wait_until_free(contract: Contract, profile_id: str, *, room_until: float, clock: Clock) -> Flow[None]:
    """Waits while a task that this client created, here or elsewhere, runs with a profile; warns if it still does.

    It holds nobody up for longer, and finds no two that begin in the same moment. One request where the profile is
    free, and none where the contract cannot tell.

    Args:
        contract: What the server speaks.
        profile_id: The profile that a new session is to have.
        room_until: Until when to wait, in seconds since the epoch.
        clock: The time now.
    """
    asking = contract.task_with_profile(profile_id)
    if asking is None:
        return
    for attempt in count(1):
        try:
            task = yield from call(asking)
        except BrowserUseError:  # what keeps a list from being read, the create will say
            return
        if task is None:
            return
        used = f"Browser profile {profile_id} is in use: task {task.id} runs with it in session {task.session_id}."
        pause = pause_before(attempt, None)
        if clock() + pause > room_until:
            log.warning(
                "%s A second session begins with it now, and whichever closes last overwrites the cookies of the other:"
                " run one at a time, or wait for the first with `wait_when_busy`.",
                used,
            )
            return
        yield Sleep(pause, SessionBusyError(used, task_id=task.id, session_id=task.session_id))


def _profile(profiles: Profiles[BrowserProfile], name: str, clock: Clock) -> Flow[BrowserProfile]:
    for attempt in count(1):
        if found := (yield from _called(profiles, name)):
            return found[0]
        try:
            made = yield from call(profiles.create(profiles.keeping_cookies(name)))
        except BrowserUseError as error:
            # Maybe the server made it all the same, or another caller has made the last one that the plan allows.
            if found := (yield from _called(profiles, name)):
                return found[0]
            yield from pause_or_raise(error, attempt, room_until=0.0, clock=clock)
        else:
            return (yield from _elect(profiles, made, name))
    raise AssertionError("count() does not end")


def _elect(profiles: Profiles[BrowserProfile], made: BrowserProfile, name: str) -> Flow[BrowserProfile]:
    """The oldest of those that callers at the same time have made; this caller's own is deleted if it is another."""
    listed = yield from _called(profiles, name)
    if not listed or (oldest := listed[0]).id == made.id:
        return made
    left = f"Profile {made.id} is empty and a second one of the name {name!r}: delete it."
    yield from quietly(retried(profiles.delete(str(made.id))), left)
    return oldest


def _called(profiles: Profiles[BrowserProfile], name: str) -> Flow[list[BrowserProfile]]:
    """All profiles of a name, the oldest first: of those of one moment, the last that is listed."""
    pages = yield from all_pages(profiles.list)
    found = [profile for page in pages[::-1] for profile in page.items[::-1] if profile.name == name]
    return sorted(found, key=lambda profile: profile.created_at or LATEST)
