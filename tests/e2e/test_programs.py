"""What the demo and the tests start beside them ends with them."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from demo.programs import ProgramError, Programs
from demo.waiting import until

from .commands import ROOT, processes_of

STARTS_MANY = """
import sys
from pathlib import Path
from demo.programs import Programs

programs = Programs(Path(sys.argv[1]))
try:
    while True:
        programs.start("sleep", ["/bin/sleep", "600"], {})
        print("one more", flush=True)
finally:
    programs.close()
"""
# Of what it starts, one loses its parent, and one is in a session of its own.
STARTS_OTHERS = "(sleep 600 &); setsid sleep 600 & echo started; wait"
ENVIRONMENT = {"PATH": "/usr/bin:/bin"}


@pytest.mark.parametrize("number", [1, 2, 3, 5, 8])
def test_ctrl_c_while_programs_are_started_leaves_none_of_them(tmp_path: Path, number: int) -> None:
    folder = tmp_path / "of-the-programs"
    folder.mkdir()
    with subprocess.Popen(
        [sys.executable, "-c", STARTS_MANY, str(folder)], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as starter:
        assert starter.stdout
        for _ in range(number):
            starter.stdout.readline()
        starter.send_signal(signal.SIGINT)
        starter.wait(60)
    until(lambda: f"{processes_of(folder)} have ended", lambda: not processes_of(folder))


def test_a_program_that_is_ended_takes_all_that_it_started_along(tmp_path: Path) -> None:
    programs = Programs(tmp_path)
    program = programs.start("starts others", ["/bin/sh", "-c", STARTS_OTHERS], ENVIRONMENT)
    until("all are started", lambda: "started" in program.log() and len(processes_of(tmp_path)) == 3)
    programs.end(program, signal.SIGKILL)
    until(lambda: f"{processes_of(tmp_path)} have ended", lambda: not processes_of(tmp_path))


def test_waiting_for_a_program_that_fails_ends_at_once_and_shows_the_end_of_its_log(tmp_path: Path) -> None:
    programs = Programs(tmp_path)
    program = programs.start("fails", ["/bin/sh", "-c", "echo why; exit 3"], ENVIRONMENT)
    with pytest.raises(ProgramError) as caught:
        programs.wait_for("something", lambda: None, within=60, log=program)
    assert str(caught.value) == "fails ended with exit code 3.\n--- the end of the log of fails:\nwhy"
