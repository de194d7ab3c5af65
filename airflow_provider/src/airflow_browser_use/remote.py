"""One try of a task instance and its remote task: how it comes into being, and what is left of it when the try ends."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import TaskDeferred, TaskInstanceState

from airflow_browser_use import after_error, cleaning, failures, group_session, lineage, metrics, shut_down, task_states
from airflow_browser_use.cleanup import ENDED, Ending, Outcome, outcome_of
from airflow_browser_use.creating import Creation
from airflow_browser_use.delivery import deliver
from airflow_browser_use.identity import ENDS_WITH_RUN, RemoteIdentity
from airflow_browser_use.interruption import Interruption
from airflow_browser_use.messages import whose_session
from airflow_browser_use.pages import LIVE_URL_KEY, InstancePage
from airflow_browser_use.record import Record
from airflow_browser_use.results import log_end, log_step, return_value, schema_from
from airflow_browser_use.session_policy import SessionPolicy
from browser_use_client import BrowserSettings, CreatedTask, InvalidRequestError, TaskStoppedError

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from airflow.providers.common.compat.sdk import Context

    from airflow_browser_use.follow_ups import SessionUse
    from airflow_browser_use.options import TaskOptions
    from browser_use_client import BrowserUseClient, CreateTaskRequest, Session, Task
    from browser_use_client.models import AnyTask


MADE_BY_ANOTHER = "made_by_another"
"""In XCom: the remote task was there already, under the user's own `key`."""


class RemoteTask:
    """The remote task of the try that is running. As a context manager, it cleans up however the try ends.

    Args:
        options: What the user wants.
        use: What the DAG says about its session.
        new_client: Makes clients of its connection, with options instead of those of the connection.
        context: Of the try.
        log: Of the task instance.
        task_id: The id of the remote task, if this try has it already.
        is_follow_up: What is known of that; see the attribute.

    Attributes:
        options: What the user wants.
        use: What the DAG says about its session.
        policy: Who may go on in its session.
        interruption: Whether the worker received SIGTERM.
        task_id: Its id, once it is known.
        session_id: That of its session.
        page: What the page of the task instance is told.
        live_view: Where its browser can be seen, as far as that may be said.
        has_ended: It is known to run no more.
        found_ended: It is that of an earlier try, and had ended already.
        is_shared: Another task instance made it, under the same `key`.
        is_follow_up: It continues a session, in whose browser it has to go on.
        result: The XCom value, once it has done its work; what is too large for that may not be delivered yet.
    """

    def __init__(
        self,
        options: TaskOptions,
        use: SessionUse,
        new_client: Callable[..., BrowserUseClient],
        context: Context,
        log: Any,
        task_id: str | None = None,
        *,
        is_follow_up: bool = False,
    ) -> None:
        self.options = options
        self.use = use
        self.new_client = new_client
        self.context = context
        self.log = log
        self.ti: Any = context["ti"]
        self.identity = RemoteIdentity.of(context)
        begun_here = options.session_id is None and use.starts
        self.policy = SessionPolicy.of(use, keep_session=options.keep_session, begun_here=begun_here)
        self.interruption = Interruption()
        self.task_id = task_id
        follows_id = not begun_here and not group_session.is_name(options.session_id)
        self.session_id: str | None = options.session_id if follows_id else None
        self.page = InstancePage(self.ti, options.browser_use_conn_id, show_live_url=options.show_live_url)
        self.live_view: str | None = None
        self.max_cost_usd = options.max_cost_usd
        self.result: dict[str, Any] | None = None
        self.has_ended = False
        self.found_ended = False
        self._session_closed = False
        self.is_shared = False
        self.is_follow_up = is_follow_up
        self._record = Record(context)
        if task_id is not None:
            self._recall()
            self.live_view = self._own_xcom(LIVE_URL_KEY)

    @cached_property
    def client(self) -> BrowserUseClient:
        """Made when it is first used, so that a connection without a key is an error like any other."""
        return self.new_client(sleep=self.interruption.sleep)

    def create(self, request: CreateTaskRequest, deadline: float | None) -> CreatedTask:
        """Create the remote task, or reattach to that of an earlier try; say in XCom and in the log which one it is.

        Args:
            request: What to ask.
            deadline: Seconds since the epoch after which there is no time left to wait for room, or None.
        """
        session_id = self._session_to_continue()
        group = session_id if group_session.is_name(session_id) else None
        if group:
            session_id = self._session_of(group)
            if session_id is None:
                request = self._with_settings_of_group(request)
        self.is_follow_up = session_id is not None
        creation = Creation(
            client=self.client,
            identity=self.identity,
            options=self.options,
            use=self.use,
            policy=self.policy,
            begins=session_id is None and (self.policy.owned or group is not None),
            record=self._record,
            ti=self.ti,
            log=self.log,
            sleep=self.interruption.sleep,
        )
        memory = self._record.read()
        # Airflow can run a first try in two processes, one after the other (apache/airflow#67287).
        is_first = self.identity.is_first_try and not (memory and memory.task_id)
        found = None if self.options.key or is_first else creation.reattach(session_id, memory)
        if found:
            self.found_ended = found.has_ended
            created = CreatedTask(
                id=found.id, session_id=found.session_id, key=found.key, max_cost_usd=self.options.max_cost_usd
            )
        else:
            created = creation.create(request, session_id, deadline)
        self.task_id, self.session_id, self.max_cost_usd = created.id, created.session_id, created.max_cost_usd
        reattached = found is not None
        if self.options.key and created.reattached:
            mine = bool(memory and memory.made and memory.task_id == created.id)
            if not mine and not self.identity.made(self.client.get_task(created)):
                self._leave_to_its_maker()
                self.ti.xcom_push(key=MADE_BY_ANOTHER, value=True)
            reattached = self.is_shared or not is_first
        if self.options.key and creation.ends_with_run and not self.is_shared:
            self.ti.xcom_push(key=ENDS_WITH_RUN, value=created.session_id)
        if group:
            self.ti.xcom_push(key=group_session.BEGUN_FOR, value=group)
        metrics.count_created(self.ti, reattached=reattached)
        self._record.created(created.id, created.session_id, key=created.key, made=not self.is_shared)
        self.ti.xcom_push(key="task_id", value=created.id)
        self.ti.xcom_push(key="session_id", value=created.session_id)
        self.page.tell(created.id, created.session_id)
        self._show_live_view(reattached=reattached)
        self.interruption.raise_if_asked()
        return created

    def wait(self, task: AnyTask, deadline: float | None) -> Task:
        """Wait on the worker until the remote task has ended; its steps go into the log."""
        return self.client.wait_for_task(
            task,
            deadline=deadline,
            poll_interval=self.options.poll_interval,
            on_step=lambda step: log_step(self.log, step),
            stop_on_timeout=self.options.stop_on_timeout,
            require_same_browser=self.is_follow_up,
        )

    def finish(self, task: Task) -> None:
        """Make the result of a remote task that has ended; its session is closed if nobody goes on in it."""
        self.has_ended = True
        self.task_id, self.session_id = task.id, task.session_id
        self.tell_end(task)
        if not self.is_shared and self._record.is_first_end(task.id):
            metrics.count_end(self.ti, task)
        failures.checked(task, fail_on_unsuccessful=self.options.fail_on_unsuccessful)
        session = self._session()
        result = return_value(task, session, schema_from(self.options.output_schema), self.page)
        self.result = deliver(self.client, task, result, self.options.delivery)
        outcome = outcome_of(self.state()) if self.interruption.asked else Outcome.SUCCEEDED
        cleanup = self.policy.cleanup_after(
            self.ti, Ending(Outcome.SUCCEEDED if outcome is Outcome.GOES_ON else outcome)
        )
        is_open = session is None or session.status == "active"  # `v2-flat` closes one that ends with its task
        if cleanup.close_session and is_open and self.close_session(self.client):
            session = self._session()  # a recording is there once its session is closed
            whole = cleaning.read_cost(self.client, str(self.session_id), self.log)
            if whole and whole.tasks == 1:
                self.result = {**self.result, "cost": float(whole.total_usd)}
        if session:
            self.page.push_links(session)
        lineage.describe_asset_events(self.context, self.result)

    def tell_end(self, task: Task) -> None:
        """Say in the log, and tell the page, how the remote task ended."""
        log_end(self.log, task)
        self.page.tell_end(task, paid_here=not self.is_shared)

    def settle(self, state: str) -> None:
        """Close the session after all, once this task instance's state is final and with it maybe the last one.

        Of tasks that end together, each finds that the others have not: one of them is asked again here.
        """
        if self._session_closed or not self.policy.beside or state not in ENDED:
            return
        if self.policy.cleanup_after(self.ti, Ending(outcome_of(state))).close_session:
            with self.new_client() as client:
                self.close_session(client)

    def find(self) -> Task | None:
        """The remote task that this try, or an earlier one of its generation, has said to be its own."""
        task_id = self._own_xcom("task_id")
        if task_id is None:
            return None
        self.task_id = task_id
        self._recall()
        return self.read()

    def read(self) -> Task:
        """The remote task as it is now, with its steps."""
        return self.client.get_task(self.known)

    def __enter__(self) -> RemoteTask:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> bool:
        try:
            if error is None or isinstance(error, TaskDeferred):
                return False
            if isinstance(error, TaskStoppedError):
                shut_down.wait_to_be_told(self)
            if self.interruption.asked:
                shut_down.end(self, error)
            return after_error.end(self, error)
        finally:
            if "client" in vars(self):
                metrics.count_requests_of(self.ti, self.client.traffic)
                self.client.close()

    @property
    def known(self) -> CreatedTask:
        """The remote task as one that exists: the client takes no single answer for proof that it does not."""
        return CreatedTask(id=str(self.task_id), session_id=str(self.session_id))

    @property
    def may_run(self) -> bool:
        """Whether there is a remote task that may still run."""
        return self.task_id is not None and not self.has_ended

    @property
    def has_tries_left(self) -> bool:
        """Whether Airflow would retry the task."""
        return bool(0 < self.ti.max_tries >= self.ti.try_number)

    def state(self) -> str | None:
        """The state that Airflow has for the task instance; `running` if it cannot be asked."""
        try:
            return task_states.state_of(self.ti)
        except Exception:
            self.log.warning("Airflow could not be asked for the state of this task instance.", exc_info=True)
            return TaskInstanceState.RUNNING

    def close_session(self, client: BrowserUseClient) -> bool:
        """Whether it is closed now."""
        self._session_closed = cleaning.close_session(client, str(self.session_id), self.log)
        return self._session_closed

    def _session(self) -> Session | None:
        return cleaning.read_session(self.client, str(self.session_id), self.log)

    def _session_to_continue(self) -> Any:
        if self.policy.begun_here:
            return None
        if self.options.session_id in (None, "", "None"):
            raise InvalidRequestError(f"`session_id` is empty. {whose_session(self.use)}")
        return self.options.session_id

    def _session_of(self, group: str) -> str | None:
        return group_session.session_to_continue(
            group, self.ti, self.use, wait=self.options.wait_when_busy, sleep=self.interruption.sleep
        )

    def _with_settings_of_group(self, request: CreateTaskRequest) -> CreateTaskRequest:
        """The request of the task that begins the session of a group; what the task says itself counts first."""
        settings = self.ti.xcom_pull(task_ids=self.use.group, key=group_session.SETTINGS_KEY) or {}
        own = request.browser_settings.model_dump(exclude_unset=True)
        return request.model_copy(update={"browser_settings": BrowserSettings(**{**settings, **own})})

    def _show_live_view(self, *, reattached: bool) -> None:
        session = self._session()
        self.live_view = self.page.in_text(session.live_url) if session else None
        self.log.info(
            "%s remote task %s in session %s. Live view: %s",
            "Reattached to" if reattached else "Created",
            self.task_id,
            self.session_id,
            self.live_view or "none",
        )
        if session:
            self.page.push_links(session)

    def _recall(self) -> None:
        """What this try has said in XCom before it was deferred."""
        self.session_id = self._own_xcom("session_id") or self.session_id
        if self.options.key and self._own_xcom(MADE_BY_ANOTHER):
            self._leave_to_its_maker()

    def _leave_to_its_maker(self) -> None:
        """Only wait for a remote task that another task instance made under the same `key`: its session is not ours."""
        self.is_shared = True
        self.options = replace(self.options, stop_on_timeout=False, stop_on_kill=False)
        self.policy = replace(self.policy, owned=False)

    def _own_xcom(self, key: str) -> Any:
        return self.ti.xcom_pull(task_ids=self.ti.task_id, key=key, map_indexes=self.ti.map_index)
