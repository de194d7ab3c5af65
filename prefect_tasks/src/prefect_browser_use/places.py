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
from collections.abc import Hashable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from datetime import datetime
from hashlib import sha256
from inspect import CO_VARARGS, CO_VARKEYWORDS
from types import FrameType
from typing import Any
from uuid import UUID

from prefect.context import ContextModel, FlowRunContext, TaskRunContext

from prefect_browser_use.fingerprints import fingerprint, known_fingerprint

FLOW_ENGINES = {"run_flow_sync", "run_flow_async", "run_generator_flow_sync", "run_generator_flow_async"}
TASK_ENGINES = {"run_task_sync", "run_task_async", "run_generator_task_sync", "run_generator_task_async"}
"""The functions of Prefect that run a flow or a task. Where they have other names, no call is taken to be in order."""

MACHINERY = {"asyncio", "concurrent", "contextlib", "prefect", "prefect_browser_use", "threading"}
"""Packages whose functions say nothing about a call."""


@dataclass(frozen=True)
class Place:
    """The place of one call.

    Attributes:
        text: Tells the call from all others of its flow. Holds hashes of arguments, so it is not to be shown.
        is_certain: Whether the next attempt surely gives the same place to the same call. Calls that ask the same in
            coroutines, threads or tasks of the flow's own may come in another order; they are told apart by the
            arguments of what is around them, unless these are the same too, or cannot be compared.
        twins: The places of calls that are told apart from this one by their order only, and come in no certain one.
            Where one of them was there in an earlier attempt, the place is not certain either.
        is_retry: Whether a task of the flow's own makes the call, and is being retried.
        scope: The task run that makes the call, where there is no flow.
        since: When that was created.
    """

    text: str = field(repr=False)
    is_certain: bool
    is_retry: bool
    twins: tuple[str, ...] = field(default=(), repr=False)
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
        is_flow_of_task = bool(task and flow_run and task.task_run.flow_run_id != flow_run.id)
        if is_flow_of_task:
            task = None  # the task called the flow that makes the call
        run = task or (flow if flow_run else None)
        if run is None:
            return None
        stack = _Stack()
        steps = [_Step.of(run, [name, arguments], stack.aside(TASK_ENGINES if task else FLOW_ENGINES))]
        if task and flow_run:
            steps.insert(0, _own_task(task, flow, stack))  # type: ignore[arg-type] # it has a run
        return cls(
            text=_text_of(steps),
            is_certain=all(step.is_certain for step in steps) and not is_flow_of_task and _is_in_order(flow, stack),
            is_retry=bool(task and task.task_run.run_count > 1),
            twins=tuple(
                _text_of([*steps[:at], replace(step, number=1), *steps[at + 1 :]])
                for at, step in enumerate(steps)
                if step.is_aside and step.number == 0
            ),
            scope=task.task_run.id if task and not flow_run else None,
            since=task.task_run.created if task and not flow_run else None,
        )


@dataclass(frozen=True)
class _Step:
    """A step of the way from the flow to the call: a task of the flow's own, or the call in it.

    Attributes:
        what: Tells it from others.
        number: Tells it from those that are the same.
        is_aside: Whether these come in no certain order.
        is_known: Whether all that tells it from others can be compared.
    """

    what: str
    number: int
    is_aside: bool = False
    is_known: bool = True

    @classmethod
    def of(cls, run: ContextModel, what: Any, aside: _Aside | None, who: Hashable = None) -> _Step:
        told_apart = _hash([what, aside and aside.functions])
        number = _notes_of(run).number(told_apart, who)
        return cls(told_apart, number, aside is not None, aside is None or aside.are_known)

    @property
    def is_certain(self) -> bool:
        return self.is_known and not (self.is_aside and self.number)


def _text_of(steps: Sequence[_Step]) -> str:
    return "/".join(f"{step.what}/{step.number}" for step in steps)


def _own_task(task: TaskRunContext, flow: FlowRunContext, stack: _Stack) -> _Step:
    """A task of the flow's own.

    Nobody counts these where they are called. In one process they are counted as they come, which tells those with
    the same parameters apart. A process that sees some of them only cannot: there, the task run is its own place, and
    an attempt of the flow with other task runs starts anew.
    """
    task_run = task.task_run
    if flow.detached:
        return _Step(str(task_run.id), 0)
    is_alone = not task_run.task_inputs.get("__parents__")  # called by no other task
    step = _Step.of(flow, [task_run.task_key, task.parameters], stack.aside(FLOW_ENGINES), task_run.id)
    return replace(step, is_known=step.is_known and is_alone)


def _is_in_order(flow: FlowRunContext | None, stack: _Stack) -> bool:
    """Whether the flows around were called in the body of the one around them; of other processes, Prefect counts it.

    The context of that one is what the variable held before. Prefect has no public name for it: without it, a flow
    inside another is not taken to be in order.
    """
    while flow and flow.flow_run and flow.flow_run.parent_task_run_id and not flow.detached:
        token = getattr(flow, "_token", None)
        if token is None:
            return False
        flow = token.old_value if isinstance(token.old_value, FlowRunContext) else None
        if flow and stack.aside(FLOW_ENGINES):
            return False
    return True


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


class _Stack:
    """The functions around a call, which are gone through once, from the inside to the outside."""

    def __init__(self) -> None:
        self._frame: FrameType | None = sys._getframe(1)  # noqa: SLF001 - as `inspect.stack`, which reads sources too

    def aside(self, engines: AbstractSet[str]) -> _Aside | None:
        """What is known of the functions up to the next flow or task; None for its body, which has its order.

        Args:
            engines: What runs that one, if it is of the expected kind.
        """
        aside = _Aside()
        while frame := self._frame:
            name, module = frame.f_code.co_name, str(frame.f_globals.get("__name__"))
            if module == "asyncio.events":
                break
            self._frame = frame.f_back
            if name in FLOW_ENGINES | TASK_ENGINES:
                if name in engines:
                    return None
                aside.are_known = False
                break
            if module.partition(".")[0] not in MACHINERY:
                aside.add(frame)
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
