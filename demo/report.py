"""What became of a DAG run or a flow run, in the same words for both."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class TaskReport:
    """One task of a run.

    Args:
        name: The task's.
        state: As the orchestrator calls it.
        succeeded: Whether that is success.
        session_id: The browser session it ran in, if it got one.
        result: What it reports.
        log: The end of its log, where it did not succeed.
    """

    name: str
    state: str
    succeeded: bool
    session_id: str | None = None
    result: Any = None
    log: str = ""


@dataclass(frozen=True)
class RunReport:
    """One run: its title, its state, whether that is success, and its tasks in the order in which they ran."""

    title: str
    state: str
    succeeded: bool
    tasks: Sequence[TaskReport]

    def __str__(self) -> str:
        """The run as text for a terminal."""
        width = max((len(task.name) for task in self.tasks), default=0)
        lines = [f"{self.title}: {self.state}"]
        for task in self.tasks:
            lines.append(f"  {task.name:{width}}  {task.state}  session {task.session_id or '-'}")
            if task.succeeded:
                lines.append(f"  {'':{width}}  {_shown(task.result)}")
            lines += [f"      {line}" for line in task.log.splitlines()]
        return "\n".join(lines)


def _shown(result: Any) -> str:
    """A result on one line; a text that holds JSON, as that."""
    if isinstance(result, str):
        try:
            result = json.loads(result)
        except ValueError:
            return " ".join(result.split())
    return json.dumps(result, ensure_ascii=False)
