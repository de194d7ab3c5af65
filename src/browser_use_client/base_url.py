"""Which base URL is the API's, and what to say of one that is not."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import SplitResult, urlsplit

from browser_use_client.errors import InvalidRequestError

CLOUD_URL = "https://api.browser-use.com/api/v2"

_WEBSITES = {"browser-use.com", "www.browser-use.com", "cloud.browser-use.com", "docs.browser-use.com"}
_LOCAL = re.compile(r"localhost|127(\.\d+){3}|::1")
_VERSION = re.compile(r"(?P<before>.*/)v(?P<number>\d+)(?P<after>/.*)?")


def base_url_of(url: Any) -> str:
    """A base URL, checked and without a slash at its end.

    A path that names no version is taken as it is, for gateways that put the API elsewhere.

    Raises:
        InvalidRequestError: It is not the base URL of a v2 API; says which one probably is. Shows no password.
    """
    if not isinstance(url, str):
        raise InvalidRequestError(f"The base URL must be text, not {type(url).__name__}; it looks like {CLOUD_URL}.")
    text = url.strip()
    try:
        parts = urlsplit(text if "://" in text else f"//{text}")
        _ = parts.port, (parts.hostname or "").encode("idna")
    except ValueError:
        raise InvalidRequestError(f"The base URL is not a valid URL; it looks like {CLOUD_URL}.") from None
    problem = _problem(text, parts)
    if problem:
        raise InvalidRequestError(f"The base URL {_shown(parts)!r} {problem}: use {_right(parts)}.")
    return f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}"


def _problem(text: str, parts: SplitResult) -> str | None:
    if not text:
        return "is empty"
    if not text.isprintable() or " " in text:
        return "holds a space or a control character"
    if parts.scheme not in ("http", "https"):
        return "does not begin with http:// or https://"
    if not parts.hostname:
        return "names no host"
    if "@" in parts.netloc:
        return "holds a user name or a password, while the API asks for a key only"
    if parts.query or parts.fragment:
        return "goes on after its path"
    if parts.hostname in _WEBSITES:
        return "is that of a website, not of the API"
    return _problem_of_path(parts.path.rstrip("/"))


def _problem_of_path(path: str) -> str | None:
    version = _VERSION.fullmatch(path)
    if version is None:
        return "does not say which API it is" if path.strip("/") in ("", "api") else None
    if version["number"] != "2":
        return f"is that of API v{version['number']}, and this client speaks v2"
    return "goes on after /v2" if version["after"] else None


def _right(parts: SplitResult) -> str:
    """The base URL that was probably meant."""
    if not parts.hostname or parts.hostname in _WEBSITES:
        return CLOUD_URL
    scheme = parts.scheme if parts.scheme in ("http", "https") else None
    scheme = scheme or ("http" if _LOCAL.fullmatch(parts.hostname) else "https")
    path = re.sub(r"\s", "", parts.path.rstrip("/"))
    if version := _VERSION.fullmatch(path):
        path = f"{version['before']}v2"
    elif path.strip("/") in ("", "api"):
        path = "/api/v2"
    return f"{scheme}://{_host(parts)}{path}"


def _shown(parts: SplitResult) -> str:
    scheme = f"{parts.scheme}://" if parts.scheme else ""
    return f"{scheme}{_host(parts)}{parts.path}"


def _host(parts: SplitResult) -> str:
    return parts.netloc.rpartition("@")[2]
