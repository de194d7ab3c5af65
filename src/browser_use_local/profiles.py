"""What agent profiles and browser profiles do to tasks and sessions."""

from __future__ import annotations

import dataclasses
import json
import logging
from pathlib import Path
from typing import Any

from playwright.async_api import StorageState

from browser_use_local.engine import TaskRequest
from browser_use_local.records import Profile, ProfileKind, now
from browser_use_local.store import Store

logger = logging.getLogger(__name__)

BROWSER_KINDS: tuple[ProfileKind, ...] = ("browser-profiles", "profiles")


class ProfileNotFoundError(Exception):
    """No profile has this id. The message is the one of the contract."""


class Profiles:
    """Looks profiles up, and keeps the cookies and the local storage of browser profiles.

    Args:
        folder: Where cookies lie. Made if it is missing.
        store: Where the profiles are.
    """

    def __init__(self, folder: Path, store: Store) -> None:
        self._folder = folder
        self._store = store
        folder.mkdir(exist_ok=True, mode=0o700)

    def applied(self, request: TaskRequest) -> TaskRequest:
        """The request with what its agent profile says.

        Raises:
            ProfileNotFoundError: There is no such agent profile.
        """
        if request.agent_profile_id is None:
            return request
        profile = self._store.get(Profile, id=request.agent_profile_id, kind="agent-profiles")
        if profile is None:
            raise ProfileNotFoundError("Agent profile not found")
        return dataclasses.replace(
            request,
            max_steps=profile.settings["maxAgentSteps"],
            allowed_domains=profile.settings["allowedDomains"],
            instructions=profile.settings["customSystemPromptExtension"],
            flash_mode=profile.settings["flashMode"],
            thinking=profile.settings["thinking"],
            vision=profile.settings["vision"],
            highlight_elements=profile.settings["highlightElements"],
        )

    def of_browser(self, profile_id: str | None) -> dict[str, Any]:
        """The settings of a browser profile.

        Raises:
            ProfileNotFoundError: There is no such browser profile.
        """
        if profile_id is None:
            return {}
        profile = self._store.get(Profile, id=profile_id)
        if profile is None or profile.kind not in BROWSER_KINDS:
            raise ProfileNotFoundError("Profile not found")
        self._store.change(Profile, {"id": profile_id}, last_used_at=now())
        return profile.settings

    def state(self, profile_id: str) -> StorageState | None:
        """The cookies and the local storage that the last session with this profile had in the end.

        Where they cannot be read, a session starts without them, and the log says so.
        """
        try:
            state: StorageState = json.loads(self._file(profile_id).read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            logger.warning("what profile %s has kept cannot be read: %s", profile_id, error)
            return None
        return state

    def keep_state(self, profile_id: str, state: StorageState) -> None:
        """Keeps cookies and local storage for the next session with this profile, unless the profile was deleted."""
        if not self._store.get(Profile, id=profile_id):
            return
        file = self._file(profile_id)
        new = file.with_suffix(".new")
        try:
            new.write_text(json.dumps(state), encoding="utf-8")
            new.replace(file)
        except OSError:
            new.unlink(missing_ok=True)
            raise

    def delete(self, profile_id: str) -> None:
        """Removes a profile and all that it kept."""
        self._store.delete(Profile, id=profile_id)
        self._file(profile_id).unlink(missing_ok=True)

    def _file(self, profile_id: str) -> Path:
        return self._folder / f"{profile_id}.json"
