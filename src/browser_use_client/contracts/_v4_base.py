"""What the parts of v4 have in common."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from browser_use_client.contracts._contract import Contract
from browser_use_client.contracts._refusing import uuid_of
from browser_use_client.contracts._v4_request import NAME
from browser_use_client.effects import Call
from browser_use_client.errors import ApiError, ZeroDataRetentionError

T = TypeVar("T")


class V4Base(Contract):
    """How v4 is called, and how it refuses."""

    name = NAME

    @staticmethod
    def meaning(status_code: int, words: str) -> type[ApiError] | None:
        """403, but for a wrong key, is a project that v4 does not serve."""
        if status_code == 403 and "zero data retention" in words.lower():
            return ZeroDataRetentionError
        return None

    def _call(self, method: str, path: str, parse: Callable[[Any], T], *, json: Any = None) -> Call[T]:
        return Call(method, path, parse, json=json, meaning=self.meaning)


def run_path(run_id: str) -> str:
    """Where a run is."""
    return f"/runs/{uuid_of('task_id', run_id)}"


def session_path(session_id: str) -> str:
    """Where a session is."""
    return f"/sessions/{uuid_of('session_id', session_id)}"


def next_cursor(body: Mapping[str, Any]) -> str | None:
    """The cursor of the next page of a list; None if this is the last."""
    return body.get("nextCursor") if body.get("hasMore") else None


def nothing(body: Any) -> None:  # noqa: ARG001 - a parser takes a body
    """What is made of an answer that says nothing."""
    return
