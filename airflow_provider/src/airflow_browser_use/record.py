"""What a task instance remembers of its remote task from one try to the next, where Airflow can (3.3 and newer)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context

_NAME = "browser_use"
_COUNTED = "browser_use_counted"


@dataclass(frozen=True)
class Memory:
    """What was written down last.

    Attributes:
        since: When the try that wrote it was about to create its remote task, or start its session.
        task_id: The remote task, if it was created before the try ended.
        session_id: Its session.
        key: The key that it was created under.
        made: This task instance has created it.
    """

    since: datetime
    task_id: str | None
    session_id: str | None
    key: str | None = None
    made: bool = True


class Record:
    """XCom is emptied by a retry; the state store is not, and not by a clear either.

    Below Airflow 3.3 there is none: nothing is remembered, and the server's lists are asked.
    """

    def __init__(self, context: Context) -> None:
        self._store: Any = context.get("task_state_store")
        self._began = _now()

    @property
    def remembers(self) -> bool:
        """Whether Airflow keeps what is written down."""
        return self._store is not None

    def read(self) -> Memory | None:
        """What an earlier try wrote down; None if it came to nothing, or nothing can be remembered."""
        found = None if self._store is None else self._store.get(_NAME)
        if not isinstance(found, dict):
            return None
        return Memory(**{**found, "since": datetime.fromisoformat(found["since"])})

    def begin(self) -> None:
        """Something is about to be created."""
        self._began = _now()
        self._write(task_id=None, session_id=None)

    def created(self, task_id: str | None, session_id: str, *, key: str | None = None, made: bool = True) -> None:
        """It was, or was found; see `Memory`."""
        self._write(task_id=task_id, session_id=session_id, key=key, made=made)

    def is_first_end(self, task_id: str) -> bool:
        """Whether no try has noted this end of a remote task yet; notes it. Below 3.3, each is the first."""
        if self._store is None:
            return True
        is_first = bool(self._store.get(_COUNTED) != task_id)
        self._store.set(_COUNTED, task_id)
        return is_first

    def _write(self, **known: Any) -> None:
        if self._store is not None:
            self._store.set(_NAME, {"since": self._began, **known})


def _now() -> str:
    return datetime.now(timezone.utc).isoformat()
