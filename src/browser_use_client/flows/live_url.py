"""A session's live URL, which the server may show only some time after it has started the session."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from browser_use_client.contracts import Contract
from browser_use_client.effects import Clock, Flow, Notify, within
from browser_use_client.errors import BrowserUseError
from browser_use_client.models import Task, TaskState

FIRST_PAUSE_SECONDS = 2.0
LONGEST_REQUEST_SECONDS = 4.0
"""Seconds: watching is worth less than knowing how the task stands."""


@dataclass
class LiveUrl:
    """Tells of the live URL once, as soon as the server shows it.

    It is asked for after the first poll, after the first step, and in between and afterwards at pauses that double: a
    task of an hour costs a dozen requests at most. Where polls show it, it costs none.

    Attributes:
        contract: What the server speaks.
        session_id: The session; None if only a poll of the whole task can say.
        callback: Told the URL; None if nobody wants to know, or has been told.
        clock: The time now.
    """

    contract: Contract
    session_id: str | None
    callback: Callable[[str], object] | None
    clock: Clock
    _pause: float = FIRST_PAUSE_SECONDS
    _due: float = 0.0
    _saw_step: bool = False

    def poll(self, state: TaskState, left: float | None, url: str | None = None) -> Flow[None]:
        """Asks for it after a poll of the task.

        Args:
            state: What the poll showed: a task that runs.
            left: Seconds until the deadline; None for no limit.
            url: What it showed beside.
        """
        if self.callback is None:
            return
        if isinstance(state, Task):
            url, self.session_id = state.live_url, state.session_id
        if url is None and self._is_due(state):
            url = yield from self._ask(left)
        if url is not None:
            callback, self.callback = self.callback, None
            yield Notify(callback, (url,))

    def _is_due(self, state: TaskState) -> bool:
        now, step = self.clock(), isinstance(state, Task) and bool(state.steps)
        first_step, self._saw_step = step and not self._saw_step, step
        if now >= self._due:
            self._due, self._pause = now + self._pause, self._pause * 2
            return True
        return first_step

    def _ask(self, left: float | None) -> Flow[str | None]:
        """One try: the next one comes anyhow."""
        seconds = LONGEST_REQUEST_SECONDS if left is None else min(left, LONGEST_REQUEST_SECONDS)
        if self.session_id is None or seconds <= 0:
            return None
        try:
            session = yield from within(seconds, self.contract.get_session(self.session_id))
        except BrowserUseError:
            return None
        return session.live_url
