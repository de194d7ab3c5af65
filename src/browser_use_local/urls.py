"""Which URLs a browser may open."""

from __future__ import annotations

import re
from collections.abc import Sequence
from fnmatch import fnmatch
from urllib.parse import urlsplit


def is_web_url(url: str) -> bool:
    """Whether a URL is one of the web, or has no scheme (`localhost:8790/shop`): no local file, no `data:`."""
    # Browsers drop blanks and control characters from a URL.
    scheme = re.match(r"([a-z][a-z0-9+.-]*):", re.sub(r"[\x00-\x20]", "", url), re.IGNORECASE)
    return scheme is None or "." in scheme[1] or scheme[1].lower() in {"http", "https", "localhost"}


def is_of_host(host: str, named: str) -> bool:
    """Whether a host is the one that is named, or a subdomain of it; IP addresses have none."""
    return host == named or (host.endswith(f".{named}") and not host.rpartition(".")[2].isdigit())


def is_allowed(url: str, domains: Sequence[str]) -> bool:
    """Whether a page of this URL may be opened."""
    there = urlsplit(url)
    for domain in domains:
        scheme, _, host = domain.rpartition("://")
        if (not scheme or fnmatch(there.scheme, scheme)) and fnmatch(there.hostname or "", host.split(":")[0].lower()):
            return True
    return False
