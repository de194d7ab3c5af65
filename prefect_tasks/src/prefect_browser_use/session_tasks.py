"""Browser sessions that are started and stopped by themselves, as Prefect tasks."""

from __future__ import annotations

import asyncio
from typing import Any

from prefect.transactions import Transaction, get_transaction

from browser_use_client import BrowserSettings, Session
from prefect_browser_use.credentials import BrowserUseCredentials
from prefect_browser_use.earlier_sessions import EarlierSession
from prefect_browser_use.flow_runs import FlowRunWatch, run_log
from prefect_browser_use.inputs import Credentials, load_credentials, settings_of
from prefect_browser_use.live_view import may_be_shown
from prefect_browser_use.places import Place
from prefect_browser_use.started import Started, close_session, session_closed
from prefect_browser_use.stops import wait_for_stops
from prefect_browser_use.task_type import browser_use_task

STARTED = "browser_use_session"
"""Under which a transaction remembers the session that it has to stop if it is rolled back."""


@browser_use_task("start-session")
def start_session(
    *,
    credentials: Credentials = None,
    browser_settings: BrowserSettings | dict[str, Any] | None = None,
    show_live_url: bool | None = None,
    _place: Place | None = None,
) -> Session:
    """Start a browser session that stays open until it is stopped (`v2-flat`).

    Most flows need no such task: `run_browser_task(..., keep_session=True)` opens a session in every contract, and
    `browser_session` closes it. A retry of this task or of its flow gets the session that it started before. Where what
    is around it is rolled back, a `transaction()` or a try of a task of one's own that fails, the session is stopped.

    Args:
        credentials: A block, the name of a saved one, or None for the environment's.
        browser_settings: How the browser is started: profile, proxy country, screen, recording.
        show_live_url: Say in `live_url` where it can be watched. Whoever has that URL can drive the browser. Default:
            as the credentials say. The local server's is there anyway.

    Returns:
        The session. Its `id` is what tasks take as `session_id`.

    Raises:
        UnsupportedOptionError: The server speaks `v2-nested`, which starts sessions with their first task only.
        RateLimitedError: The plan's sessions are all in use.
    """
    block, settings = load_credentials(credentials), settings_of("browser_settings", browser_settings, BrowserSettings)
    earlier = EarlierSession(block, _place, settings)
    session = earlier.find()
    if session is None:
        with block.get_client() as client:
            session = client.start_session(settings)
        earlier.remember(session)
    _remember(block, session)
    return _shown(block, session, show_live_url)


@browser_use_task("astart-session")
async def astart_session(
    *,
    credentials: Credentials = None,
    browser_settings: BrowserSettings | dict[str, Any] | None = None,
    show_live_url: bool | None = None,
    _place: Place | None = None,
) -> Session:
    """As `start_session`, for asyncio."""
    block = await asyncio.to_thread(load_credentials, credentials)
    settings = settings_of("browser_settings", browser_settings, BrowserSettings)
    earlier = await asyncio.to_thread(EarlierSession, block, _place, settings)
    session = await asyncio.to_thread(earlier.find)
    if session is None:
        async with block.get_async_client() as client:
            session = await client.start_session(settings)
        await asyncio.to_thread(earlier.remember, session)
    _remember(block, session)
    return _shown(block, session, show_live_url)


@browser_use_task("stop-session")
def stop_session(session_id: str, *, credentials: Credentials = None) -> None:
    """Stop a session, and the task that runs in it. One that is stopped or gone already is left in peace.

    Args:
        session_id: The session.
        credentials: A block, the name of a saved one, or None for the environment's.
    """
    with load_credentials(credentials).get_client() as client:
        client.stop_session(session_id)
    session_closed(session_id)


@browser_use_task("astop-session")
async def astop_session(session_id: str, *, credentials: Credentials = None) -> None:
    """As `stop_session`, for asyncio."""
    block = await asyncio.to_thread(load_credentials, credentials)
    async with block.get_async_client() as client:
        await client.stop_session(session_id)
    session_closed(session_id)


def _shown(block: BrowserUseCredentials, session: Session, show_live_url: bool | None) -> Session:
    """A session as Prefect may keep it."""
    show = block.show_live_url if show_live_url is None else show_live_url
    if session.live_url is None or may_be_shown(session.live_url, show_live_url=show):
        return session
    return session.model_copy(update={"live_url": None})


def _remember(block: BrowserUseCredentials, session: Session) -> None:
    Started(FlowRunWatch(), block, run_log(), session.id).note()
    if transaction := get_transaction():
        transaction.set(STARTED, (block, session.id))


@start_session.on_rollback
@astart_session.on_rollback
def stop_started_session(transaction: Transaction) -> None:
    """Stops what `start_session` started in a transaction that is rolled back."""
    block, session_id = transaction.get(STARTED)
    wait_for_stops([close_session(session_id, block)])
