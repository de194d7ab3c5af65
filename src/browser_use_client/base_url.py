"""Which base URL is the API's, and what to say of one that is not."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import SplitResult, urlsplit

from browser_use_client.contracts import ApiVersion
from browser_use_client.errors import InvalidRequestError
from browser_use_client.this_machine import is_of_this_machine

CLOUD_URL = "https://api.browser-use.com/api/v2"

_WEBSITES = {"browser-use.com", "www.browser-use.com", "cloud.browser-use.com", "docs.browser-use.com"}
_VERSION = re.compile(r"(?P<before>.*/)v(?P<number>\d+)(?P<after>/.*)?")
_NUMBERS = {"auto": None, "v2-nested": "2", "v2-flat": "2", "v4": "4"}
"""Which version of the API a contract is of."""


def cloud_url(api_version: ApiVersion) -> str:
    """The base URL of Browser Use Cloud for a contract; that of v2 where none is named."""
    return beside(CLOUD_URL, f"v{_NUMBERS[api_version] or 2}")


def beside(base_url: str, version: str) -> str:
    """The base URL of another version on the same server; the same one where it names no version."""
    found = _VERSION.fullmatch(base_url)
    return f"{found['before']}{version}" if found else base_url


def version_of(base_url: str, api_version: ApiVersion) -> ApiVersion:
    """The contract to speak at a base URL: of one that ends in /v4 nobody has to say it."""
    found = _VERSION.fullmatch(base_url)
    return "v4" if found and found["number"] == "4" else api_version


def base_url_of(url: Any, api_version: ApiVersion = "auto") -> str:
    """A base URL, checked and without a slash at its end.

    A path that names no version is taken as it is, for gateways that put the API elsewhere.

    Args:
        url: The base URL.
        api_version: The contract that is to be spoken there.

    Raises:
        InvalidRequestError: It is not the base URL of an API that this client speaks, or of another one than the
            contract; says which one probably is. Shows no password.
    """
    right = cloud_url(api_version)
    if not isinstance(url, str):
        raise InvalidRequestError(f"The base URL must be text, not {type(url).__name__}; it looks like {right}.")
    text = url.strip()
    try:
        parts = urlsplit(text if "://" in text else f"//{text}")
        _ = parts.port, (parts.hostname or "").encode("idna")
    except ValueError:
        raise InvalidRequestError(f"The base URL is not a valid URL; it looks like {right}.") from None
    problem = _problem(text, parts, api_version)
    if problem:
        raise InvalidRequestError(f"The base URL {_shown(parts)!r} {problem}: use {_right(parts, api_version)}.")
    return f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}"


def _problem(text: str, parts: SplitResult, api_version: ApiVersion) -> str | None:
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
    return _problem_of_path(parts.path.rstrip("/"), api_version)


def _problem_of_path(path: str, api_version: ApiVersion) -> str | None:
    version = _VERSION.fullmatch(path)
    if version is None:
        return "does not say which API it is" if path.strip("/") in ("", "api") else None
    if version["number"] not in ("2", "4"):
        return f"is that of API v{version['number']}, and this client speaks v2 and v4"
    if _NUMBERS[api_version] not in (None, version["number"]):
        return f"is that of API v{version['number']}, while `api_version` is {api_version}"
    return f"goes on after /v{version['number']}" if version["after"] else None


def _right(parts: SplitResult, api_version: ApiVersion) -> str:
    """The base URL that was probably meant."""
    if not parts.hostname or parts.hostname in _WEBSITES:
        return cloud_url(api_version)
    scheme = parts.scheme if parts.scheme in ("http", "https") else None
    scheme = scheme or ("http" if is_of_this_machine(parts.geturl()) else "https")
    path = re.sub(r"\s", "", parts.path.rstrip("/"))
    if version := _VERSION.fullmatch(path):
        number = _NUMBERS[api_version] or ("4" if version["number"] == "4" else "2")
        path = f"{version['before']}v{number}"
    elif path.strip("/") in ("", "api"):
        path = f"/api/v{_NUMBERS[api_version] or 2}"
    return f"{scheme}://{_host(parts)}{path}"


def _shown(parts: SplitResult) -> str:
    scheme = f"{parts.scheme}://" if parts.scheme else ""
    return f"{scheme}{_host(parts)}{parts.path}"


def _host(parts: SplitResult) -> str:
    return parts.netloc.rpartition("@")[2]
