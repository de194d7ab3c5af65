"""The names under which a server may be called that only this machine can reach."""

from __future__ import annotations

import ipaddress

from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send


def is_loopback(address: str) -> bool:
    """Whether an IP address is one that only this machine can reach. A name is none."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return False
    return (getattr(found, "ipv4_mapped", None) or found).is_loopback


class OwnNames:
    """Answers requests only that call the server by a name of this machine: `localhost` or a loopback address.

    A page that the user visits may let its own name resolve to this machine (DNS rebinding), and would then be of the
    same origin as the server. Its requests still carry its own name.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers 400, or passes the request on."""
        if scope["type"] == "http" and not _is_own(Headers(scope=scope).get("host", "")):
            refusal = {"detail": "This server answers to localhost and to loopback addresses only"}
            await JSONResponse(refusal, 400)(scope, receive, send)
        else:
            await self._app(scope, receive, send)


def _is_own(host: str) -> bool:
    """Whether a Host header, with or without a port, names this machine."""
    name = host[1:].partition("]")[0] if host.startswith("[") else host.partition(":")[0].rstrip(".").lower()
    return name == "localhost" or is_loopback(name)
