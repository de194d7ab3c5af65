"""How tasks go, and which script a task goes by."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import Any


@dataclass(frozen=True)
class Script:
    """How tasks go.

    Attributes:
        match: For tasks whose prompt contains this.
        times: For so many tasks; None for all.
        status: How they end; None for never.
        polls: They end after so many reads of the task or its status said that they run.
        seconds: They end so many seconds after they were created, and `polls` does not count.
        output: Their result.
        is_success: What their agent says.
        goal: What the goal of each step begins with.
        steps: How many steps they take; these appear one after the other, as polls or seconds go by.
        cost: US dollars.
        spending: US dollars a second, while they run (v2-flat).
        output_files: What they leave behind, name to content.
        picture: The URL of the picture of each step, from `{origin}`, `{task_id}` and `{number}`; None for none.
        queued: Seconds that they are `created` before they are `started` (v2-flat).
        hidden: Seconds until lists show them.
        unknown: Seconds until they can be read by their id.
        shortened: Lists show so many characters of their prompts (v4).
        in_result: Their output is in `result` only, though a schema was asked for (v4).
        crowd: So many tasks of others are created right after each.
        astray: They run in a new session, whatever session was asked for.
        unseen: Seconds until their session shows a live URL.
        odd: What lists say of them instead of what is so, by the names on the wire.
    """

    match: str = ""
    times: int | None = None
    status: str | None = "finished"
    polls: int = 1
    seconds: float | None = None
    output: str | None = "Done."
    is_success: bool | None = True
    goal: str = "Do step"
    steps: int = 2
    cost: str | None = "0.05"
    spending: float | None = None
    output_files: Mapping[str, str] = field(default_factory=dict)
    picture: str | None = "{origin}/_files/{task_id}-{number}.png"
    queued: float = 0.0
    hidden: float = 0.0
    unknown: float = 0.0
    shortened: int | None = None
    in_result: bool = False
    crowd: int = 0
    astray: bool = False
    unseen: float = 0.0
    odd: Mapping[str, Any] = field(default_factory=dict)


def default_script(prompt: str) -> Script:  # noqa: ARG001 - it is the same for all
    """How tasks go of which nobody has said anything."""
    return Script()


class Scripts:
    """The scripts that there are.

    Args:
        unscripted: How a task goes by its prompt, where no script matches.
    """

    def __init__(self, unscripted: Callable[[str], Script] = default_script) -> None:
        self._unscripted = unscripted
        self._known: list[tuple[Script, count[int]]] = []

    def add(self, script: Script) -> None:
        """The newest script that matches a prompt counts."""
        self._known.append((script, count()))

    def clear(self) -> None:
        """Forgets all that were added."""
        self._known.clear()

    def script_for(self, prompt: str) -> Script:
        """How a task with this prompt goes, which is one of its times."""
        for script, used in reversed(self._known):
            if script.match in prompt and (script.times is None or next(used) < script.times):
                return script
        return self._unscripted(prompt)
