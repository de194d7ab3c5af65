"""Which handler answers which request of which contract."""

from __future__ import annotations

import re
from collections.abc import Callable

from .exchange import Answer, Request
from .world import World

PREFIXES = {"v2-nested": "/api/v2", "v2-flat": "/api/v2", "v4": "/api/v4"}
"""Where the API of each contract is."""

MOST_ROWS = 100
"""In a page of v4's lists."""

Handler = Callable[..., Answer]
_ROUTES: dict[str, list[tuple[str, re.Pattern[str], Handler]]] = {contract: [] for contract in PREFIXES}
_ID = "([0-9a-fA-F-]{36})"


def route(method: str, path: str, *contracts: str) -> Callable[[Handler], Handler]:
    """Registers a handler; `{id}` in the path, which is without the prefix, is a UUID that it receives."""

    def register(handler: Handler) -> Handler:
        for contract in contracts:
            _ROUTES[contract].append((method, re.compile(path.replace("{id}", _ID)), handler))
        return handler

    return register


def handle(world: World, request: Request, origin: str) -> Answer:
    """Does what a request of the API asks for."""
    prefix = PREFIXES[world.contract]
    if world.contract == "v4" and request.path == "/api/v2/billing/account":
        prefix = "/api/v2"  # v4 has no account of its own
    if not request.path.startswith(f"{prefix}/"):
        return Answer(404, {"detail": "Not Found"})
    if request.headers.get("x-browser-use-api-key") != world.api_key:
        return Answer(401, {"detail": "Invalid API key"})
    path = request.path.removeprefix(prefix)
    if world.is_too_fast("polls" if path.endswith("/status") else "others"):
        told = {"detail": "Too many requests", "limit_rps": world.rate, "retry_after_seconds": 5}
        return Answer(429, told, {"Retry-After": "5"})
    for method, pattern, handler in _ROUTES[world.contract]:
        match = pattern.fullmatch(path)
        if match and method == request.method:
            return handler(world, request, origin, *match.groups())
    return Answer(404, {"detail": "Not Found"})
