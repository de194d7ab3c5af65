"""Programs that run beside each other: started in one folder, watched while they are waited for, ended together."""

from __future__ import annotations

import atexit
import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import httpx
import psutil

from demo.progress import Progress
from demo.waiting import until

T = TypeVar("T")

POLL_SECONDS = 0.5
END_GRACE_SECONDS = 15.0


class ProgramError(Exception):
    """A program does not do what it was started for. The message says what, and shows the end of its log."""


class InterruptedProgramsError(ProgramError):
    """Somebody ended what the programs are for: with Ctrl+C, or with a signal."""


class Program(subprocess.Popen[bytes]):
    """A program in a session of its own: a Ctrl+C in the terminal is for whoever started it.

    Args:
        name: What it is called in messages; its output goes to a log of that name, after what is there already.
        command: The program and its arguments.
        environment: All its variables.
        folder: Where it works, and has its log.
        options: What else `subprocess.Popen` takes.
    """

    def __init__(
        self, name: str, command: Sequence[str], environment: Mapping[str, str], folder: Path, **options: Any
    ) -> None:
        self.name = name
        self._log = folder / f"{name}.log"
        with self._log.open("ab") as log:
            super().__init__(
                command,
                env=environment,
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                **options,
            )

    def log(self) -> str:
        """All that it wrote."""
        return self._log.read_text(errors="replace")

    def end_of_log(self, lines: int = 30) -> str:
        """The last lines that it wrote."""
        return f"--- the end of the log of {self.name}:\n" + "\n".join(self.log().rstrip().splitlines()[-lines:])

    def check(self) -> None:
        """Looks whether it can still do its work, or has done it.

        Raises:
            ProgramError: It failed.
        """
        if self.poll():
            raise ProgramError(f"{self.name} ended with exit code {self.returncode}.\n{self.end_of_log()}")

    def signal_family(self, signum: signal.Signals) -> None:
        """Sends a signal to it and to all that it started."""
        for process in _family([self]):
            with contextlib.suppress(psutil.NoSuchProcess):
                process.send_signal(signum)


class Programs:
    """Programs that are ended together.

    Args:
        folder: Theirs alone, and there already. They work in it, and it holds their logs.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._running: list[Program] = []
        self._signal: signal.Signals | None = None
        atexit.register(self.close, signal.SIGKILL)  # should a Ctrl+C cut their end off

    def start(self, name: str, command: Sequence[str], environment: Mapping[str, str], **options: Any) -> Program:
        """Starts a program; its arguments are those of `Program`."""

        def start() -> Program:
            program = Program(name, command, environment, self.folder, **options)
            self._running.append(program)
            return program

        # In a thread, where no Ctrl+C can hit between its start and its being known here.
        with ThreadPoolExecutor(1) as thread:
            return thread.submit(start).result()

    def wait_for(self, what: str, look: Callable[[], T | None], *, within: float, log: Program) -> T:
        """Waits for something that the programs bring about.

        Args:
            what: What is awaited, as in "Waiting for Airflow".
            look: Returns it once it is there, before that None or False. A server that does not answer yet is no error.
            within: Seconds after which it is too late.
            log: The program whose log tells why it did not happen.

        Raises:
            ProgramError: A program failed, or the time is up.
            InterruptedProgramsError: A signal arrived.
        """
        progress = Progress(what)

        def found() -> T | None:
            with contextlib.suppress(httpx.TransportError):
                if found := look():
                    return found
            progress.show()
            return None

        try:
            there = until(what, found, within, every=POLL_SECONDS, check=self.check)
        except TimeoutError:
            raise ProgramError(f"{what}: still not there after {within:.0f} s.\n{log.end_of_log()}") from None
        progress.done()
        return there

    def stay(self) -> None:
        """Leaves the programs running.

        Raises:
            ProgramError: A program failed.
            InterruptedProgramsError: A signal arrived.
        """
        while True:
            self.check()
            time.sleep(POLL_SECONDS)

    def interrupt(self, number: int, frame: object) -> None:
        """A signal handler: lets the wait of the moment, or the next one, end with an InterruptedProgramsError."""
        del frame
        self._signal = signal.Signals(number)

    def check(self) -> None:
        """Looks whether there is still something to wait for.

        Raises:
            ProgramError: A program failed.
            InterruptedProgramsError: A signal arrived.
        """
        if self._signal:
            raise InterruptedProgramsError(f"Ended by {self._signal.name}.")
        for program in self._running:
            program.check()

    def end(self, program: Program, signum: signal.Signals = signal.SIGTERM) -> None:
        """Ends one of the programs and all that it started."""
        _end([program], signum)
        self._running.remove(program)

    def close(self, signum: signal.Signals = signal.SIGTERM) -> None:
        """Ends the programs and all that they started."""
        _end(self._running, signum)
        self._running.clear()


def machine_environment() -> dict[str, str]:
    """The variables of this machine, without what somebody set for an Airflow, a Prefect or an account of their own."""
    foreign = ("AIRFLOW_", "PREFECT_", "BROWSER_USE_")
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(foreign) or name.startswith("BROWSER_USE_LOCAL_")
    }


def _end(programs: Sequence[Program], signum: signal.Signals) -> None:
    family = _family(programs)
    try:
        for program in programs:
            program.send_signal(signum)
        deadline = time.monotonic() + END_GRACE_SECONDS
        for program in programs:
            with contextlib.suppress(subprocess.TimeoutExpired):
                program.wait(max(0.0, deadline - time.monotonic()))
    finally:  # also after a Ctrl+C, which means: at once
        for process in {*family, *_family(programs)}:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        for program in programs:
            program.wait()


def _family(programs: Sequence[Program]) -> set[psutil.Process]:
    """The programs, who descends from one, and who lost its parent but is still in the session of one."""
    sessions = {program.pid for program in programs}
    family = set()
    for pid in psutil.pids() if sessions else []:
        with contextlib.suppress(psutil.NoSuchProcess, ProcessLookupError):
            if os.getsid(pid) in sessions:
                family.add(psutil.Process(pid))
            if pid in sessions:
                family.update(psutil.Process(pid).children(recursive=True))
    return family
