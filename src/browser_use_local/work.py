"""Bounds for work that a request can make endless: patterns and references of a schema may ask for years of it."""

from __future__ import annotations

import asyncio
import contextlib
import pickle
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from subprocess import PIPE
from typing import Any, TypeVar

T = TypeVar("T")

# Seconds of work; that the machine is busy with something else does not count.
HERE_SECONDS = 0.05
ELSEWHERE_SECONDS = 2.0
CHILD_CODE = "from browser_use_local.work import main; main()"


class TooMuchWorkError(Exception):
    """The work was given up."""


async def bounded(function: Callable[..., T], *arguments: object) -> T:
    """Calls a function whose work has to be bounded, and keeps nobody else from working meanwhile.

    Nearly always it is done at once. What takes longer is begun again in a process of its own, where it may take two
    seconds of work; that process ends when the caller is cancelled.

    Args:
        function: What to call: a function of a module that changes nothing.
        *arguments: What it is called with; like what it returns and raises, it has to be picklable.

    Raises:
        TooMuchWorkError: It took longer.
    """
    try:
        return _within(HERE_SECONDS, function, *arguments)
    except TooMuchWorkError:
        return await _elsewhere(function, *arguments)


async def _elsewhere(function: Callable[..., T], *arguments: object) -> T:
    """The same in a process of its own, which ends with the call."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", CHILD_CODE, stdin=PIPE, stdout=PIPE, cwd=Path(__file__).parents[1], start_new_session=True
    )
    try:
        answer, _ = await process.communicate(pickle.dumps((function, arguments)))
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
    if not answer:  # it was ended from outside, or needed more memory than there is
        raise TooMuchWorkError
    result: T
    result, error = pickle.loads(answer)  # noqa: S301 - from a process of this program
    if error:
        raise error
    return result


def main() -> None:
    """Does what the standard input asks for, and writes what came of it: what was returned and what was raised."""
    function, arguments = pickle.load(sys.stdin.buffer)  # noqa: S301 - from a process of this program
    outcome: tuple[Any, Exception | None]
    try:
        outcome = _within(ELSEWHERE_SECONDS, function, *arguments), None
    except Exception as error:  # noqa: BLE001 - it is raised where the call was made
        outcome = None, error
    sys.stdout.buffer.write(pickle.dumps(outcome))


def _within(seconds: float, function: Callable[..., T], *arguments: object) -> T:
    with _limit(seconds):
        return function(*arguments)


@contextlib.contextmanager
def _limit(seconds: float) -> Iterator[None]:
    """Also a regular expression at work is interrupted, since Python's looks at signals."""

    def give_up(*_: object) -> None:
        raise TooMuchWorkError

    before = signal.signal(signal.SIGVTALRM, give_up)
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)
