"""Starting a session. It carries nothing to be found by, so what a lost answer may have left is named, not closed."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from itertools import count

from browser_use_client.contracts import Contract
from browser_use_client.effects import Clock, Flow, Together, call
from browser_use_client.errors import BrowserUseError
from browser_use_client.flows.pages import all_pages
from browser_use_client.flows.sessions import at_once, log, quietly
from browser_use_client.models import BrowserSettings, Page, Session
from browser_use_client.retrying import outcome_unknown, pause_or_raise
from browser_use_client.server_clock import ServerClock

CLOCK_PRECISION = timedelta(seconds=5)
"""How long before the request for it a session may seem to have been started: `Date` is in whole seconds."""

MOST_NAMED = 20
UNSEEN = "A start of a session was not answered. One may be open and cost until the server closes it as idle."


def start_session(
    contract: Contract, settings: BrowserSettings, *, room_until: float, clock: Clock, server_clock: ServerClock
) -> Flow[Session]:
    """Starts a session that stays open after its tasks.

    The start is tried again where that can help. If an answer was lost, or the caller is ended meanwhile, one warning
    names the sessions that may be orphans of it. None of them is closed: another task may just have started it.

    Args:
        contract: What the server speaks.
        settings: Of the session.
        room_until: Until when a full account is waited for, in seconds since the epoch.
        clock: The time now.
        server_clock: What time it is on the server.

    Raises:
        BrowserUseError: The server refused, or the answer to every attempt was lost.
    """
    request = contract.start_session(settings)
    began = datetime.fromtimestamp(clock(), timezone.utc) - CLOCK_PRECISION
    lost = False
    try:
        for attempt in count(1):
            try:
                session = yield from call(request)
            except BrowserUseError as error:
                lost |= outcome_unknown(error)
                yield from pause_or_raise(error, attempt, room_until=room_until, clock=clock)
            else:
                break
    except BrowserUseError:
        if lost:
            yield from quietly(_name_orphans(contract, server_clock, began), UNSEEN)
        raise
    except GeneratorExit:
        raise
    except BaseException:
        yield from quietly(_name_orphans(contract, server_clock, began, hurry=True), UNSEEN)
        raise
    if lost:
        yield from quietly(_name_orphans(contract, server_clock, began, in_use=session.id), UNSEEN)
    return session


def _name_orphans(
    contract: Contract, server_clock: ServerClock, began: datetime, *, in_use: str | None = None, hurry: bool = False
) -> Flow[None]:
    """Warns of the active sessions without tasks that the server has started since."""
    pages: list[Page[Session]]
    if hurry:
        pages = [(yield from call(at_once(contract.list_sessions(status="active"))))]
    else:
        pages = yield from all_pages(lambda page: contract.list_sessions(page=page, status="active"))
    since = server_clock.time_of(began)
    active = [session for page in pages for session in page.items if session.id != in_use]
    new = [session.id for session in active if session.started_at and session.started_at >= since][:MOST_NAMED]
    answers = yield Together(tuple(at_once(contract.list_tasks(session_id=session_id)) for session_id in new))
    without_tasks = [
        session_id
        for session_id, tasks in zip(new, answers, strict=True)
        if isinstance(tasks, BrowserUseError) or not tasks.size
    ]
    if without_tasks:
        log.warning(
            "A start of a session was not answered. Active sessions without tasks that were started at that time: %s."
            " One of them may be an orphan, which costs until the server closes it as idle: stop it with"
            " `stop_session`, unless it is one that another task has just started.",
            ", ".join(without_tasks),
        )
