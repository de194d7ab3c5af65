"""The environment of the agent: its packages clash with those of everything else, so they have a place of their own."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import os
import shutil
import signal
import sys
from pathlib import Path

from browser_use_local.engine import EngineFailedError

logger = logging.getLogger(__name__)

REQUIREMENTS = Path(__file__).with_name("requirements.txt")
OLDEST_PYTHON = (3, 11)


class NoPythonError(Exception):
    """There is no Python that the agent can run on. The message is for the user."""


class Environment:
    """A virtual environment with browser-use, made when it is first needed.

    Args:
        folder: Where it is made. What lies there from other versions of the requirements is removed.
        python: The Python of one that the user has made; None: this one is made.
        requirements: The file that pins its packages.

    Raises:
        NoPythonError: The Python of the user is not there; or this one is too old to make an environment of.
    """

    def __init__(self, folder: Path, python: Path | None = None, requirements: Path = REQUIREMENTS) -> None:
        if python is None and sys.version_info < OLDEST_PYTHON:
            raise NoPythonError(
                f"The agent needs Python {'.'.join(map(str, OLDEST_PYTHON))} or newer, and this server runs on"
                f" {sys.version_info.major}.{sys.version_info.minor}: name the Python of an environment that has"
                " browser-use with --agent-python."
            )
        found = python and shutil.which(python)
        if python and not found:
            raise NoPythonError(
                f"There is no program {python}: name the Python of an environment that has browser-use with"
                " --agent-python, or leave it out, and one is made."
            )
        # Not resolved: what it is a link to knows nothing of its environment.
        self._python = Path(found).absolute() if found else None
        self._folder = folder
        self._requirements = requirements
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        digest = hashlib.sha256(requirements.read_bytes() + version.encode()).hexdigest()
        self._own = folder / digest[:16]
        self._ready = self._own / ".ready"
        self._making: asyncio.Task[None] | None = None

    async def python(self) -> Path:
        """The Python of the environment. Tasks that come while it is made wait for it together.

        Raises:
            EngineFailedError: It could not be made; the next task tries again.
        """
        if self._python:
            return self._python
        if not self._ready.exists():
            if self._making is None or self._making.done():
                self._making = asyncio.create_task(self._make())
            # A task that is stopped meanwhile does not stop the making.
            await asyncio.shield(self._making)
        return self._own / "bin" / "python"

    async def _make(self) -> None:
        logger.warning("The agent's environment is made in %s, once; this takes a minute or so.", self._own)
        shutil.rmtree(self._folder, ignore_errors=True)
        uv = shutil.which("uv")
        own, requirements = str(self._own), str(self._requirements)
        if uv:
            commands = [
                [uv, "venv", "--quiet", "--python", sys.executable, own],
                [uv, "pip", "install", "--quiet", "--compile-bytecode", "--python", own, "-r", requirements],
            ]
        else:
            pip = [f"{own}/bin/python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
            commands = [[sys.executable, "-m", "venv", own], [*pip, "-r", requirements]]
        for command in commands:
            await _run(command)
        self._ready.touch()
        logger.warning("The agent's environment is ready.")


async def _run(command: list[str]) -> None:
    """Runs a command to its end, or ends it and all that it started."""
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        said, _ = await process.communicate()
    finally:
        if process.returncode is None:
            os.killpg(process.pid, signal.SIGKILL)
    if process.returncode:
        lines = [line.strip() for line in said.decode(errors="replace").splitlines() if line.strip()]
        logger.warning("%s failed:\n%s", " ".join(command), "\n".join(lines))
        raise EngineFailedError(
            "The agent's environment could not be made, which needs a connection to a package index the first time:"
            f" `{Path(command[0]).name}` said: {lines[-1] if lines else 'nothing'}"
        )
