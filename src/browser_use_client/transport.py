"""From a call to HTTP and back: all that the two drivers share."""

from __future__ import annotations

import os
import ssl
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from email.utils import parsedate_to_datetime
from functools import cache
from http.cookiejar import CookieJar
from importlib.metadata import version
from pathlib import Path
from typing import Any, BinaryIO, TypeVar, get_args

import httpx
from pydantic import SecretStr

from browser_use_client.contracts import ApiVersion
from browser_use_client.effects import Call, Download, Upload
from browser_use_client.errors import (
    AuthenticationError,
    BrowserUseError,
    ConnectError,
    InvalidRequestError,
    NetworkError,
    UnexpectedResponseError,
    error_from_response,
)
from browser_use_client.json_text import read_answer
from browser_use_client.limits import Seconds, seconds_of

T = TypeVar("T")

BASE_URL = "https://api.browser-use.com/api/v2"
CONNECT_TIMEOUT = 10.0

_AGENT = f"browser-use-client/{version('browser-use-client')}"


class Settings:
    """Where the API is and who asks: arguments first, then the environment, then the defaults.

    Raises:
        AuthenticationError: There is no API key, or it cannot be one.
        InvalidRequestError: The base URL, the version or the time-out cannot be right.
    """

    def __init__(
        self, api_key: str | SecretStr | None, base_url: str | None, api_version: ApiVersion, timeout: Seconds
    ) -> None:
        key = api_key.get_secret_value() if isinstance(api_key, SecretStr) else api_key
        key = key or os.environ.get("BROWSER_USE_API_KEY")
        if not key:
            raise AuthenticationError("There is no API key: pass `api_key`, or set BROWSER_USE_API_KEY.")
        if not (key.isascii() and key.isprintable()) or " " in key:
            raise AuthenticationError("The API key has characters that no key has, such as a space or a line break.")
        url = (base_url or os.environ.get("BROWSER_USE_BASE_URL") or BASE_URL).rstrip("/")
        if not url.startswith(("http://", "https://")):
            raise InvalidRequestError(f"The base URL {url!r} must start with http:// or https://.")
        if url.endswith("/v4"):
            raise InvalidRequestError(f"The base URL {url!r} is that of API v4; use the one that ends in /v2.")
        if api_version not in get_args(ApiVersion):
            raise InvalidRequestError(f"api_version {api_version!r} is none of {', '.join(get_args(ApiVersion))}.")
        limit = seconds_of("timeout", timeout)
        self.base_url = url
        self.api_version: ApiVersion = api_version
        self._key = key
        self._timeout = httpx.Timeout(limit, connect=min(limit, CONNECT_TIMEOUT))

    @property
    def http_options(self) -> dict[str, Any]:
        """What httpx is told once about the API."""
        headers = {"X-Browser-Use-API-Key": self._key, "User-Agent": _AGENT}
        return {"headers": headers, "cookies": _NoCookies(), "timeout": self._timeout, "verify": _tls()}

    @property
    def file_options(self) -> dict[str, Any]:
        """What httpx is told about the store of files: it is another host, and must not see the key."""
        headers = {"User-Agent": _AGENT}
        return {"headers": headers, "timeout": self._timeout, "follow_redirects": True, "verify": _tls()}


class _NoCookies(CookieJar):
    """The API knows its callers by their key, so no request carries a cookie; to take them would be a waste."""

    def extract_cookies(self, response: Any, request: Any) -> None:
        """Takes none, which saves a twentieth of a request."""


@cache
def _tls() -> ssl.SSLContext:
    """Shared by all clients of the process: reading the certificates takes longer than most requests."""
    return httpx.create_ssl_context()


def request_of(call: Call[Any], base_url: str, http: httpx.Client | httpx.AsyncClient) -> httpx.Request:
    """The request of a call.

    Complete as it is: what httpx does to merge a request with a client's defaults takes it as long as all of ours.
    """
    timeout = http.timeout
    if call.timeout is not None:
        limit = min(call.timeout, timeout.read or call.timeout)
        timeout = httpx.Timeout(limit, connect=min(limit, CONNECT_TIMEOUT))
    return httpx.Request(
        call.method,
        f"{base_url}{call.path}",
        params={name: value for name, value in call.params.items() if value is not None} or None,
        headers=http.headers,
        json=call.json,
        extensions={"timeout": timeout.as_dict()},
    )


def result_of(call: Call[T], response: httpx.Response) -> T:
    """The parsed answer.

    Raises:
        ApiError: The answer was an error, or not this API's.
    """
    try:
        body = read_answer(response.content) if response.content else None
    except ValueError:
        body = None
        broken = True
    else:
        broken = False
    if response.status_code >= 400:
        raise error_from_response(str(call), response.status_code, body, _retry_after(response.headers))
    try:
        if broken or response.status_code >= 300:
            raise ValueError("no JSON")
        return call.parse(body)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UnexpectedResponseError(
            f"{call} was answered with {response.status_code} and something that is not the Browser Use API's."
            f" Check that {response.url.copy_with(path='/', query=None)} is the right server.",
            status_code=response.status_code,
        ) from error


def check_file_response(effect: Upload | Download, response: httpx.Response) -> None:
    """Raises what an answer of the file store means, if it is an error: `ApiError` and its kinds."""
    if response.status_code >= 400:
        raise error_from_response(str(effect), response.status_code, None, _retry_after(response.headers))


def upload_options(effect: Upload, content: BinaryIO) -> dict[str, Any]:
    """What httpx is told of an upload."""
    return {
        "url": effect.slot.url,
        "data": dict(effect.slot.fields),
        "files": {"file": (effect.path.name, content, effect.content_type)},
    }


@contextmanager
def whole_file(path: Path) -> Iterator[BinaryIO]:
    """A file to write to that appears under its name only when it is complete."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.part")
    try:
        with partial.open("wb") as file:
            yield file
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def error_of(
    call: Call[Any] | Upload | Download, base_url: str, error: httpx.HTTPError | httpx.InvalidURL
) -> BrowserUseError:
    """What it means that there is no answer."""
    why = str(error) or type(error).__name__
    if isinstance(error, (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)):
        return ConnectError(
            f"No connection to {base_url} for {call}: {why}. The server did not see the request."
            " Check that it runs, and the address."
        )
    if isinstance(error, (httpx.InvalidURL, httpx.UnsupportedProtocol)):
        return InvalidRequestError(f"The base URL {base_url!r} is no address: {why}.")
    return NetworkError(f"{call} at {base_url} got no answer: {why}. The server may have acted on it all the same.")


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds; the header holds either these or a date."""
    value = headers.get("Retry-After")
    if value is None:
        return None
    if value.strip().isdigit():
        return float(value)
    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        return None
    return max(moment.timestamp() - time.time(), 0.0)
