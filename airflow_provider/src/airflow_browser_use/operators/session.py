"""Operators that start and stop a browser session, for tasks that share one whatever becomes of each."""

from __future__ import annotations

from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from airflow.providers.common.compat.sdk import AirflowFailException

from airflow_browser_use import group_session, task_states
from airflow_browser_use.abandoned import stop_abandoned
from airflow_browser_use.arguments import settings_from, text_from
from airflow_browser_use.checks import check_operator
from airflow_browser_use.failures import can_be_helped
from airflow_browser_use.follow_ups import SessionUse
from airflow_browser_use.hooks import DEFAULT_CONN_ID, BrowserUseHook
from airflow_browser_use.identity import ENDS_WITH_RUN
from airflow_browser_use.links import LiveViewLink
from airflow_browser_use.pages import SHOW_LIVE_URL, InstancePage
from airflow_browser_use.record import Record
from airflow_browser_use.templates import TemplatedOperator
from browser_use_client import BrowserSettings, BrowserUseError, InvalidRequestError

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

    Where the server starts sessions with their first task only (`v4`, `v2-nested`), a setup task gives out a name, and
    the first task that continues it begins the session.

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
    starts_session: ClassVar[bool] = True
    """For `SessionUse`."""

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
        record = Record(context)
        if self.is_setup and context["ti"].try_number > 1:
            self._ask(lambda client: self._close_earlier(client, record, context["ti"]))
        if self.is_setup and self._ask(lambda client: client.lacks("starting sessions")):
            return self._leave_to_first_task(settings, context["ti"])
        record.begin()
        session = self._ask(lambda client: client.start_session(settings))
        record.created(None, session.id)
        context["ti"].xcom_push(key="session_id", value=session.id)
        if self.is_setup:
            context["ti"].xcom_push(key=ENDS_WITH_RUN, value=session.id)
        page = InstancePage(context["ti"], self.browser_use_conn_id, show_live_url=self.show_live_url)
        page.tell(None, session.id)
        page.push_links(session)
        self.log.info("Session %s was started. Live view: %s", session.id, page.in_text(session.live_url) or "none")
        return session.id

    def _leave_to_first_task(self, settings: BrowserSettings, ti: Any) -> str:
        """Give out a name, by which the tasks of the group find the session that the first of them begins."""
        if settings.custom_proxy:
            self._ask(_refuse_custom_proxy)
        name = group_session.new_name()
        ti.xcom_push(key="session_id", value=name)
        ti.xcom_push(key=group_session.SETTINGS_KEY, value=settings.model_dump(exclude_unset=True))
        self.log.info("The session begins with the first task of the group.")
        return name

    def _close_earlier(self, client: BrowserUseClient, record: Record, ti: Any) -> None:
        """Close the sessions of tries before this one, unless a task is at work there that was not cleared.

        Where this task instance cannot remember its session, the tasks that have worked in it do.
        """
        memory, use = record.read(), SessionUse.by(self)
        session_ids = {memory.session_id} if memory and memory.session_id else _sessions_of(ti, use)
        for session_id in session_ids & {session.id for session in client.list_sessions(status="active")}:
            if stop_abandoned(client, session_id, use, ti, self.log):
                client.stop_session(session_id)
                self.log.info("Session %s, of an earlier try, was closed.", session_id)


def _sessions_of(ti: Any, use: SessionUse) -> set[str]:
    instances = task_states.instances_of(ti, use.sharing)
    return {ti.xcom_pull(task_ids=task, key="session_id", map_indexes=map_index) for task, map_index in instances}


def _refuse_custom_proxy(_: BrowserUseClient) -> None:
    raise InvalidRequestError(
        "`browser_settings.custom_proxy` cannot be kept for the first task of the group, since its password would stand"
        " in XCom: give it to that task."
    )


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

    def execute(self, context: Context) -> None:
        """Stop the session."""
        for session_id in self._session_ids(context["ti"]):
            self._ask(partial(_stop, session_id))
            self.log.info("Session %s is stopped.", session_id)

    def _session_ids(self, ti: Any) -> set[Any]:
        """The session; that of a group which began with its first task is known to its tasks."""
        if not group_session.is_name(self.session_id):
            return {self.session_id}
        upstream: list[Any] = list(self.dag.get_task(self.task_id).upstream_list)
        starts = [task for task in upstream if isinstance(task, BrowserUseStartSessionOperator)]
        instances = [each for task in starts for each in task_states.instances_of(ti, SessionUse.by(task).sharing)]
        return set(group_session.sessions_begun(self.session_id, ti, instances))


def _stop(session_id: Any, client: BrowserUseClient) -> None:
    client.stop_session(text_from("session_id", session_id))
