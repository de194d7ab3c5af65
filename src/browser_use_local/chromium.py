"""Finding a Chromium on this machine."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from playwright.async_api import Playwright

PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
MACOS = Path("/Applications/Google Chrome.app/Contents/MacOS/Google Chrome")


class NoChromiumError(Exception):
    """There is no Chromium to start. The message says what was looked for."""


def find(named: str | None) -> Path | None:
    """Finds the Chromium to use.

    Args:
        named: The one that the user asked for, a path or a command.

    Returns:
        The executable; None where only Playwright's own is left to try.

    Raises:
        NoChromiumError: The one that was asked for is not there.
    """
    if named:
        found = shutil.which(named)
        if found is None:
            raise NoChromiumError(f"There is no program {named!r}: name a Chromium or Chrome that can be started.")
        return Path(found)
    for name in PROGRAMS:
        if found := shutil.which(name):
            return Path(found)
    return MACOS if os.access(MACOS, os.X_OK) else None


def check(playwright: Playwright, executable: Path | None) -> None:
    """Raises NoChromiumError where neither the machine nor Playwright has a Chromium."""
    if executable is None and not os.access(playwright.chromium.executable_path, os.X_OK):
        raise NoChromiumError(
            "No Chromium or Chrome was found on this machine: install one (Debian: `apt install chromium`; else"
            " `playwright install chromium`), or name one with --chromium or BROWSER_USE_LOCAL_CHROMIUM."
        )
