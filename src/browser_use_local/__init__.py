"""The Browser Use API on one's own machine: real browsers, no account. See `browser-use-local --help`."""

from __future__ import annotations

from browser_use_local.serving import CannotStartError, serve
from browser_use_local.settings import Settings

__all__ = ["CannotStartError", "Settings", "serve"]
