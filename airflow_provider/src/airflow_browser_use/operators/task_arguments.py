"""The arguments of the operator that runs a task, and what they mean once they are rendered."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, ClassVar

from airflow.providers.common.compat.sdk import conf

from airflow_browser_use.arguments import (
    dollars_from,
    domains_from,
    mapping_from,
    metadata_from,
    settings_from,
    text_from,
)
from airflow_browser_use.checks import check, check_operator
from airflow_browser_use.delivery import MAX_XCOM_BYTES, Delivery
from airflow_browser_use.hooks import DEFAULT_CONN_ID
from airflow_browser_use.options import TaskOptions
from airflow_browser_use.pages import SHOW_LIVE_URL
from airflow_browser_use.results import schema_from
from airflow_browser_use.secrets import Secrets
from airflow_browser_use.templates import TemplatedOperator
from browser_use_client import (
    AgentSettings,
    BrowserSettings,
    CreateTaskRequest,
    InvalidRequestError,
    seconds_of,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import timedelta
    from decimal import Decimal

    from airflow.providers.common.compat.sdk import XComArg

    from airflow_browser_use.files import Files, Place


class TaskArguments(TemplatedOperator):
    """What `BrowserUseTaskOperator` takes; its docstring says what each argument means."""

    template_fields: Sequence[str] = (
        "task",
        "session_id",
        "agent_settings",
        "model_params",
        "browser_settings",
        "secrets",
        "secret_domains",
        "files",
        "download_output_to",
        "large_output_to",
        "workspace_id",
        "metadata",
        "max_cost_usd",
        "key",
        "browser_use_conn_id",
    )
    own_template_fields = frozenset(template_fields)
    text_fields = frozenset({"task", "session_id", "workspace_id", "max_cost_usd", "key", "browser_use_conn_id"})
    template_fields_renderers: ClassVar[dict[str, str]] = {
        "agent_settings": "json",
        "model_params": "json",
        "browser_settings": "json",
        "secret_domains": "json",
        "metadata": "json",
    }
    check_arguments = staticmethod(check)

    def __init__(
        self,
        *,
        task: str | XComArg,
        session_id: str | XComArg | None = None,
        keep_session: bool | None = None,
        agent_settings: Mapping[str, Any] | XComArg | str | None = None,
        model_params: Mapping[str, Any] | XComArg | str | None = None,
        browser_settings: Mapping[str, Any] | XComArg | str | None = None,
        output_schema: Any = None,
        secrets: Mapping[str, str] | str | None = None,
        secret_domains: str | Sequence[str] | Mapping[str, str | Sequence[str]] | XComArg | None = None,
        files: Files | XComArg | None = None,
        download_output_to: Place | None = None,
        max_xcom_bytes: int | None = MAX_XCOM_BYTES,
        large_output_to: Place | None = None,
        workspace_id: str | XComArg | None = None,
        metadata: Mapping[str, str] | XComArg | str | None = None,
        key: str | XComArg | None = None,
        timeout: float | timedelta | None = None,
        max_cost_usd: float | Decimal | str | XComArg | None = None,
        poll_interval: float | timedelta | None = None,
        wait_when_busy: float | timedelta = 0.0,
        fail_on_unsuccessful: bool = True,
        stop_on_timeout: bool = True,
        stop_on_kill: bool = True,
        show_live_url: bool = SHOW_LIVE_URL,
        browser_use_conn_id: str = DEFAULT_CONN_ID,
        deferrable: bool = conf.getboolean("operators", "default_deferrable", fallback=False),
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        check_operator(
            self,
            task=task,
            agent_settings=agent_settings,
            model_params=model_params,
            browser_settings=browser_settings,
            secrets=secrets,
            secret_domains=secret_domains,
            max_xcom_bytes=max_xcom_bytes,
            metadata=metadata,
            key=key,
            timeout=timeout,
            max_cost_usd=max_cost_usd,
            poll_interval=poll_interval,
            wait_when_busy=wait_when_busy,
        )
        if getattr(self, "retry_policy", "none below 3.3") is None:
            from airflow_browser_use.retry_policy import RetryAfterPolicy

            self.retry_policy = RetryAfterPolicy()
        self.task: Any = task
        self.session_id: Any = session_id
        self.keep_session = keep_session
        self.agent_settings = agent_settings
        self.model_params = model_params
        self.browser_settings = browser_settings
        self.output_schema = output_schema
        self.secrets = Secrets(secrets) if secrets else None
        self.secret_domains: Any = secret_domains
        self.files: Any = files
        self.download_output_to: Any = download_output_to
        self.max_xcom_bytes = max_xcom_bytes
        self.large_output_to: Any = large_output_to
        self.workspace_id: Any = workspace_id
        self.metadata = metadata
        self.max_cost_usd: Any = max_cost_usd
        self.key: Any = key
        self.timeout = seconds_of("timeout", timeout)
        self.poll_interval = seconds_of("poll_interval", poll_interval)
        self.wait_when_busy = seconds_of("wait_when_busy", wait_when_busy, may_be_zero=True)
        self.fail_on_unsuccessful = fail_on_unsuccessful
        self.stop_on_timeout = stop_on_timeout
        self.stop_on_kill = stop_on_kill
        self.show_live_url = show_live_url
        self.browser_use_conn_id = browser_use_conn_id
        self.deferrable = deferrable

    def _options(self) -> TaskOptions:
        """What the user wants of the remote task, once the arguments are rendered."""
        return TaskOptions(
            session_id=self.session_id,
            keep_session=self.keep_session,
            output_schema=self.output_schema,
            delivery=Delivery(self.download_output_to, self.max_xcom_bytes, self.large_output_to),
            files=self.files,
            key=self.key,
            max_cost_usd=dollars_from("max_cost_usd", self.max_cost_usd),
            poll_interval=self.poll_interval,
            wait_when_busy=self.wait_when_busy,
            fail_on_unsuccessful=self.fail_on_unsuccessful,
            stop_on_timeout=self.stop_on_timeout,
            stop_on_kill=self.stop_on_kill,
            browser_use_conn_id=self.browser_use_conn_id,
            show_live_url=self.show_live_url,
        )

    def _request(self) -> CreateTaskRequest:
        if self.key is not None:
            text_from("key", self.key)
        return CreateTaskRequest(
            task=text_from("task", self.task),
            agent_settings=self._agent_settings(),
            browser_settings=settings_from("browser_settings", self.browser_settings, BrowserSettings),
            output_schema=schema_from(self.output_schema),
            metadata=metadata_from(self.metadata),
            secrets=self.secrets.reveal() if self.secrets else {},
            secret_domains=domains_from("secret_domains", self.secret_domains),
            max_cost_usd=dollars_from("max_cost_usd", self.max_cost_usd),
            workspace_id=None if self.workspace_id is None else text_from("workspace_id", self.workspace_id),
        )

    def _agent_settings(self) -> AgentSettings:
        settings = settings_from("agent_settings", self.agent_settings, AgentSettings)
        if self.model_params is None:
            return settings
        if settings.model_params is not None:
            raise InvalidRequestError("`model_params` is also in `agent_settings`: give it once.")
        return settings.model_copy(update={"model_params": mapping_from("model_params", self.model_params)})

    def _deadline(self) -> float | None:
        limits = [self.timeout]
        if self.deferrable and self.execution_timeout:
            limits.append(self.execution_timeout.total_seconds())  # Airflow does not enforce it then (#69678)
        seconds = [limit for limit in limits if limit is not None]
        return time.time() + min(seconds) if seconds else None
