"""The events of a run in v4: its steps, its browser, and the URL at which that can be watched."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from browser_use_client.models import Step

MAX_STEP_TEXT_CHARACTERS = 1_000
"""Characters that a step keeps of what a tool said: that may be a whole page."""

_DONE = {"completed", "error"}


@dataclass(frozen=True)
class Story:
    """What the events of a run have told so far.

    Attributes:
        last_event: The highest id of an event; where to go on.
        told: How many steps there were before `steps`.
        steps: The steps.
        browser_reused: Whether the run goes on in the browser of an earlier one; None if its browser is not there yet.
        live_url: Where to watch it.
        has_more: Whether there are events that were not read yet.
    """

    last_event: int = 0
    told: int = 0
    steps: tuple[Step, ...] = ()
    browser_reused: bool | None = None
    live_url: str | None = None
    has_more: bool = False

    @classmethod
    def at(cls, cursor: str | None) -> Story:
        """Where an earlier poll ended."""
        if cursor is None:
            return cls()
        last_event, told = map(int, cursor.split(" "))
        return cls(last_event, told)

    @property
    def cursor(self) -> str:
        """What the next poll is told."""
        return f"{self.last_event} {self.told + len(self.steps)}"

    def then(self, page: Mapping[str, Any]) -> Story:
        """With one more page of events (RunEventsResponse). Types that are not known are passed over."""
        events = page["events"]
        steps = (*self.steps, *_steps(events, self.told + len(self.steps)))
        last_event = max([self.last_event, page.get("nextAfter") or 0, *(event["id"] for event in events)])
        told = replace(self, steps=steps, last_event=last_event, has_more=bool(page.get("hasMore")))
        for event in events:
            if event["type"] in ("browser.ready", "browser.reattached"):
                reused = told.browser_reused
                told = replace(
                    told,
                    browser_reused=event["type"] == "browser.reattached" if reused is None else reused,
                    live_url=_data(event).get("live_view_url"),
                )
        return told


def _steps(events: Iterable[Mapping[str, Any]], told: int) -> list[Step]:
    calls = [part for event in events if (part := _tool_call(event))]
    return [_step(number, part) for number, part in enumerate(calls, start=told + 1)]


def _tool_call(event: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """What an event tells of a call of a tool that is done; a call is told of when it begins as well."""
    part = _data(event).get("part")
    if event["type"] != "core.event" or not isinstance(part, Mapping) or part.get("type") != "tool":
        return None
    state = part.get("state")
    return part if isinstance(state, Mapping) and state.get("status") in _DONE else None


def _step(number: int, part: Mapping[str, Any]) -> Step:
    state, tool = part["state"], str(part.get("tool") or "")
    given = state.get("input") if isinstance(state.get("input"), Mapping) else {}
    actions = given["actions"] if isinstance(given.get("actions"), list) else [{tool: given}]
    said = _words(state.get("output") or state.get("error"))
    failed = state["status"] == "error"
    return Step(
        number=number,
        goal=_words(state.get("title") or given.get("description") or tool),
        evaluation=f"Failed: {said}" if failed else "",
        memory="" if failed else said,
        url=_words(given.get("url")),
        actions=tuple(json.dumps(action, ensure_ascii=False) for action in actions),
        duration=_duration(state),
    )


def _duration(state: Mapping[str, Any]) -> float | None:
    """Seconds; `time` is in milliseconds since the epoch."""
    time = state.get("time")
    if isinstance(time, Mapping) and all(isinstance(time.get(end), (int, float)) for end in ("start", "end")):
        return max(float(time["end"] - time["start"]) / 1000, 0.0)
    duration = state.get("duration")
    return float(duration) if isinstance(duration, (int, float)) else None


def _data(event: Mapping[str, Any]) -> Mapping[str, Any]:
    data = event.get("data")
    return data if isinstance(data, Mapping) else {}


def _words(said: Any) -> str:
    return said[:MAX_STEP_TEXT_CHARACTERS] if isinstance(said, str) else ""
