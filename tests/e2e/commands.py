"""`make`, run as a user runs it, and what it leaves behind."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil

ROOT = Path(__file__).parents[2]
BUILD = Path(sys.prefix).parents[1]


class Make:
    """A `make` of this repository, in a process group of its own, as in a terminal.

    Args:
        temporary: The folder for its temporary files. Its path is short: Chromium puts a socket below it.
        output: The file for its output.
        arguments: Its targets and variables.
        environment: Variables beside those of the tests.
    """

    def __init__(self, temporary: Path, output: Path, *arguments: str, **environment: str) -> None:
        self.temporary = temporary
        self._output = output
        # This make is nobody's child make.
        inherited = {name: value for name, value in os.environ.items() if "MAKE" not in name and name != "MFLAGS"}
        command = ["make", "--no-print-directory", f"BUILD={BUILD}", *arguments]
        with output.open("wb") as file:
            self._process = subprocess.Popen(
                command,
                cwd=ROOT,
                env={**inherited, "TMPDIR": str(temporary), **environment},
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def output(self) -> str:
        return self._output.read_text()

    def wait(self, *, within: float = 400) -> int:
        """Its exit status."""
        return self._process.wait(within)

    def wait_for(self, text: str, *, within: float = 400) -> None:
        deadline = time.monotonic() + within
        while text not in self.output:
            assert self._process.poll() is None, f"it ended without {text!r}:\n{self.output}"
            assert time.monotonic() < deadline, f"no {text!r} after {within} s:\n{self.output}"
            time.sleep(0.2)

    def ctrl_c(self) -> None:
        os.killpg(self._process.pid, signal.SIGINT)

    def terminate(self) -> None:
        """As `kill PID` does: the signal is for make alone."""
        self._process.terminate()

    def processes(self) -> list[psutil.Process]:
        """What runs, and has to do with the temporary folder."""
        return [process for process in psutil.process_iter() if str(self.temporary) in _belongings(process)]

    def left_behind(self) -> list[object]:
        """Files and processes that are still there."""
        return [*self.temporary.iterdir(), *self.processes()]


@contextlib.contextmanager
def run_make(*arguments: str, **environment: str) -> Iterator[Make]:
    """A `make` that is ended with the test."""
    with tempfile.TemporaryDirectory(prefix="e2e-") as folder, tempfile.TemporaryDirectory() as elsewhere:
        make = Make(Path(folder), Path(elsewhere) / "output", *arguments, **environment)
        try:
            yield make
        finally:
            make.terminate()
            make.wait()


def _belongings(process: psutil.Process) -> str:
    with contextlib.suppress(psutil.Error):
        return "\n".join([*process.cmdline(), process.cwd(), *process.environ().values()])
    return ""
