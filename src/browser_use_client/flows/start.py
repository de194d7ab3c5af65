"""Starting a session. It carries nothing to be found by, so what a lost answer may have left is named, not closed."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from itertools import count

from browser_use_client.contracts import Contract
from browser_use_client.effects import Call, Clock, Flow, Together, call
from browser_use_client.errors import BrowserUseError
from browser_use_client.flows.pages import all_pages
from browser_use_client.flows.sessions import at_once, close_at_once, log, quietly
from browser_use_client.models import BrowserSettings, Page, Session
from browser_use_client.retrying import outcome_unknown, pause_or_raise
from browser_use_client.server_clock import ServerClock

CLOCK_PRECISION = timedelta(seconds=5)
"""How long before the request for it a session may seem to have been started: `Date` is in whole seconds."""

MOST_NAMED = 20
UNSEEN = "A start of a session was not answered. One may be open and cost until the server closes it as idle."


@dataclass
class SessionStart:
    """The start of a session that stays open after its tasks.

    It is tried again where that can help. If an answer was lost, or the caller is ended meanwhile, one warning names
    the sessions that may be orphans of it. None of them is closed: another task may just have started it.

    Attributes:
        contract: What the server speaks.
        settings: Of the session.
        room_until: Until when a full account is waited for, in seconds since the epoch.
        clock: The time now.
        server_clock: What time it is on the server.
    """

    contract: Contract
    settings: BrowserSettings
    room_until: float
    clock: Clock
    server_clock: ServerClock
    _request: Call[Session] = field(init=False)
    _session: Session | None = field(default=None, init=False)
    _lost: bool = field(default=False, init=False)

    def __post_init__(self) -> None:
        self._request = self.contract.start_session(self.settings)

    def start(self) -> Flow[Session]:
        """Starts the session.

        Raises:
            BrowserUseError: The server refused, or the answer to every attempt was lost.
        """
        began = datetime.fromtimestamp(self.clock(), timezone.utc) - CLOCK_PRECISION
        try:
            session = yield from self._try_again_and_again()
            if self._lost:
                yield from quietly(self._name_orphans(began), UNSEEN)
        except BrowserUseError:
            if self._lost:
                yield from quietly(self._name_orphans(began), UNSEEN)
            raise
        except GeneratorExit:
            raise
        except BaseException:
            if self._session is not None:
                yield from close_at_once(self.contract, self._session.id)
            if self._lost or self._session is None:
                yield from quietly(self._name_orphans(began, hurry=True), UNSEEN)
            raise
        return session

    def _try_again_and_again(self) -> Flow[Session]:
        for attempt in count(1):
            try:
                self._session = yield from call(self._request)
            except BrowserUseError as error:
                self._lost |= outcome_unknown(error)
                yield from pause_or_raise(error, attempt, room_until=self.room_until, clock=self.clock)
            else:
                return self._session
        raise AssertionError("count() does not end")

    def _name_orphans(self, began: datetime, *, hurry: bool = False) -> Flow[None]:
        """Warns of the active sessions without tasks that the server has started since."""
        pages: list[Page[Session]]
        if hurry:
            pages = [(yield from call(at_once(self.contract.list_sessions(status="active"))))]
        else:
            pages = yield from all_pages(lambda page: self.contract.list_sessions(page=page, status="active"))
        since = self.server_clock.time_of(began)
        ours = self._session and self._session.id
        others = [session for page in pages for session in page.items if session.id != ours]
        new = [session.id for session in others if session.started_at and session.started_at >= since][:MOST_NAMED]
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
