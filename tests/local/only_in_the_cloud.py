"""What `docs/local-server.md` says that only the cloud has."""

from __future__ import annotations

import re
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "local-server.md"


def listed() -> set[str]:
    """Starts of paths, and fields of a run."""
    [paragraph] = [one for one in PAGE.read_text().split("\n\n") if " 501 " in one]
    return set(re.findall(r"`([^`]+)`", paragraph))


def start_of(method: str, path: str) -> str:
    """How the page would list an endpoint."""
    return f"{method} {path}" if path == "/browsers" else "/" + path.split("/")[1]
