"""Where the API is, who asks, and how the network is reached."""

from __future__ import annotations

import os
from importlib.metadata import version
from typing import Any, get_args

import httpx
from pydantic import SecretStr

from browser_use_client.base_url import base_url_of, cloud_url, version_of
from browser_use_client.contracts import CONTRACTS, ApiVersion
from browser_use_client.errors import AuthenticationError, InvalidRequestError
from browser_use_client.limits import Seconds, seconds_of
from browser_use_client.network import Verify, proxy_of, proxy_to, tls_context

CONNECT_TIMEOUT_SECONDS = 10.0

_AGENT = f"browser-use-client/{version('browser-use-client')}"
_HEADERS = {
    "Accept": "application/json",
    "Accept-Encoding": "gzip, deflate",
    "Connection": "keep-alive",
    "User-Agent": _AGENT,
}


class Settings:
    """What a client is told: arguments first, then the environment, then the defaults. See `BrowserUseClient`.

    Attributes:
        base_url: Where the API is.
        api_version: The contract that it speaks, or `auto`.
        headers: Of every request to it; the API key is among them.
        timeout: Of every request.

    Raises:
        AuthenticationError: There is no API key, or it cannot be one.
        InvalidRequestError: Another setting is not valid.
    """

    def __init__(
        self,
        api_key: str | SecretStr | None,
        base_url: str | None,
        api_version: ApiVersion,
        timeout: Seconds | None,
        verify: Verify = True,
        proxy: str | SecretStr | None = None,
    ) -> None:
        self.headers = httpx.Headers(_HEADERS | {"X-Browser-Use-API-Key": _checked_key(api_key)})
        version = _checked_version(api_version)
        if base_url is None:
            base_url = os.environ.get("BROWSER_USE_BASE_URL") or cloud_url(version)
        self.base_url = base_url_of(base_url, version)
        self.api_version: ApiVersion = version_of(self.base_url, version)
        if timeout is None:
            raise InvalidRequestError("`timeout` must be a number of seconds, not None: a request could hang for ever.")
        limit = seconds_of("timeout", timeout)
        self.timeout = httpx.Timeout(limit, connect=min(limit, CONNECT_TIMEOUT_SECONDS))
        self._verify = tls_context(verify)
        self._proxy = None if proxy is None else _revealed(proxy)

    @property
    def requests_per_second(self) -> int | None:
        """How many requests one client may send; None for any number."""
        return CONTRACTS[self.api_version].requests_per_second if self.api_version in CONTRACTS else None

    @property
    def transport_options(self) -> dict[str, Any]:
        """What httpx is told once about the way to the API."""
        return self._way(self.proxy_to(self.base_url))

    def file_options(self, proxy: str | None) -> dict[str, Any]:
        """What httpx is told about a store of files: it is another host, and must not see the key.

        Args:
            proxy: The proxy that leads there.
        """
        return self._way(proxy) | {"headers": {"User-Agent": _AGENT}, "timeout": self.timeout, "follow_redirects": True}

    def proxy_to(self, url: str) -> str | None:
        """The URL of the proxy that leads to a URL, None where there is none."""
        return proxy_to(url, self._proxy)

    def _way(self, proxy: str | None) -> dict[str, Any]:
        return {
            "verify": self._verify,
            "proxy": None if proxy is None else proxy_of(proxy, self._verify),
            "trust_env": False,  # what of the environment counts is in `network`
        }


def _checked_version(api_version: Any) -> ApiVersion:
    """The contract to speak; where it is left to the client, the environment decides."""
    version: Any = os.environ.get("BROWSER_USE_API_VERSION") or "auto" if api_version == "auto" else api_version
    if version not in get_args(ApiVersion):
        raise InvalidRequestError(f"api_version {version!r} is none of {', '.join(get_args(ApiVersion))}.")
    return version  # type: ignore[no-any-return]


def _checked_key(api_key: Any) -> str:
    key: Any = os.environ.get("BROWSER_USE_API_KEY") if api_key is None else _revealed(api_key)
    if key is None:
        raise AuthenticationError("There is no API key: pass `api_key`, or set BROWSER_USE_API_KEY.")
    if not key:
        raise AuthenticationError("The API key is empty: pass it as `api_key`, or set BROWSER_USE_API_KEY.")
    if not isinstance(key, str) or not (key.isascii() and key.isprintable()) or " " in key:
        raise AuthenticationError("The API key has characters that no key has, such as a space or a line break.")
    return str(key)


def _revealed(secret: Any) -> Any:
    return secret.get_secret_value() if isinstance(secret, SecretStr) else secret
