"""What the official SDKs offer and this server lacks: 501, with a sentence."""

from __future__ import annotations

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]
# By the start of their paths.
ONLY_IN_THE_CLOUD = {
    "/integrations": "integrations",
    "/extensions": "browser extensions",
    "/agentcard": "wallets",
    "/stripe-link": "wallets",
    "/skills": "skills",
    "/marketplace": "marketplace",
}


def not_here(what: str) -> HTTPException:
    """501 for something that only the cloud has."""
    return HTTPException(501, f"The local server has no {what}: only Browser Use Cloud does")


def _refusal(start: str, what: str) -> list[Route]:
    async def refuse(request: Request) -> Response:  # noqa: ARG001 - Starlette's signature
        raise not_here(what)

    return [Route(path, refuse, methods=METHODS) for path in (start, f"{start}/{{rest:path}}")]


ROUTES = [route for start, what in ONLY_IN_THE_CLOUD.items() for route in _refusal(start, what)]
