"""Where a call stands in its flow run: the same in each attempt, so that the call finds what it started before.

Prefect has nothing of the kind. It gives task runs new ids and random dynamic keys in each attempt (3.6 to 3.9:
`create_local_run` asks for no stable one), and says nowhere which index of a `.map` a task run has. So calls are
numbered where they are made, in the order in which the flow makes them, before a task runner spreads them over
threads, processes and machines.
"""

from __future__ import annotations

import sys
import threading
import weakref
from collections import defaultdict
from collections.abc import Hashable
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from inspect import CO_VARARGS, CO_VARKEYWORDS
from types import FrameType
from typing import Any
from uuid import UUID

from prefect.context import ContextModel, FlowRunContext, TaskRunContext

from prefect_browser_use.fingerprints import fingerprint, known_fingerprint

ENGINES = {
    *("run_flow_sync", "run_flow_async", "run_generator_flow_sync", "run_generator_flow_async"),
    *("run_task_sync", "run_task_async", "run_generator_task_sync", "run_generator_task_async"),
}
"""The functions of Prefect that run a flow or a task."""

MACHINERY = {"asyncio", "concurrent", "contextlib", "prefect", "prefect_browser_use", "threading"}
"""Packages whose functions say nothing about a call."""


@dataclass(frozen=True)
class Place:
    """The place of one call.

    Attributes:
        text: Tells the call from all others of its flow. Holds hashes of arguments, so it is not to be shown.
        is_certain: Whether the next attempt surely gives the same place to the same call. Calls that ask the same in
            coroutines or threads of the flow's own may come in another order; they are told apart by the arguments of
            the functions around them, unless one of those cannot be compared.
        is_retry: Whether a task of the flow's own makes the call, and is being retried.
        scope: The task run that makes the call, where there is no flow.
        since: When that was created.
    """

    text: str = field(repr=False)
    is_certain: bool
    is_retry: bool
    scope: UUID | None = None
    since: datetime | None = None

    @classmethod
    def of(cls, name: str, arguments: Any) -> Place | None:
        """The next place for a call with these arguments in the flow or task that is running; None outside of both.

        Args:
            name: What is called.
            arguments: What tells the call from others. Calls that ask the same are numbered.
        """
        task, flow = TaskRunContext.get(), FlowRunContext.get()
        flow_run = flow.flow_run if flow else None
        if task and flow_run and task.task_run.flow_run_id != flow_run.id:
            task = None  # the task called the flow that makes the call
        if task is None and flow_run is None:
            return None
        parent, is_certain = _own_task(task, flow) if task else ("", True)
        aside = _called_aside(2 if task is None and _is_called_by_flow(flow) else 1)
        what = _hash([name, arguments, aside and aside.functions])
        number = _notes_of(task or flow).number(what)  # type: ignore[arg-type] # one of them is there
        return cls(
            text=f"{parent}/{what}/{number}",
            is_certain=is_certain and (aside is None or aside.are_known),
            is_retry=bool(task and task.task_run.run_count > 1),
            scope=task.task_run.id if task and not flow_run else None,
            since=task.task_run.created if task and not flow_run else None,
        )


def _own_task(task: TaskRunContext, flow: FlowRunContext | None) -> tuple[str, bool]:
    """The place of a task of the flow's own.

    Nobody counts these where they are called. In one process they are counted as they come, which tells those with
    the same parameters apart. A process that sees some of them only cannot: there, the task run is its own place, and
    an attempt of the flow with other task runs starts anew.
    """
    task_run = task.task_run
    if flow is None or flow.flow_run is None or flow.detached:
        return str(task_run.id), True
    what = _hash([task_run.task_key, task.parameters])
    number = _notes_of(flow).number(what, task_run.id)
    return f"{what}/{number}", not task_run.task_inputs.get("__parents__")


def _is_called_by_flow(flow: FlowRunContext | None) -> bool:
    """Whether a flow of this process called this one: its context is what the variable held before."""
    token = getattr(flow, "_token", None)  # Prefect has no public name for it
    return isinstance(getattr(token, "old_value", None), FlowRunContext)


@dataclass
class _Aside:
    """The functions around a call in a coroutine or thread that was started in a flow, up to where it starts.

    Attributes:
        functions: Their names and arguments, which tell the coroutines of a `gather` apart.
        are_known: Whether there is no argument among them that cannot be compared.
    """

    functions: list[tuple[str, str, bytes]] = field(default_factory=list)
    are_known: bool = True

    def add(self, frame: FrameType) -> None:
        code, values = frame.f_code, frame.f_locals
        number = code.co_argcount + code.co_kwonlyargcount
        number += bool(code.co_flags & CO_VARARGS) + bool(code.co_flags & CO_VARKEYWORDS)
        parameters = code.co_varnames[:number]
        for name in (*parameters, *code.co_freevars):
            known = known_fingerprint(values.get(name))
            if known is not None:
                self.functions.append((code.co_name, name, known))
            elif name in parameters:
                self.are_known = False


def _called_aside(engines: int) -> _Aside | None:
    """What is known of a call outside the body of its flow; None for a call in the body, which has its order.

    Args:
        engines: How many flows and tasks run around the call, one called by the other.
    """
    aside = _Aside()
    frame: FrameType | None = sys._getframe(1)  # noqa: SLF001 - as `inspect.stack` does, which reads the sources too
    while frame:
        module = str(frame.f_globals.get("__name__"))
        if module == "asyncio.events":
            break
        if frame.f_code.co_name in ENGINES:
            engines -= 1
            if not engines:
                return None
        elif module.partition(".")[0] not in MACHINERY:
            aside.add(frame)
        frame = frame.f_back
    return aside


def _hash(value: Any) -> str:
    return sha256(fingerprint(value)).hexdigest()


class _Notes:
    """The numbers that were given in one run of a flow or task."""

    def __init__(self) -> None:
        self._given: dict[tuple[str, Hashable], int] = {}
        self._next: defaultdict[str, int] = defaultdict(int)

    def number(self, what: str, who: Hashable = None) -> int:
        """The next number for something; for one who has a number already, that one."""
        with _lock:
            if who is not None and (what, who) in self._given:
                return self._given[what, who]
            number = self._next[what]
            self._next[what] += 1
            self._given[what, who] = number
            return number


_lock = threading.Lock()
_notes: dict[int, _Notes] = {}


def _notes_of(context: ContextModel) -> _Notes:
    """A context lives as long as an attempt of its flow or task in this process, and ends with it."""
    with _lock:
        if id(context) not in _notes:
            _notes[id(context)] = _Notes()
            weakref.finalize(context, _notes.pop, id(context), None)
        return _notes[id(context)]
