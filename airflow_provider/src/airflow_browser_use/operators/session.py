"""Operators that start and stop a browser session, for tasks that share one whatever becomes of each."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from airflow.providers.common.compat.sdk import AirflowFailException

from airflow_browser_use.abandoned import stop_abandoned
from airflow_browser_use.arguments import settings_from, text_from
from airflow_browser_use.checks import check_operator
from airflow_browser_use.failures import can_be_helped
from airflow_browser_use.hooks import DEFAULT_CONN_ID, BrowserUseHook
from airflow_browser_use.identity import OWNER_NAME, RemoteIdentity
from airflow_browser_use.links import LiveViewLink
from airflow_browser_use.pages import SHOW_LIVE_URL, InstancePage
from airflow_browser_use.record import Record
from airflow_browser_use.templates import TemplatedOperator
from browser_use_client import BrowserSettings, BrowserUseError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from airflow.providers.common.compat.sdk import Context, XComArg

    from browser_use_client import BrowserUseClient

T = TypeVar("T")


class _SessionOperator(TemplatedOperator):
    ui_color = "#ffe3cc"

    def __init__(self, *, browser_use_conn_id: str = DEFAULT_CONN_ID, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.browser_use_conn_id = browser_use_conn_id

    @cached_property
    def hook(self) -> BrowserUseHook:
        """The hook of this task's connection."""
        return BrowserUseHook(self.browser_use_conn_id)

    def _ask(self, call: Callable[[BrowserUseClient], T]) -> T:
        try:
            with self.hook.new_client() as client:
                return call(client)
        except BrowserUseError as error:
            if can_be_helped(error):
                raise
            raise AirflowFailException(str(error)) from error


class BrowserUseStartSessionOperator(_SessionOperator):
    """Start a browser session that stays open until it is stopped (`v2-flat`).

    `session_id` is in XCom under its own key: `start.output["session_id"]`. Prefer `browser_session`, which stops what
    it starts. A session has no key to be found by: of a try that is killed before it has returned, one may stay open
    until the server closes it as idle. A setup task that is retried or cleared closes the session that it had started
    before; below Airflow 3.3, only once a task has begun in it.

    Args:
        browser_settings: The fields of `BrowserSettings`, such as `profile`. (templated)
        show_live_url: See `BrowserUseTaskOperator`.
        browser_use_conn_id: The connection. (templated)

    Raises:
        AirflowFailException: What another try cannot mend, such as a server whose contract starts sessions with their
            first task only (`v2-nested`).
        BrowserUseError: What a retry may mend.
    """

    template_fields: Sequence[str] = ("browser_settings", "browser_use_conn_id")
    own_template_fields = frozenset(template_fields)
    text_fields = frozenset({"browser_use_conn_id"})
    template_fields_renderers: ClassVar[dict[str, str]] = {"browser_settings": "json"}
    operator_extra_links = (LiveViewLink(),)

    def __init__(
        self,
        *,
        browser_settings: Mapping[str, Any] | XComArg | str | None = None,
        show_live_url: bool = SHOW_LIVE_URL,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        check_operator(self, browser_settings=browser_settings)
        self.browser_settings = browser_settings
        self.show_live_url = show_live_url

    def execute(self, context: Context) -> str:
        """Start the session; its id is returned. As a setup task, close the one that an earlier try has started."""
        settings = self._ask(lambda _: settings_from("browser_settings", self.browser_settings, BrowserSettings))
        identity, record = RemoteIdentity.of(context), Record(context)
        if self.is_setup and not identity.is_first_try:
            self._ask(lambda client: self._close_earlier(client, identity, record, context["ti"]))
        record.begin()
        session = self._ask(lambda client: client.start_session(settings))
        record.created(None, session.id)
        context["ti"].xcom_push(key="session_id", value=session.id)
        page = InstancePage(context["ti"], self.browser_use_conn_id, show_live_url=self.show_live_url)
        page.tell(None, session.id)
        page.push_links(session)
        self.log.info("Session %s was started. Live view: %s", session.id, page.in_text(session.live_url) or "none")
        return session.id

    def _close_earlier(self, client: BrowserUseClient, identity: RemoteIdentity, record: Record, ti: Any) -> None:
        """Close the sessions of tries before this one, unless a task is at work there that was not cleared.

        Where this task instance cannot remember its session, the tasks that ran in it say whose it was.
        """
        memory = record.read()
        if memory and memory.session_id:
            session_ids = {memory.session_id}
        else:
            tasks = client.find_tasks(identity.run, after=identity.since, as_prefix=True)
            session_ids = {task.session_id for task in tasks if task.metadata.get(OWNER_NAME) == identity.instance}
        for session_id in session_ids & {session.id for session in client.list_sessions(status="active")}:
            if stop_abandoned(client, session_id, identity, ti, self.log):
                client.stop_session(session_id)
                self.log.info("Session %s, of an earlier try, was closed.", session_id)


class BrowserUseStopSessionOperator(_SessionOperator):
    """Stop a browser session and what runs in it. One that is stopped or gone already is left in peace.

    Args:
        session_id: The session. (templated)
        browser_use_conn_id: The connection. (templated)

    Raises:
        AirflowFailException: What another try cannot mend.
        BrowserUseError: What a retry may mend; the session may be open still.
    """

    template_fields: Sequence[str] = ("session_id", "browser_use_conn_id")
    own_template_fields = text_fields = frozenset(template_fields)

    def __init__(self, *, session_id: str | XComArg, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.session_id: Any = session_id

    def execute(self, context: Context) -> None:  # noqa: ARG002 - Airflow's signature
        """Stop the session."""
        self._ask(lambda client: client.stop_session(text_from("session_id", self.session_id)))
        self.log.info("Session %s is stopped.", self.session_id)
