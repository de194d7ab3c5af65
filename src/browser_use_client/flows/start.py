"""Starting a session, alone or as the place of a task.

It carries nothing to be found by, so what a lost answer may have left is named, not closed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from itertools import count
from typing import Generic, TypeVar

from browser_use_client.contracts import Contract
from browser_use_client.effects import Call, Clock, Flow, Together, call
from browser_use_client.errors import BrowserUseError
from browser_use_client.flows.pages import all_pages
from browser_use_client.flows.sessions import at_once, close_at_once, log, quietly
from browser_use_client.models import Page, Session
from browser_use_client.retrying import outcome_unknown, pause_or_raise
from browser_use_client.server_clock import ServerClock

T = TypeVar("T")

CLOCK_PRECISION = timedelta(seconds=5)
"""How long before the request for it a session may seem to have been started: `Date` is in whole seconds."""

MAX_NAMED = 20
UNSEEN = "A start of a session was not answered. One may be open and cost until the server closes it as idle."


@dataclass
class SessionStart(Generic[T]):
    """The start of a session that stays open after its tasks.

    It is tried again where that can help. If an answer was lost, or the caller is ended meanwhile, one warning names
    the sessions that may be orphans of it. None of them is closed: another task may just have started it.

    Attributes:
        contract: What the server speaks.
        request: Starts it.
        id_of: Says which session an answer to it is about, if any.
        room_until: Until when a full account is waited for, in seconds since the epoch.
        clock: The time now.
        server_clock: What time it is on the server.
    """

    contract: Contract
    request: Call[T]
    id_of: Callable[[T], str | None]
    room_until: float
    clock: Clock
    server_clock: ServerClock
    _answered: bool = field(default=False, init=False)
    _session_id: str | None = field(default=None, init=False)
    _lost: bool = field(default=False, init=False)

    def start(self) -> Flow[T]:
        """Starts the session, and returns what the server answered.

        Raises:
            BrowserUseError: The server refused, or the answer to every attempt was lost.
        """
        began = datetime.fromtimestamp(self.clock(), timezone.utc) - CLOCK_PRECISION
        try:
            started = yield from self._try_again_and_again()
            if self._lost:
                yield from quietly(self._name_orphans(began), UNSEEN)
        except BrowserUseError:
            if self._lost:
                yield from quietly(self._name_orphans(began), UNSEEN)
            raise
        except GeneratorExit:
            raise
        except BaseException:
            if self._session_id is not None:
                yield from close_at_once(self.contract, self._session_id)
            if self._lost or not self._answered:
                yield from quietly(self._name_orphans(began, hurry=True), UNSEEN)
            raise
        return started

    def _try_again_and_again(self) -> Flow[T]:
        for attempt in count(1):
            try:
                started = yield from call(self.request)
            except BrowserUseError as error:
                self._lost |= outcome_unknown(error)
                yield from pause_or_raise(error, attempt, room_until=self.room_until, clock=self.clock)
            else:
                self._answered, self._session_id = True, self.id_of(started)
                return started
        raise AssertionError("count() does not end")

    def _name_orphans(self, began: datetime, *, hurry: bool = False) -> Flow[None]:
        """Warns of the active sessions without tasks that the server has started since."""
        pages: list[Page[Session]]
        if hurry:
            pages = [(yield from call(at_once(self.contract.list_sessions(status="active"))))]
        else:
            pages = yield from all_pages(lambda cursor: self.contract.list_sessions(cursor=cursor, status="active"))
        since = self.server_clock.time_of(began)
        others = [session for page in pages for session in page.items if session.id != self._session_id]
        new = [session.id for session in others if session.started_at and session.started_at >= since][:MAX_NAMED]
        answers = yield Together(tuple(at_once(self.contract.list_tasks(session_id=session_id)) for session_id in new))
        without_tasks = [
            session_id
            for session_id, tasks in zip(new, answers, strict=True)
            if isinstance(tasks, BrowserUseError) or not tasks.size
        ]
        if without_tasks:
            log.warning(
                "A start of a session was not answered. Active sessions without tasks that were started at that time:"
                " %s. One of them may be an orphan, which costs until the server closes it as idle: stop it with"
                " `stop_session`, unless it is one that another task has just started.",
                ", ".join(without_tasks),
            )
