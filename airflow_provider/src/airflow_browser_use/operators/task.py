"""The operator that runs one Browser Use task."""

from __future__ import annotations

import time
from contextlib import contextmanager
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

from airflow_browser_use import failures
from airflow_browser_use.compat import is_dag_test
from airflow_browser_use.files import as_list
from airflow_browser_use.follow_ups import SessionUse
from airflow_browser_use.hooks import BrowserUseHook
from airflow_browser_use.interruption import striking_time_out
from airflow_browser_use.lineage import openlineage
from airflow_browser_use.links import LiveViewLink, RecordingLink
from airflow_browser_use.operators.task_arguments import TaskArguments
from airflow_browser_use.remote import RemoteTask
from airflow_browser_use.results import log_step
from airflow_browser_use.triggers import LATEST_RESUME_SECONDS, BrowserUseTaskTrigger
from browser_use_client import TaskUnreachableError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import NoReturn

    from airflow.providers.common.compat.sdk import Context
    from airflow.providers.openlineage.extractors import OperatorLineage

    from browser_use_client import BrowserUseClient


class BrowserUseTaskOperator(TaskArguments):
    """Run a Browser Use task exactly once, and return what came of it.

    A retry reattaches to the remote task, also to one that has finished. A clear stops the old one and starts anew.

    `task_id` and `session_id` are in XCom under these keys as soon as the remote task exists, and `output` once it has
    done its work. `return_value` is an object with `task_id, session_id, status, is_success, output, output_path,
    steps, live_url, share_url, cost` (US dollars) and `output_files`. `session_id`, `task_id` and `cost` are also the
    `extra` of the asset events of `outlets`.

    Args:
        task: The prompt. (templated)
        session_id: The session to continue, such as `log_in.output["session_id"]`. Default: a new one. (templated)
        keep_session: Whether the session stays open after success. Default: exactly when a task downstream continues
            it; a session that no Browser Use task of this DAG started is left as it is.
        agent_settings: The fields of `AgentSettings`: `llm`, `start_url` and so on. (templated)
        model_params: Parameters of the model's own provider, which are passed on (`v4`). (templated)
        browser_settings: The fields of `BrowserSettings` for a new session, such as `profile`. (templated)
        output_schema: What the result must look like: a pydantic model or another type, a JSON schema, or the dotted
            path of either. The `output` in XCom is then parsed.
        secrets: Values for the agent to type but not to see, as references to connections or variables, or one to a
            mapping of them. (templated)
        secret_domains: On which hosts secrets may be typed (`v4`): host names for all of them, or a mapping of the name
            of each to its host names. (templated)
        files: Files for the agent: paths on the worker, or URLs in object storage such as `s3://bucket/key`, which
            the worker fetches. Uploaded before the task is created. At most 10 MB each. (templated)
        download_output_to: A folder on the worker, or in object storage, for the files that a successful task leaves.
            Each keeps its own name, and its entry in `output_files` gets a `path`. (templated)
        max_xcom_bytes: The most bytes that `output` may take in XCom, as JSON. Default: 1,000,000; None for no limit.
        large_output_to: A folder, as above, for an output past that: `{task_id}.json`. In XCom, `output_path` then says
            where it is, and `output` is null. Default: a larger output fails the task; a retry with a higher limit
            reattaches to the finished task. (templated)
        workspace_id: The workspace with the files of an earlier task (`v4`). (templated)
        metadata: Strings to find the remote task by (`v2`). (templated)
        key: Under which the remote task is created, and found again by every run of every DAG within 7 days: what is
            done under it is done once. Default: one of this task instance, so that each run and each clear has a task
            of its own. (templated)
        timeout: Seconds (or a timedelta) after which a try stops the remote task and fails. Default: none.
            `execution_timeout` counts as well, also while the task is deferred.
        max_cost_usd: US dollars. In `v2-flat`, what the remote task may cost: the first poll that says it has cost more
            stops it, and the task fails without retries. In `v4`, what its session may cost, for the server to see to.
            `v2-nested` refuses it. (templated)
        poll_interval: Seconds between polls, or a timedelta. Default: 0.5 at first, up to 5 for long tasks.
        wait_when_busy: Seconds, or a timedelta, to wait for a session that runs another task, or for a plan that is
            full. On the worker, and not past `timeout`.
        fail_on_unsuccessful: Fail, without retries, when the agent finished but reports no success.
        stop_on_timeout: Stop the remote task when it is late; otherwise it is left running.
        stop_on_kill: Stop it when the Airflow task is marked failed or successful, or cleared while it runs. A worker
            that is shut down leaves it to the retry, and stops it where there is none.
        show_live_url: Write the live URL, a credential, into XCom, log and messages. Default: `[browser_use]
            show_live_url`, else no; from Airflow 3.1 on the URL of the task's page stands there instead.
        browser_use_conn_id: The connection. (templated)
        deferrable: Wait in the triggerer. Default: `[operators] default_deferrable`.

    Raises:
        AirflowFailException: What another try cannot mend: a wrong key, no credits, a bad request, a file that is not
            there, a session that is closed, an agent that reports no success, a task that somebody stopped.
        BrowserUseError: What a retry may mend; each kind its own class.
    """

    works_in_session: ClassVar[bool] = True
    """For `SessionUse`."""
    operator_extra_links = (LiveViewLink(), RecordingLink())
    ui_color = "#ffe3cc"
    _remote: RemoteTask | None = None
    _api_version: str | None = None

    @cached_property
    def hook(self) -> BrowserUseHook:
        """The hook of this task's connection."""
        return BrowserUseHook(self.browser_use_conn_id)

    @cached_property
    def session_use(self) -> SessionUse:
        """What this task does with its session, as the DAG says."""
        return SessionUse.by(self)

    def execute(self, context: Context) -> Any:
        """Create the remote task, or reattach to the one that exists, and wait for it here or in the triggerer."""
        deadline = self._deadline()
        with self._remote_task(context) as remote:
            created = remote.create(self._request(), deadline)
            if self.deferrable and not remote.found_ended:
                self._defer(remote, deadline)
            remote.finish(remote.wait(created, deadline))
        return self._returned(remote)

    def execute_complete(
        self,
        context: Context,
        event: dict[str, Any],
        try_number: int | None = None,
        api_version: str | None = None,
        is_follow_up: bool = False,
    ) -> Any:
        """Resume after the trigger: fetch the result, or fail as the event says.

        What the server speaks, and whether the task is a follow-up, comes along from the process that deferred.

        Airflow 3 before 3.1.1 resumes a retry here too, with the event of the try that failed (apache/airflow#56704).
        So a try that did not defer itself begins anew.

        SQLite gives a new trigger the id of a deleted one. So soon after a clear, the event may be that of the trigger
        before it, about the task that the clear has stopped; then this try goes on waiting for its own.
        """
        ti: Any = context["ti"]
        self._api_version = api_version
        if try_number not in (None, ti.try_number):
            return self.execute(context)
        own_id = ti.xcom_pull(task_ids=ti.task_id, key="task_id", map_indexes=ti.map_index)
        if own_id not in (None, event["browser_task_id"]):
            with self._remote_task(context, own_id, is_follow_up=is_follow_up) as remote:
                self._defer(remote, self._deadline())
        with self._remote_task(context, event["browser_task_id"], is_follow_up=is_follow_up) as remote:
            if event["error"] is not None:
                raise failures.from_event(event["error"], event["browser_task_id"])
            task = remote.read()
            self.task = task.task or self.task  # a function that made the prompt is not called again
            for step in task.steps[event["steps_logged"] :]:
                log_step(self.log, step)
            if is_follow_up and task.browser_reused is False:  # it has ended before the trigger saw that
                task = remote.wait(remote.known, deadline=None)
            remote.finish(task)
        return self._returned(remote)

    def resume_execution(self, next_method: str, next_kwargs: dict[str, Any] | None, context: Context) -> Any:
        """Resume after the trigger, also where it ended without an event and left the remote task running.

        That is so when the trigger timed out (`BaseTrigger.on_kill` is not called then) and when it failed.
        """
        if next_method != "__fail__":
            return super().resume_execution(next_method, next_kwargs, context)
        reason = next_kwargs or {}
        with self._remote_task(context) as remote:
            task = remote.find()
            if task is None:
                return super().resume_execution(next_method, next_kwargs, context)
            if reason.get("error") != "Trigger timeout":
                self.log.error("The trigger failed.\n%s", "".join(reason.get("traceback") or ()))
                raise TaskUnreachableError(
                    f"The trigger that waited for task {task.id} failed; the task may still run.",
                    task_id=task.id,
                    session_id=task.session_id,
                )
            remote.finish(remote.wait(task, deadline=0.0))
        return self._returned(remote)

    def _returned(self, remote: RemoteTask) -> dict[str, Any] | None:
        """The XCom value. Its output is under a key of its own as well, since `.output["output"]` means that."""
        if remote.result and self.do_xcom_push:
            remote.ti.xcom_push(key="output", value=remote.result["output"])
        return remote.result

    def on_kill(self) -> None:
        """Let the try end, which then asks Airflow why, and cleans up accordingly; see `stop_on_kill`."""
        if self._remote:
            self._remote.interruption.ask()

    def settle_browser_session(self, state: str) -> None:
        """Close the session if this was the last task in it; the plugin calls this when the state is final."""
        if self._remote:
            self._remote.settle(state)

    def get_openlineage_facets_on_start(self) -> OperatorLineage[Any, Any]:
        """Tell OpenLineage, which calls this, where files come from and go to."""
        return self._lineage(None)

    def get_openlineage_facets_on_complete(self, task_instance: Any) -> OperatorLineage[Any, Any]:  # noqa: ARG002 - its signature
        """Tell it also which remote task there was, however the try ended."""
        return self._lineage(self._remote)

    def _lineage(self, remote: RemoteTask | None) -> OperatorLineage[Any, Any]:
        result = (remote and remote.result) or {}
        return openlineage(
            inputs=as_list(self.files),
            outputs=[self.download_output_to, result.get("output_path")],
            remote=(remote.task_id, remote.client.base_url) if remote and remote.task_id else None,
        )

    @contextmanager
    def _remote_task(
        self, context: Context, browser_task_id: str | None = None, *, is_follow_up: bool = False
    ) -> Iterator[RemoteTask]:
        """The remote task of this try, kept for `on_kill` and OpenLineage."""
        self._remote = RemoteTask(
            self._options(),
            self.session_use,
            self._new_client,
            context,
            self.log,
            browser_task_id,
            is_follow_up=is_follow_up,
        )
        with striking_time_out(self.execution_timeout), self._remote as remote:
            yield remote

    def _new_client(self, **options: Any) -> BrowserUseClient:
        known = {"api_version": self._api_version} if self._api_version else {}
        return self.hook.new_client(**known, **options)

    def _defer(self, remote: RemoteTask, deadline: float | None) -> NoReturn:
        """Go to the triggerer. Airflow's own time-out is the last resort: no triggerer may live to see the deadline."""
        api_version = remote.client.get_api_version()
        self.defer(
            trigger=BrowserUseTaskTrigger(
                browser_use_conn_id=self.browser_use_conn_id,
                browser_task_id=str(remote.task_id),
                deadline=deadline,
                poll_interval=self.poll_interval,
                stop_on_timeout=remote.options.stop_on_timeout,
                stop_on_kill=remote.options.stop_on_kill,
                browser_session_id=remote.session_id,
                session_policy=remote.policy.to_values(),
                max_cost_usd=None if remote.max_cost_usd is None else str(remote.max_cost_usd),
                api_version=api_version,
                in_dag_test=is_dag_test(),
                require_same_browser=remote.is_follow_up,
            ),
            method_name=self.execute_complete.__name__,
            kwargs={
                "try_number": remote.ti.try_number,
                "api_version": api_version,
                "is_follow_up": remote.is_follow_up,
            },
            timeout=None if deadline is None else timedelta(seconds=deadline - time.time() + LATEST_RESUME_SECONDS),
        )
