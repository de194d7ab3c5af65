"""The processes that a server has started, its Chromiums above all: finding and ending them, whoever is their parent.

Run as a program, it is the guard of a server: it waits until that one is gone, however it ended, and then ends what it
has left behind.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil

# In the environment of all that a server starts, and of all that those start in turn.
SERVER_VARIABLE = "BROWSER_USE_LOCAL_SERVER"
POLL_SECONDS = 0.05
GIVES_UP_AFTER_SECONDS = 30.0
# Nobody waits for a guard whose server was killed, so it may make sure.
GUARD_IS_SURE_AFTER_SECONDS = 2.0


def end_all(belongs: Callable[[psutil.Process], bool], sure_after: float = POLL_SECONDS) -> None:
    """Kills every process that belongs to something, until there is none; also one that is only just starting.

    Args:
        belongs: Whether a process belongs to it.
        sure_after: For how many seconds none must be found. One that turns into another program has neither arguments
            nor environment for a moment, and a long one on a busy machine.
    """
    until = time.monotonic() + GIVES_UP_AFTER_SECONDS
    found_at = time.monotonic()
    while time.monotonic() < until:
        looked_at = time.monotonic()
        found = [process for process in psutil.process_iter() if _is(process, belongs)]
        for process in found:
            with contextlib.suppress(psutil.Error):
                process.kill()
        if found:
            found_at = time.monotonic()
        elif looked_at - found_at >= sure_after:
            return
        time.sleep(POLL_SECONDS)


def of_server(mark: str) -> Callable[[psutil.Process], bool]:
    """What was started by the server of this mark; by all servers of a data folder, where the mark is the folder."""
    return lambda process: process.environ().get(SERVER_VARIABLE, "").startswith(mark)


def of_profile(folder: Path) -> Callable[[psutil.Process], bool]:
    """The Chromium of a profile folder."""
    argument = f"--user-data-dir={folder}"
    return lambda process: argument in process.cmdline()


def _is(process: psutil.Process, belongs: Callable[[psutil.Process], bool]) -> bool:
    try:
        return belongs(process) and process.status() != psutil.STATUS_ZOMBIE
    except (psutil.Error, OSError):  # it has ended, or is somebody else's
        return False


@contextlib.contextmanager
def guarded(data_dir: Path) -> Iterator[None]:
    """Ends what an earlier server of this data folder has left behind, and sees to it that this one leaves nothing.

    Whoever kills the server leaves no time to close browsers. Those end with the pipe to their driver as a rule, and
    sometimes not: when they were just starting, on a busy machine.
    """
    folder = f"{data_dir.resolve()}#"
    end_all(of_server(folder))
    mark = f"{folder}{os.getpid()}-{time.time_ns()}"
    guard = subprocess.Popen(  # noqa: S603 - this very file
        [sys.executable, __file__, mark], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, start_new_session=True
    )
    os.environ[SERVER_VARIABLE] = mark
    try:
        yield
    finally:
        del os.environ[SERVER_VARIABLE]
        guard.communicate(b"closed")


def main() -> None:
    """Waits until the server is gone: nobody else has the other end of this pipe. One that was killed says nothing."""
    was_killed = not sys.stdin.read()
    end_all(of_server(sys.argv[1]), GUARD_IS_SURE_AFTER_SECONDS if was_killed else POLL_SECONDS)


if __name__ == "__main__":
    main()
