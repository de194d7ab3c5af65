"""Sensors: for remote tasks that were started elsewhere, and for an account that can pay for new ones."""

from __future__ import annotations

import time
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import (
    AirflowFailException,
    AirflowSensorTimeout,
    BaseSensorOperator,
    PokeReturnValue,
    conf,
)

from airflow_browser_use import failures
from airflow_browser_use.arguments import text_from
from airflow_browser_use.hooks import DEFAULT_CONN_ID, BrowserUseHook
from airflow_browser_use.links import LiveViewLink
from airflow_browser_use.pages import SHOW_LIVE_URL, InstancePage
from airflow_browser_use.results import return_value, schema_from
from airflow_browser_use.templates import TemplatedOperator
from airflow_browser_use.triggers import LATEST_RESUME_SECONDS, BrowserUseTaskTrigger
from browser_use_client import (
    BrowserUseError,
    CreatedTask,
    InsufficientCreditsError,
    RateLimitedError,
    Task,
    TaskTimeoutError,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import NoReturn

    from airflow.providers.common.compat.sdk import Context

    from browser_use_client.models import AnyTask


class BrowserUseTaskSensor(TemplatedOperator, BaseSensorOperator):
    """Wait for a Browser Use task that somebody else started, and return what came of it. It is never stopped.

    XCom `return_value` is that of `BrowserUseTaskOperator`.

    Args:
        browser_task_id: The remote task. (templated)
        output_schema: As for `BrowserUseTaskOperator`.
        fail_on_unsuccessful: Fail when the agent finished but reports no success.
        show_live_url: As for `BrowserUseTaskOperator`.
        browser_use_conn_id: The connection. (templated)
        deferrable: Wait in the triggerer; `timeout` counts there, `execution_timeout` does not. Default:
            `[operators] default_deferrable`.

    Raises:
        AirflowSensorTimeout: It did not end within `timeout`.
        AirflowFailException: It failed or was stopped, or it does not exist.
        BrowserUseError: What a retry may mend.
    """

    template_fields: Sequence[str] = ("browser_task_id", "browser_use_conn_id")
    own_template_fields = text_fields = frozenset(template_fields)
    operator_extra_links = (LiveViewLink(),)
    ui_color = "#ffe3cc"
    _known: CreatedTask | None = None  # once the server has shown it, no single odd answer says that it does not exist

    def __init__(
        self,
        *,
        browser_task_id: str,
        output_schema: Any = None,
        fail_on_unsuccessful: bool = True,
        show_live_url: bool = SHOW_LIVE_URL,
        browser_use_conn_id: str = DEFAULT_CONN_ID,
        deferrable: bool = conf.getboolean("operators", "default_deferrable", fallback=False),
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.browser_task_id = browser_task_id
        self.output_schema = output_schema
        self.fail_on_unsuccessful = fail_on_unsuccessful
        self.show_live_url = show_live_url
        self.browser_use_conn_id = browser_use_conn_id
        self.deferrable = deferrable

    @cached_property
    def hook(self) -> BrowserUseHook:
        """The hook of this task's connection."""
        return BrowserUseHook(self.browser_use_conn_id)

    def execute(self, context: Context) -> Any:
        """Wait here, or in the triggerer."""
        try:
            text_from("browser_task_id", self.browser_task_id)
        except BrowserUseError as error:
            self._fail(error)
        self._page(context).tell(self.browser_task_id, None)
        if self.deferrable:
            self._defer(context)
        return super().execute(context)

    def poke(self, context: Context) -> PokeReturnValue:
        """Look whether it has ended."""
        task = self._read(self._known or self.browser_task_id)
        self._known = CreatedTask(id=task.id, session_id=task.session_id)
        return PokeReturnValue(
            is_done=task.has_ended, xcom_value=self._value(context, task) if task.has_ended else None
        )

    def execute_complete(self, context: Context, event: dict[str, Any], try_number: int | None = None) -> Any:
        """Resume after the trigger: fetch the result, or fail as the event says.

        Airflow 3 before 3.1.1 resumes a retry here too, with the event of the try that failed (apache/airflow#56704).
        So a try that did not defer itself begins anew.
        """
        if try_number not in (None, context["ti"].try_number):
            return self.execute(context)
        if event["error"] is not None:
            self._fail(failures.from_event(event["error"], event["browser_task_id"]))
        return self._value(context, self._read(event["browser_task_id"]))

    def _page(self, context: Context) -> InstancePage:
        return InstancePage(context["ti"], self.browser_use_conn_id, show_live_url=self.show_live_url)

    def _defer(self, context: Context) -> NoReturn:
        self.defer(
            trigger=BrowserUseTaskTrigger(
                browser_use_conn_id=self.browser_use_conn_id,
                browser_task_id=self.browser_task_id,
                deadline=time.time() + self.timeout,
                poll_interval=self.poke_interval or None,
                stop_on_timeout=False,
                stop_on_kill=False,
            ),
            method_name=self.execute_complete.__name__,
            kwargs={"try_number": context["ti"].try_number},
            timeout=timedelta(seconds=self.timeout + LATEST_RESUME_SECONDS),
        )

    def _read(self, task: AnyTask) -> Task:
        try:
            with self.hook.new_client() as client:
                return client.get_task(task)
        except BrowserUseError as error:
            self._fail(error)

    def _value(self, context: Context, task: Task) -> dict[str, Any]:
        page = self._page(context)
        page.tell_end(task, paid_here=False)
        try:
            failures.checked(task, fail_on_unsuccessful=self.fail_on_unsuccessful)
            return return_value(task, None, schema_from(self.output_schema), page)
        except BrowserUseError as error:
            raise AirflowFailException(str(error)) from error

    def _fail(self, error: BrowserUseError) -> NoReturn:
        if isinstance(error, TaskTimeoutError):
            raise AirflowSensorTimeout(str(error)) from error
        if error.retryable:
            raise error
        raise AirflowFailException(str(error)) from error


class BrowserUseAccountSensor(TemplatedOperator, BaseSensorOperator):
    """Wait until the account has enough credits and free sessions, before anything is paid for.

    A snapshot, no reservation: a task that starts in between takes what was free. `timeout=0` fails at once, without
    retries; `mode="reschedule"` takes no worker while it waits. XCom `return_value` has `credits_usd` and
    `free_sessions` (None where the account does not say, as in `v2-nested`; then these are not waited for).

    Args:
        min_credits_usd: US dollars that have to be left.
        min_free_sessions: Sessions that have to be free.
        browser_use_conn_id: The connection. (templated)

    Raises:
        AirflowSensorTimeout: There was not enough within `timeout`; the log says what was missing.
        AirflowFailException: The account cannot be read, as with a wrong key.
        BrowserUseError: What a retry may mend.
    """

    template_fields: Sequence[str] = ("browser_use_conn_id",)
    own_template_fields = text_fields = frozenset(template_fields)
    ui_color = "#ffe3cc"

    def __init__(
        self,
        *,
        min_credits_usd: float = 0.0,
        min_free_sessions: int = 1,
        browser_use_conn_id: str = DEFAULT_CONN_ID,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.min_credits_usd = min_credits_usd
        self.min_free_sessions = min_free_sessions
        self.browser_use_conn_id = browser_use_conn_id

    def poke(self, context: Context) -> PokeReturnValue:  # noqa: ARG002 - Airflow's signature
        """Look whether it has enough."""
        try:
            with BrowserUseHook(self.browser_use_conn_id).new_client() as client:
                account = client.check_account(
                    min_credits_usd=self.min_credits_usd, min_free_sessions=self.min_free_sessions
                )
        except (InsufficientCreditsError, RateLimitedError) as error:
            self.log.info("%s", error)
            return PokeReturnValue(is_done=False)
        except BrowserUseError as error:
            if error.retryable:
                raise
            raise AirflowFailException(str(error)) from error
        return PokeReturnValue(
            is_done=True, xcom_value={"credits_usd": account.credits_usd, "free_sessions": account.free_sessions}
        )
