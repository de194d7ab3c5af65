"""`make`, run as a user runs it, and what it leaves behind."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil

from demo.programs import Program
from demo.waiting import until

ROOT = Path(__file__).parents[2]
BUILD = Path(sys.prefix).parents[1]


class Make:
    """A `make` of this repository, in a process group of its own, as in a terminal.

    Args:
        temporary: The folder for its temporary files. Its path is short: Chromium puts a socket below it.
        folder: The folder for its output.
        arguments: Its targets and variables.
        environment: Variables beside those of the tests.
    """

    def __init__(self, temporary: Path, folder: Path, *arguments: str, **environment: str) -> None:
        self.temporary = temporary
        # This make is nobody's child make.
        inherited = {name: value for name, value in os.environ.items() if "MAKE" not in name and name != "MFLAGS"}
        command = ["make", "--no-print-directory", f"--directory={ROOT}", f"BUILD={BUILD}", *arguments]
        self._program = Program("make", command, {**inherited, "TMPDIR": str(temporary), **environment}, folder)

    @property
    def output(self) -> str:
        return self._program.log()

    def wait(self, *, within: float = 900) -> int:
        """Its exit status."""
        return self._program.wait(within)

    def wait_for(self, text: str, *, within: float = 900) -> None:
        def is_there() -> bool:
            ended = self._program.poll() is not None
            found = text in self.output
            assert found or not ended, f"it ended without {text!r}:\n{self.output}"
            return found

        until(lambda: f"{text!r} in:\n{self.output}\n", is_there, within)

    def ctrl_c(self) -> None:
        os.killpg(self._program.pid, signal.SIGINT)

    def terminate(self) -> None:
        """As `kill PID` does: the signal is for make alone."""
        self._program.terminate()

    def processes(self) -> list[psutil.Process]:
        """What runs, and has to do with the temporary folder."""
        return processes_of(self.temporary)

    def left_behind(self) -> list[object]:
        """Files and processes that are still there."""
        return [*self.temporary.iterdir(), *self.processes()]


@contextlib.contextmanager
def run_make(*arguments: str, **environment: str) -> Iterator[Make]:
    """A `make` that is ended with the test."""
    with tempfile.TemporaryDirectory(prefix="e2e-") as folder, tempfile.TemporaryDirectory() as elsewhere:
        make = Make(Path(folder), Path(elsewhere), *arguments, **environment)
        try:
            yield make
        finally:
            make.terminate()
            make.wait()


def processes_of(folder: Path) -> list[psutil.Process]:
    """What runs, and has to do with a folder."""
    return [process for process in psutil.process_iter() if str(folder) in _belongings(process)]


def _belongings(process: psutil.Process) -> str:
    with contextlib.suppress(psutil.Error):
        return "\n".join([*process.cmdline(), process.cwd(), *process.environ().values()])
    return ""
