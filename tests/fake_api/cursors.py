"""Cursors and numbers in the queries of v4."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping

from .exchange import RefusedError, problem


def encoded(place: str) -> str:
    """A place in a list, as clients see it."""
    return base64.urlsafe_b64encode(json.dumps(place).encode()).decode()


def cursor_of(query: Mapping[str, str]) -> str | None:
    """The place in a list that a request goes on from."""
    if "cursor" not in query:
        return None
    try:
        return str(json.loads(base64.urlsafe_b64decode(query["cursor"])))
    except (ValueError, binascii.Error):
        raise RefusedError(400, "Malformed pagination cursor") from None


def number_of(query: Mapping[str, str], name: str, default: int, *, smallest: int = 1) -> int:
    """A whole number of a query."""
    text = query.get(name, str(default))
    if not text.isdigit() or int(text) < smallest:
        raise RefusedError(422, {"detail": [problem(name, f"Input should be an integer, {smallest} or more")]})
    return int(text)
