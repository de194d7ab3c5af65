"""Where the API is and who asks, as a block that is made in Prefect's UI once."""

from __future__ import annotations

import asyncio
import hmac
import os
import time
from collections.abc import Awaitable, Callable
from typing import Any

from prefect.blocks.abstract import CredentialsBlock
from pydantic import Field, GetJsonSchemaHandler, HttpUrl, SecretStr
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from browser_use_client import Account, ApiVersion, AsyncBrowserUseClient, BrowserUseClient
from prefect_browser_use.fields import SECRETIVE, refuse_unknown_fields

LOGO = HttpUrl("https://github.com/browser-use.png")
DOCUMENTATION = HttpUrl("https://docs.cloud.browser-use.com")


class BrowserUseCredentials(CredentialsBlock):
    """Credentials for Browser Use Cloud, or for any server that speaks its API.

    What is left out comes from the environment of the process that runs the task: `BROWSER_USE_API_KEY`,
    `BROWSER_USE_BASE_URL`, `SSL_CERT_FILE`, and `HTTPS_PROXY` and its like.

    Attributes:
        api_key: The API key. It starts with bu_.
        base_url: Where the API is, up to /api/v2 or /api/v4.
        api_version: The contract to speak: `v2-flat` is the v2 of today and `v2-nested` that of before, which both
            take named secrets, metadata and step limits; `v4` has the newest agent, workspaces and cost limits. `auto`
            goes by the base URL, and at /v2 asks the server once which of the two it is. Without a base URL it is
            Browser Use Cloud's for this version.
        verify: The path of a CA bundle, on the machine that runs the flow; False trusts everybody.
        proxy: The URL of the proxy for all requests.
        show_live_url: Whether tasks show the URL of their live view in logs, artifacts and results, unless they are
            told otherwise. Whoever has it can drive the browser.

    Raises:
        ValueError: A field does not exist, or cannot be that.

    Example:
        ```python
        from prefect_browser_use import BrowserUseCredentials, run_browser_task

        credentials = BrowserUseCredentials.load("BLOCK_NAME")
        result = run_browser_task("Read the headline of example.com", credentials=credentials)
        ```
    """

    _block_type_name = "Browser Use Credentials"
    _block_type_slug = "browser-use-credentials"
    _logo_url = LOGO
    _documentation_url = DOCUMENTATION

    model_config = SECRETIVE

    api_key: SecretStr | None = Field(
        default=None, title="API key", description="The API key. Default: BROWSER_USE_API_KEY of the process."
    )
    base_url: str | None = Field(
        default=None,
        title="Base URL",
        description="Where the API is, up to /api/v2 or /api/v4."
        " Default: BROWSER_USE_BASE_URL of the process, else Browser Use Cloud's for the API version.",
    )
    api_version: ApiVersion = Field(
        default="auto",
        title="API version",
        description="The contract to speak. auto: by the base URL, else v2. v4: the newest agent, with workspaces and"
        " cost limits. v2-flat: v2 as it is today. v2-nested: v2 as it was before.",
    )
    verify: str | bool = Field(
        default=True,
        title="CA bundle",
        description="Path of the CA bundle to trust, on the machine that runs the flow; false trusts everybody."
        " Default: SSL_CERT_FILE of the process, else the public CAs.",
    )
    proxy: SecretStr | None = Field(
        default=None,
        title="Proxy",
        description="URL of the proxy, http://NAME:PASSWORD@proxy.example:3128. Default: HTTPS_PROXY of the process.",
    )
    show_live_url: bool = Field(
        default=False,
        title="Show live URL",
        description="Show the URL of the live view in logs, artifacts and results. Whoever has it can drive the"
        " browser. Without it, `prefect-browser-use live SESSION_ID` opens the live view.",
    )

    def block_initialization(self) -> None:
        """Refuses a field that is none: a misspelt `base_url` would send the key to Browser Use Cloud."""
        refuse_unknown_fields(self)

    @classmethod
    def __get_pydantic_json_schema__(cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """The schema, which a reference to a saved block must not fit, though no field is required.

        Of a parameter of a deployment Prefect's server demands that it is one or the other.
        """
        schema = handler(core_schema)
        handler.resolve_ref_schema(schema)["not"] = {"required": ["$ref"]}
        return schema

    def get_client(self, *, timeout: float = 30.0, sleep: Callable[[float], object] = time.sleep) -> BrowserUseClient:
        """A blocking client; close it, or use it as a context manager.

        Args:
            timeout: Seconds that one request may take.
            sleep: How its waits pause, in seconds. What it raises ends the wait.

        Raises:
            AuthenticationError: There is no API key, here or in the environment.
            InvalidRequestError: The base URL, the CA bundle or the proxy cannot be one.
        """
        return BrowserUseClient(**self._settings, timeout=timeout, sleep=sleep)

    def get_async_client(self, *, sleep: Callable[[float], Awaitable[object]] = asyncio.sleep) -> AsyncBrowserUseClient:
        """A client for asyncio; close it, or use it with `async with`. See `get_client`."""
        return AsyncBrowserUseClient(**self._settings, sleep=sleep)

    @property
    def _settings(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in ("api_key", "base_url", "api_version", "verify", "proxy")}

    def sign(self, data: bytes) -> str:
        """A keyed hash: nobody without the API key can tell what it was made of, or make another.

        Args:
            data: What to sign. With another key or base URL the same data has another hash.

        Returns:
            64 hexadecimal digits.
        """
        api_key = self.api_key.get_secret_value() if isinstance(self.api_key, SecretStr) else self.api_key
        api_key = api_key or os.environ.get("BROWSER_USE_API_KEY", "")
        base_url = (self.base_url or os.environ.get("BROWSER_USE_BASE_URL", "")).rstrip("/")
        key = hmac.digest(api_key.encode(), b"prefect-browser-use", "sha256")  # so that it signs for nothing else
        return hmac.new(key, base_url.encode() + b"\n" + data, "sha256").hexdigest()

    def test_connection(self) -> Account:
        """Ask the server who this is. Costs nothing.

        Returns:
            The account, with the credits that are left.

        Raises:
            AuthenticationError: The key is missing or wrong.
            BrowserUseError: The server cannot be reached, or is not this API; nothing else is raised.
        """
        with self.get_client() as client:
            return client.get_account()

    async def atest_connection(self) -> Account:
        """As `test_connection`, for asyncio."""
        async with self.get_async_client() as client:
            return await client.get_account()
