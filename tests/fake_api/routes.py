"""What the fake answers, whatever its contract."""

from __future__ import annotations

from . import routes_v2 as routes_v2  # registers its endpoints
from . import routes_v4 as routes_v4
from .exchange import Answer, RefusedError, Request
from .files import serve_file
from .routing import handle
from .world import World


def answer(world: World, request: Request, origin: str) -> Answer:
    """Does what a request asks for."""
    world.settle()
    try:
        if request.path.startswith("/_files/"):
            return serve_file(world, request)
        return handle(world, request, origin)
    except RefusedError as refused:
        return refused.answer
