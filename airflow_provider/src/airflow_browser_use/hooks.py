"""The connection to Browser Use: its settings, and a client made of them."""

from __future__ import annotations

import json
from functools import cached_property
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.connection import get_async_connection
from airflow.providers.common.compat.sdk import BaseHook

import browser_use_client  # whose clients load on use: DAG files that only name an operator are parsed again and again
from airflow_browser_use.provider_info import get_provider_info
from browser_use_client import AuthenticationError, BrowserUseError, InvalidRequestError

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Connection

    from browser_use_client import AsyncBrowserUseClient, BrowserUseClient

DEFAULT_CONN_ID = "browser_use_default"


class BrowserUseHook(BaseHook):
    """Clients for one Airflow connection.

    Connection type `browser_use`: host is the base URL up to `/api/v2` (default: Browser Use Cloud), password the
    API key; extra may hold `api_version` (`auto`, `v2-nested` or `v2-flat`) and `timeout` (seconds a request may
    take, default 30).

    Args:
        browser_use_conn_id: The connection.
    """

    conn_name_attr = "browser_use_conn_id"
    default_conn_name = DEFAULT_CONN_ID
    conn_type = "browser_use"
    hook_name = "Browser Use"

    @classmethod
    def get_ui_field_behaviour(cls) -> dict[str, Any]:
        """The connection form below Airflow 3.2, which does not read it from the provider's info."""
        form = get_provider_info()["connection-types"][0]["ui-field-behaviour"]
        return {name.replace("-", "_"): value for name, value in form.items()}

    @classmethod
    def get_connection_form_widgets(cls) -> dict[str, Any]:
        """The extra fields of that form."""
        from wtforms import StringField  # type: ignore[import-untyped] # below 3.2 it is there

        fields = get_provider_info()["connection-types"][0]["conn-fields"]
        return {name: StringField(field["label"], description=field["description"]) for name, field in fields.items()}

    def __init__(self, browser_use_conn_id: str = DEFAULT_CONN_ID, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.browser_use_conn_id = browser_use_conn_id

    @cached_property
    def settings(self) -> dict[str, Any]:
        """What the clients are made with. Looked up once, so that a signal handler can make one too."""
        return _settings(self.get_connection(self.browser_use_conn_id))

    @cached_property
    def client(self) -> BrowserUseClient:
        """The client of this hook."""
        return self.new_client()

    def new_client(self, **options: Any) -> BrowserUseClient:
        """A client of its own for whoever closes it; options replace those of the connection."""
        return browser_use_client.BrowserUseClient(**{**self.settings, **options})

    def get_conn(self) -> BrowserUseClient:
        """The client, by the name that Airflow has for it."""
        return self.client

    async def get_async_settings(self) -> dict[str, Any]:
        """What the clients are made with, looked up without blocking the event loop."""
        return _settings(await get_async_connection(self.browser_use_conn_id))

    async def get_async_client(self) -> AsyncBrowserUseClient:
        """A client for an event loop; the caller closes it."""
        return browser_use_client.AsyncBrowserUseClient(**await self.get_async_settings())

    def test_connection(self) -> tuple[bool, str]:
        """Read the account: the "Test" button of the connection form.

        Returns:
            Whether that worked, and what to show.
        """
        try:
            with self.new_client() as client:
                account = client.get_account()
        except BrowserUseError as error:
            return False, str(error)
        return True, f"Connected to {client.base_url}: {account.credits_usd:.2f} USD of credits left."


def _settings(connection: Connection) -> dict[str, Any]:
    name = f"connection {connection.conn_id!r}"
    if not connection.password:
        raise AuthenticationError(f"There is no API key in {name}: put it into the password.")
    extra = json.loads(connection.extra or "{}")  # `extra_dejson` would block the triggerer's loop to mask secrets
    try:
        timeout = float(extra.get("timeout") or 30.0)
    except (TypeError, ValueError):
        raise InvalidRequestError(f"`timeout` in the extra of {name} must be a number of seconds.") from None
    return {
        "api_key": connection.password,
        "base_url": connection.host or None,
        "api_version": extra.get("api_version") or "auto",
        "timeout": timeout,
    }
