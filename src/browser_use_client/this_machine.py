"""Which URLs lead nowhere but to the machine of whoever opens them."""

from __future__ import annotations

from ipaddress import ip_address
from urllib.parse import urlsplit


def is_of_this_machine(url: str) -> bool:
    """Whether a URL names `localhost`, a name below it, or a loopback address, as those of the local server do.

    Args:
        url: The URL, with or without a scheme before its `//`. One that cannot be read is not of this machine.
    """
    try:
        host = urlsplit(url).hostname or ""
    except ValueError:
        return False
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
