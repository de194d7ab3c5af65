"""The connection to Browser Use: its settings, and a client made of them."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.connection import get_async_connection
from airflow.providers.common.compat.sdk import AirflowNotFoundException, BaseHook
from asgiref.sync import sync_to_async

import browser_use_client  # whose clients load on use: DAG files that only name an operator are parsed again and again
from airflow_browser_use.arguments import text_from
from airflow_browser_use.compat import is_dag_test
from airflow_browser_use.connection import client_settings
from airflow_browser_use.provider_info import get_provider_info

if TYPE_CHECKING:
    from browser_use_client import AsyncBrowserUseClient, BrowserUseClient

DEFAULT_CONN_ID = "browser_use_default"


class BrowserUseHook(BaseHook):
    """Clients for one Airflow connection.

    Connection type `browser_use`: host is the base URL up to `/api/v2` or `/api/v4` (default: that of Browser Use Cloud
    for the API version), password the API key; extra may hold `api_version` (`auto`, `v2-nested`, `v2-flat` or `v4`),
    `timeout` (seconds a request may take, default 30), `verify` (the path of a CA bundle, or false) and `proxy` (its
    URL).

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
        from wtforms import StringField, validators  # type: ignore[import-untyped] # below 3.2 it is there

        def widget(field: dict[str, Any]) -> Any:
            choices = field["schema"].get("enum")
            checks = [validators.Optional(), validators.any_of(choices)] if choices else []
            return StringField(field["label"], description=field["description"], validators=checks)

        fields = get_provider_info()["connection-types"][0]["conn-fields"]
        return {name: widget(field) for name, field in fields.items()}

    def __init__(self, browser_use_conn_id: str = DEFAULT_CONN_ID, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.browser_use_conn_id = browser_use_conn_id

    @cached_property
    def settings(self) -> dict[str, Any]:
        """What the clients are made with. Looked up once, so that a signal handler can make one too."""
        connection = self.get_connection(text_from("browser_use_conn_id", self.browser_use_conn_id))
        return client_settings(connection)

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
        """What the clients are made with, looked up without blocking the event loop.

        In `dag.test()`, a trigger that asks so finds no connection of Airflow's database (3.0 to 3.3.2).
        """
        try:
            connection = await get_async_connection(self.browser_use_conn_id)
        except AirflowNotFoundException:
            if not is_dag_test():
                raise
            connection = await sync_to_async(self.get_connection)(self.browser_use_conn_id)
        return client_settings(connection)

    async def get_async_client(self, **options: Any) -> AsyncBrowserUseClient:
        """A client for an event loop; the caller closes it. Options replace those of the connection."""
        return browser_use_client.AsyncBrowserUseClient(**{**await self.get_async_settings(), **options})

    def test_connection(self) -> tuple[bool, str]:
        """Read the account: the "Test" button of the connection form. Never raises.

        Returns:
            Whether that worked, and what to show.
        """
        try:
            with self.new_client() as client:
                account = client.get_account()
        except Exception as error:  # noqa: BLE001 - the button shows whatever is wrong
            return False, str(error) or type(error).__name__
        return True, f"Connected to {client.base_url}: {account.credits_usd:.2f} USD of credits left."
