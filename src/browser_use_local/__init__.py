"""The Browser Use API on one's own machine: real browsers, no account. See `browser-use-local --help`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from browser_use_local.serving import CannotStartError, serve
    from browser_use_local.settings import Settings

__all__ = ["CannotStartError", "Settings", "serve"]


def __getattr__(name: str) -> Any:
    """Imports what is asked for only then: without the extra `local`, the command has to get as far as saying so."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from browser_use_local import serving

    return getattr(serving, name)
