"""What can go wrong on the way to the server and back."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, Literal

Work = Literal["never", "done", "late"]
Point = Literal["before reading", "while reading", "after reading"]

Endpoint = Literal[
    "create",
    "list",
    "read",
    "poll",
    "stop a task",
    "close a session",
    "stop",
    "place",
    "live view",
    "upload slot",
    "upload",
    "output file",
    "download",
]
"""What a request is for, whatever its contract calls it."""

_ID = "[0-9a-f-]{36}"
_STORE = {"upload": "(POST|PUT) /_files/.*", "download": "GET /_files/.*"}
_V2: dict[str, str] = {
    "create": "POST /tasks",
    "list": "GET /tasks",
    "read": f"GET /tasks/{_ID}",
    "poll": f"GET /tasks/{_ID}(/status)?",
    "stop a task": "PATCH /tasks/.*",
    "close a session": "PATCH /sessions/.*",
    "stop": "PATCH /(tasks|sessions)/.*",
    "place": "POST /sessions",
    "live view": f"GET /sessions/{_ID}",
    "upload slot": "POST /.*/presigned-url",
    "output file": "GET /.*/output-files/.*",
    **_STORE,
}
_V4: dict[str, str] = {
    "create": "POST /runs",
    "list": "GET /runs",
    "read": f"GET /runs/{_ID}",
    "poll": f"GET /runs/{_ID}(/status|/events)?",
    "stop a task": "POST /runs/.*/cancel",
    "close a session": "PATCH /browsers/.*",
    "stop": "POST /runs/.*/cancel|PATCH /browsers/.*",
    "place": "POST /workspaces",
    "live view": "GET /browsers",
    "upload slot": "POST /workspaces/.*/files/upload",
    "output file": "GET /workspaces/.*/files",
    **_STORE,
}
_ENDPOINTS = {"v2-nested": _V2, "v2-flat": _V2, "v4": _V4}


def is_at(contract: str, endpoint: Endpoint, method: str, path: str) -> bool:
    """Whether a request, its path without the prefix of the contract, is for something."""
    return re.fullmatch(_ENDPOINTS[contract][endpoint], f"{method} {path}") is not None


@dataclass(frozen=True)
class Fault:
    """One fault, for requests that match.

    Attributes:
        method: The HTTP method, `*` for any.
        path: A pattern of the path below the base URL, such as `/tasks` or `/tasks/*`.
        at: What the requests are for, instead of their method and path.
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
    at: Endpoint | None = None
    times: int | None = 1
    skip: int = 0
    point: Point = "after reading"
    work: Work = "never"
    late: float = 0.0
    status: int | None = None
    retry_after: str | None = None
    location: str | None = None
    detail: Any = "Something went wrong"
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

    def __init__(self, contract: str) -> None:
        self._contract = contract
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
            if self._strikes(fault, method, path):
                waiting.seen += 1
                if waiting.seen > fault.skip:
                    self._waiting = [other for other in self._waiting if not other.is_spent]
                    return fault
        return None

    def _strikes(self, fault: Fault, method: str, path: str) -> bool:
        if fault.at:
            return is_at(self._contract, fault.at, method, path)
        return fault.method in ("*", method) and fnmatchcase(path, fault.path)
