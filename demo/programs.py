"""Programs that run beside each other: started in one folder, watched while they are waited for, ended together."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

import httpx
import psutil

from demo.progress import Progress

T = TypeVar("T")

LOOK_EVERY = 0.5
END_WITHIN = 20.0


class DemoError(Exception):
    """The demo cannot go on. The message says why, and shows the end of the log that tells more."""


class InterruptedDemoError(DemoError):
    """Somebody ended the demo: with Ctrl+C, or with a signal."""


class Programs:
    """The programs of one run of the demo.

    Args:
        folder: Theirs alone, and there already. It holds their logs and their temporary files.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._signal: signal.Signals | None = None

    def start(self, name: str, command: Sequence[str], environment: Mapping[str, str]) -> None:
        """Starts a program.

        Args:
            name: What it is called in messages; its output goes to a log of that name.
            command: The program and its arguments.
            environment: Variables beside those of this machine.
        """
        with self._log_file(name).open("wb") as log:
            self._running[name] = subprocess.Popen(
                command,
                env={**_machine_environment(), **environment, "TMPDIR": str(self.folder)},
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                # A Ctrl+C in the terminal is for the demo, which then ends its programs in order.
                start_new_session=True,
            )

    def has_ended(self, name: str) -> bool:
        """Whether a program has done its work and ended."""
        return self._running[name].poll() is not None

    def wait_for(self, what: str, look: Callable[[], T | None], *, within: float, log: str) -> T:
        """Waits for something that the programs bring about.

        Args:
            what: What is awaited, as in "Waiting for Airflow".
            look: Returns it once it is there, before that None or False. A server that does not answer yet is no error.
            within: Seconds after which it is too late.
            log: The program whose log tells why it did not happen.

        Raises:
            DemoError: A program failed, or the time is up.
            InterruptedDemoError: A signal arrived.
        """
        progress = Progress(what)
        while progress.seconds < within:
            self._check()
            with contextlib.suppress(httpx.TransportError):
                if found := look():
                    progress.done()
                    return found
            progress.show()
            time.sleep(LOOK_EVERY)
        raise DemoError(f"{what}: still not there after {within:.0f} s.\n{self.end_of_log(log)}")

    def stay(self) -> None:
        """Leaves the programs running.

        Raises:
            DemoError: A program failed.
            InterruptedDemoError: A signal arrived.
        """
        while True:
            self._check()
            time.sleep(LOOK_EVERY)

    def interrupt(self, number: int, frame: object) -> None:
        """A signal handler: lets the wait of the moment, or the next one, end with an InterruptedDemoError.

        Unlike an exception out of the handler, this cannot hit between a program's start and its being known here.
        """
        del frame
        self._signal = signal.Signals(number)

    def close(self) -> None:
        """Ends the programs and all that they started."""
        family = self._family()
        for program in self._running.values():
            program.terminate()
        deadline = time.monotonic() + END_WITHIN
        for program in self._running.values():
            with contextlib.suppress(subprocess.TimeoutExpired):
                program.wait(max(0.0, deadline - time.monotonic()))
        for process in {*family, *self._family()}:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        for program in self._running.values():
            program.wait()

    def end_of_log(self, name: str, lines: int = 30) -> str:
        """The last lines that a program wrote."""
        return f"--- the end of the log of {name}:\n" + "\n".join(self.log(name).rstrip().splitlines()[-lines:])

    def log(self, name: str) -> str:
        """All that a program wrote."""
        return self._log_file(name).read_text(errors="replace")

    def _check(self) -> None:
        if self._signal:
            raise InterruptedDemoError(f"Ended by {self._signal.name}.")
        for name, program in self._running.items():
            if program.poll():
                raise DemoError(f"{name} ended with exit code {program.returncode}.\n{self.end_of_log(name)}")

    def _log_file(self, name: str) -> Path:
        return self.folder / f"{name}.log"

    def _family(self) -> set[psutil.Process]:
        """Who descends from a program, and who lost its parent but is still in a program's session."""
        programs = {program.pid for program in self._running.values()}
        family = set()
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.NoSuchProcess, ProcessLookupError):
                if os.getsid(process.pid) in programs or programs & {parent.pid for parent in process.parents()}:
                    family.add(process)
        return family


def _machine_environment() -> dict[str, str]:
    """The variables of this machine, without what somebody set for an Airflow, a Prefect or an account of their own."""
    foreign = ("AIRFLOW_", "PREFECT_", "BROWSER_USE_API_KEY", "BROWSER_USE_BASE_URL")
    return {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
