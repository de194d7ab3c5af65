"""Where the browser of a session can be watched. Whoever has that URL can drive the browser, so it is shown to few."""

from __future__ import annotations

from browser_use_client.this_machine import is_of_this_machine
from prefect_browser_use.credentials import BrowserUseCredentials


def may_be_shown(live_url: str, *, show_live_url: bool) -> bool:
    """Whether a live URL may stand in logs, artifacts and results.

    Args:
        live_url: The URL. One of the local server is of this machine only, and signed: it is shown.
        show_live_url: Whether the user asked for it.
    """
    return show_live_url or is_of_this_machine(live_url)


def how_to_open(session_id: str, credentials: BrowserUseCredentials) -> str:
    """The command that opens the live view of a session, for people who have the API key or may read its block."""
    name = credentials._block_document_name  # noqa: SLF001 - Prefect has no public name for it
    block = f" --block {name}" if name else ""
    return f"prefect-browser-use live {session_id}{block}"
