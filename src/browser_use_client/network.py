"""Which certificates are trusted, and which proxy leads to a host: what companies' networks differ in."""

from __future__ import annotations

import os
import ssl
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.request import getproxies, proxy_bypass

import httpx

from browser_use_client.errors import InvalidRequestError

Verify = str | Path | bool
"""The path of a CA bundle, or of a folder of certificates; True for the default ones, False for no check at all."""


def tls_context(verify: Any) -> ssl.SSLContext:
    """What TLS connections are made with.

    Shared by all clients of the process: reading the certificates takes longer than most requests.

    Args:
        verify: See `Verify`. True reads `SSL_CERT_FILE` and `SSL_CERT_DIR`, else the bundle of certifi.

    Raises:
        InvalidRequestError: The certificates cannot be read.
    """
    if not isinstance(verify, (str, Path, bool)) or verify == "":
        raise InvalidRequestError("`verify` must be the path of a CA bundle, True or False.")
    if verify is True:
        name = next((name for name in ("SSL_CERT_FILE", "SSL_CERT_DIR") if os.environ.get(name)), None)
        return _context(None, "certifi") if name is None else _context(os.environ[name], name)
    return _context(False if verify is False else str(verify), "`verify`")


@cache
def _context(certificates: str | bool | None, source: str) -> ssl.SSLContext:
    try:
        if certificates is None or certificates is False:
            return httpx.create_ssl_context(verify=certificates is None, trust_env=False)
        path = Path(str(certificates))
        if path.is_dir():
            return ssl.create_default_context(capath=path)
        return ssl.create_default_context(cafile=path)
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
        why = "it holds no certificate that can be read" if isinstance(error, ssl.SSLError) else error
        raise InvalidRequestError(f"The CA bundle {certificates!r} of {source} cannot be used: {why}.") from None


def proxy_to(url: str, proxy: str | None) -> str | None:
    """The URL of the proxy that leads to a URL, or None where there is none.

    What `HTTP_PROXY`, `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY` say is read as the standard library reads it: httpx
    raises for entries of `NO_PROXY` that others pass over, such as `[::1]` and `fe80::/10`.

    Args:
        url: Where to.
        proxy: The proxy to use in any case. Default: what the environment says.

    Raises:
        httpx.InvalidURL: The URL is not valid.
    """
    if proxy is not None:
        return proxy
    to = httpx.URL(url)
    proxies = getproxies()
    found = proxies.get(to.scheme) or proxies.get("all")
    if not found or proxy_bypass(to.host) or proxy_bypass(to.netloc.decode()):
        return None
    return found


def proxy_of(url: str, verify: ssl.SSLContext) -> httpx.Proxy:
    """A proxy as httpx takes it.

    Args:
        url: Its URL; http:// is added where there is no scheme.
        verify: For a proxy that speaks TLS itself.

    Raises:
        InvalidRequestError: The URL is not that of a proxy, or SOCKS is not installed. Shows no password.
    """
    whose = "The proxy, from `proxy` or the environment (HTTP_PROXY, HTTPS_PROXY, ALL_PROXY),"
    try:
        proxy = httpx.Proxy(url if "://" in url else f"http://{url}")
        _ = proxy.url.host.encode("idna")
    except (ValueError, TypeError, httpx.InvalidURL):
        proxy = None
    if proxy is None or not proxy.url.host:
        raise InvalidRequestError(f"{whose} is not a valid URL; it looks like http://proxy.example:3128.")
    if proxy.url.scheme.startswith("socks") and find_spec("socksio") is None:
        raise InvalidRequestError(f"{whose} speaks SOCKS, which takes a package: pip install 'httpx[socks]'.")
    if proxy.url.scheme == "https":
        proxy.ssl_context = verify
    return proxy
