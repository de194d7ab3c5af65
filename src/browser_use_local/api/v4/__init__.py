"""v4 of the API: runs and their sessions."""

from __future__ import annotations

from starlette.routing import Route

from browser_use_local.api.v4 import browsers, missing, profiles, queues, runs, sessions, shares, workspaces


def routes() -> list[Route]:
    """The endpoints of v4."""
    return [
        route
        for part in (runs, sessions, shares, queues, browsers, workspaces, profiles, missing)
        for route in part.ROUTES
    ]


# Open to whoever has a URL that this server gave out.
OPEN_ROUTES = workspaces.OPEN_ROUTES
