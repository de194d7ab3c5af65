"""What the cloud offers in v4 and this server has not: 501, with a sentence."""

from __future__ import annotations

from starlette.exceptions import HTTPException


def not_here(what: str) -> HTTPException:
    """501 for something that only the cloud has."""
    return HTTPException(501, f"The local server has no {what}: only Browser Use Cloud does")
