"""Sees to it that there is a Chromium: the machine's, else Debian's package, else Playwright's."""

from __future__ import annotations

import asyncio
import os
import signal
import sys

from playwright.async_api import async_playwright

from browser_use_local.chromium import NoChromiumError, check, find
from demo import debian


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


def install_debians() -> None:
    """Installs Debian's package, where that can be."""
    debian.install("chromium")


def install_playwrights() -> None:
    """Downloads Playwright's build."""
    debian.run([sys.executable, "-m", "playwright", "install", "chromium"])


def main() -> int:
    """Installs a Chromium where none is found."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # nothing is to be cleaned up: Ctrl+C needs no traceback
    try:
        if asyncio.run(is_there()):
            return 0
    except NoChromiumError as error:
        print(error, file=sys.stderr)
        return 1
    for install in (install_debians, install_playwrights):
        install()
        if asyncio.run(is_there()):
            return 0
    print(
        "No Chromium could be installed: install one yourself (Debian, as root: `apt install chromium`), or name one"
        " with BROWSER_USE_LOCAL_CHROMIUM.",
        file=sys.stderr,
    )
    return 1


if __name__ == "__main__":
    sys.exit(main())
