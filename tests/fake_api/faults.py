"""What can go wrong on the way to the server and back."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Literal

Work = Literal["never", "done", "late"]
Point = Literal["before reading", "while reading", "after reading"]


@dataclass(frozen=True)
class Fault:
    """One fault, for requests that match.

    Attributes:
        method: The HTTP method, `*` for any.
        path: A pattern of the path below the base URL, such as `/tasks` or `/tasks/*`.
        times: For so many requests; None for all.
        skip: After letting so many pass.
        point: How much of the request the server reads. What it does not read whole it drops.
        work: Whether the server does what it was asked: never, before it answers (or fails to), or late.
        late: How late, in seconds of the fake's clock.
        status: Answers with this status instead.
        retry_after: The header of that answer.
        location: The header of that answer that says where else to go.
        detail: The detail of that answer.
        garbage: Answers with this text instead.
        hang: Does not answer; the client has to give up.
        delay: Answers after so many seconds of real time.
        reset: Drops with RST instead of FIN.

    With no `status`, `garbage`, `hang` or `delay`, the connection is dropped.
    """

    method: str = "*"
    path: str = "*"
    times: int | None = 1
    skip: int = 0
    point: Point = "after reading"
    work: Work = "never"
    late: float = 0.0
    status: int | None = None
    retry_after: str | None = None
    location: str | None = None
    detail: str = "Something went wrong"
    garbage: str | None = None
    hang: bool = False
    delay: float | None = None
    reset: bool = False


@dataclass
class _Waiting:
    fault: Fault
    seen: int = 0

    @property
    def is_spent(self) -> bool:
        return self.fault.times is not None and self.seen >= self.fault.skip + self.fault.times


class Faults:
    """The faults that wait for their requests, first come, first served."""

    def __init__(self) -> None:
        self._waiting: list[_Waiting] = []

    def clear(self) -> None:
        """No faults any more."""
        self._waiting.clear()

    def add(self, fault: Fault) -> None:
        """Another one."""
        self._waiting.append(_Waiting(fault))

    def take(self, method: str, path: str) -> Fault | None:
        """The fault that strikes this request: the first that matches and has let enough pass."""
        for waiting in self._waiting:
            fault = waiting.fault
            if fault.method in ("*", method) and fnmatchcase(path, fault.path):
                waiting.seen += 1
                if waiting.seen > fault.skip:
                    self._waiting = [other for other in self._waiting if not other.is_spent]
                    return fault
        return None
