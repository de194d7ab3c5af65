"""Finding tasks by the key that they were created under."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from itertools import count

from browser_use_client.contracts import Contract
from browser_use_client.effects import Clock, Flow
from browser_use_client.models import Task
from browser_use_client.retrying import retried

LOOK_BACK = timedelta(days=7)
"""How far back a key is looked for when its owner does not say."""

CLOCK_SKEW = timedelta(minutes=10)
"""How far the server's clock may be from ours before a task is missed."""


def ago(clock: Clock, interval: timedelta) -> datetime:
    """The moment that was `interval` ago."""
    return datetime.fromtimestamp(clock(), timezone.utc) - interval


def tasks_with_key(contract: Contract, key: str, *, after: datetime, session_id: str | None = None) -> Flow[list[Task]]:
    """All tasks that carry a key, the oldest first: in the same order for every caller, so that all elect the same.

    Reads every page: each holds 100 tasks, and a busy account has more than that in a minute. Tasks that
    arrive meanwhile push others to later pages, so one may be read twice; none is passed over.

    Args:
        contract: What the server speaks.
        key: The key.
        after: Tasks before this moment, less `CLOCK_SKEW`, are not looked at.
        session_id: Only tasks of this session. Default: all.
    """
    found: dict[str, Task] = {}
    seen = 0
    for page in count(1):
        answer = yield from retried(contract.list_tasks(page=page, session_id=session_id, after=after - CLOCK_SKEW))
        found |= {task.id: task for task in answer.items if task.key == key}
        seen += len(answer.items)
        if not answer.items or seen >= answer.total:
            break
    oldest_first = list(found.values())[::-1]
    return sorted(oldest_first, key=_moment)  # of tasks of one moment, the last in the list stays the oldest


def find_task(
    contract: Contract, key: str, *, after: datetime | None, session_id: str | None, clock: Clock
) -> Flow[Task | None]:
    """The task under a key that counts: a live one, else the newest that ended; None if there is none."""
    found = yield from tasks_with_key(contract, key, after=after or ago(clock, LOOK_BACK), session_id=session_id)
    live = [task for task in found if not task.has_ended]
    return live[0] if live else found[-1] if found else None


def _moment(task: Task) -> datetime:
    return task.created_at or task.started_at or datetime.max.replace(tzinfo=timezone.utc)
