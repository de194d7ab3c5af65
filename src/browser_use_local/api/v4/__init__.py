"""v4 of the API: runs and their sessions."""

from __future__ import annotations

from starlette.routing import Route

from browser_use_local.api.v4 import browsers, runs, sessions


def routes() -> list[Route]:
    """The endpoints of v4."""
    return [route for part in (runs, sessions, browsers) for route in part.ROUTES]
