"""Debian's packages, for what pip cannot install."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess


def install(*packages: str) -> None:
    """Installs packages where the machine is a Debian and root can be had without a password; else does nothing.

    It raises nothing either: whether what was wanted is there now is for the caller to look.
    """
    if not _is_debian() or (as_root := _as_root()) is None:
        return
    apt_get = [*as_root, "apt-get", "-q", "-o", "DPkg::Lock::Timeout=300"]
    for command in ([*apt_get, "update"], [*apt_get, "install", "-y", "--no-install-recommends", *packages]):
        run(command)


def run(command: list[str]) -> None:
    """Shows a command and runs it, asking nobody anything."""
    print(" ".join(command), flush=True)
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, check=False)


def _is_debian() -> bool:
    # Ubuntu has other packages: its chromium, for one, only installs a snap.
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
