"""Sees to it that there is a Chromium: the machine's, else Debian's package, else Playwright's."""

from __future__ import annotations

import asyncio
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Sequence

from playwright.async_api import async_playwright

from browser_use_local.chromium import NoChromiumError, check, find


async def is_there() -> bool:
    """Whether the local server would find one.

    Raises:
        NoChromiumError: BROWSER_USE_LOCAL_CHROMIUM names one that is not there.
    """
    named = find(os.environ.get("BROWSER_USE_LOCAL_CHROMIUM"))
    async with async_playwright() as playwright:
        try:
            check(playwright, named)
        except NoChromiumError:
            return False
        return True


def ways_to_install() -> list[Sequence[Sequence[str]]]:
    """What to run, the better way first."""
    debian: list[Sequence[Sequence[str]]] = []
    if _is_debian() and (as_root := _as_root()) is not None:
        apt_get = [*as_root, "apt-get", "-q", "-o", "DPkg::Lock::Timeout=300"]
        debian = [[[*apt_get, "update"], [*apt_get, "install", "-y", "--no-install-recommends", "chromium"]]]
    return [*debian, [[sys.executable, "-m", "playwright", "install", "chromium"]]]


def main() -> int:
    """Installs a Chromium where none is found."""
    try:
        if asyncio.run(is_there()):
            return 0
    except NoChromiumError as error:
        print(error, file=sys.stderr)
        return 1
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for commands in ways_to_install():
        for command in commands:
            print(" ".join(command), flush=True)
            subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, check=False)
        if asyncio.run(is_there()):
            return 0
    print(
        "No Chromium could be installed: install one yourself (Debian, as root: `apt install chromium`), or name one"
        " with BROWSER_USE_LOCAL_CHROMIUM.",
        file=sys.stderr,
    )
    return 1


def _is_debian() -> bool:
    # Ubuntu's package of that name only installs a snap.
    try:
        return platform.freedesktop_os_release()["ID"] == "debian"
    except OSError:
        return False


def _as_root() -> list[str] | None:
    """What to put before a command so that root runs it; None where that cannot be had without a password."""
    if os.geteuid() == 0:
        return []
    sudo = ["sudo", "-n"]
    can = shutil.which("sudo") and subprocess.run([*sudo, "true"], capture_output=True, check=False).returncode == 0
    return sudo if can else None


if __name__ == "__main__":
    sys.exit(main())
