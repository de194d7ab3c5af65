"""A Browser Use task as a block: saved once, run from anywhere."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

from prefect.blocks.abstract import JobBlock
from prefect.blocks.fields import SecretDict
from pydantic import Field, SecretStr

from browser_use_client import AgentSettings, BrowserSettings, CreatedTask, CreateTaskRequest
from prefect_browser_use.credentials import DOCUMENTATION, LOGO, BrowserUseCredentials
from prefect_browser_use.earlier import Earlier
from prefect_browser_use.fields import SECRETIVE, refuse_unknown_fields
from prefect_browser_use.flow_runs import FlowRunWatch
from prefect_browser_use.job_runs import BrowserTaskRun
from prefect_browser_use.options import WAIT_WHEN_BUSY_SECONDS
from prefect_browser_use.places import Place
from prefect_browser_use.results import BrowserTaskResult
from prefect_browser_use.started import Started, stop_noted
from prefect_browser_use.stops import await_stops


class BrowserTask(JobBlock[BrowserTaskResult]):
    """A Browser Use task, ready to be run.

    Attributes:
        task: The prompt.
        credentials: Where the API is and who asks.
        output_schema: A JSON schema that the result must fit.
        secrets: What the agent types but does not see, by name.
        agent_settings: How the agent works.
        browser_settings: How a new session is started.
        secret_domains: On which hosts secrets may be typed (`v4`).
        workspace_id: The workspace with the files of an earlier task (`v4`).
        max_cost_usd: US dollars: what the task may cost (`v2-flat`), or the session with all of its tasks (`v4`).
        metadata: Strings to find the task by (`v2`).
        files: Files for the task, where the process that runs it finds them.
        download_output_to: A folder there, for the files that the task leaves behind.
        keep_session: Whether the session stays open after the task, for follow-ups.

    Raises:
        ValueError: A field does not exist, or cannot be that.

    Example:
        ```python
        from prefect_browser_use import BrowserTask

        block = BrowserTask.load("BLOCK_NAME")
        run = block.trigger()
        run.wait_for_completion()
        result = run.fetch_result()
        ```
    """

    _block_type_name = "Browser Use Task"
    _block_type_slug = "browser-use-task"
    _logo_url = LOGO
    _documentation_url = DOCUMENTATION

    model_config = SECRETIVE

    task: str = Field(description="The prompt.")
    credentials: BrowserUseCredentials = Field(
        default_factory=BrowserUseCredentials, description="Where the API is and who asks."
    )
    output_schema: dict[str, Any] | None = Field(
        default=None, title="Output schema", description="A JSON schema that the result must fit."
    )
    secrets: SecretDict | None = Field(default=None, description="What the agent types but does not see, by name.")
    agent_settings: AgentSettings = Field(
        default_factory=AgentSettings, title="Agent", description="How the agent works."
    )
    browser_settings: BrowserSettings = Field(
        default_factory=BrowserSettings, title="Browser", description="How a new session is started."
    )
    secret_domains: tuple[str, ...] | None = Field(
        default=None, title="Secret domains", description="On which hosts secrets may be typed (v4)."
    )
    workspace_id: str | None = Field(
        default=None, title="Workspace", description="The id of the workspace with the files of an earlier task (v4)."
    )
    max_cost_usd: Decimal | None = Field(
        default=None,
        gt=0,
        title="Cost limit",
        description="US dollars: what the task may cost (v2-flat), or the session with all of its tasks (v4).",
    )
    metadata: dict[str, str] = Field(default_factory=dict, description="Strings to find the task by.")
    files: list[str] = Field(
        default_factory=list, description="Files for the task, where the process that runs it finds them."
    )
    download_output_to: str | None = Field(
        default=None,
        title="Download output to",
        description="A folder there, for the files that the task leaves behind.",
    )
    keep_session: bool = Field(
        default=False,
        title="Keep session",
        description="Whether the session stays open after the task, for follow-ups.",
    )

    def block_initialization(self) -> None:
        """Refuses a field that is none: a misspelt limit would be no limit."""
        refuse_unknown_fields(self)

    def trigger(self, session_id: str | None = None) -> BrowserTaskRun:  # type: ignore[override] # see BrowserTaskRun
        """Start the task. A flow run that starts again finds the one that it started before.

        Args:
            session_id: The session to continue. Default: a new one.

        Returns:
            The run, to wait for.

        Raises:
            BrowserUseError: The task could not be started.
        """
        request, watch = self._request(session_id), FlowRunWatch()
        earlier = self._earlier(self._place(session_id), request, session_id, watch)
        with self.credentials.get_client(sleep=watch.sleep) as client:
            watch.sleep(0)
            created = client.create_task(
                earlier.request,
                key=earlier.key,
                key_after=earlier.since,
                key_is_new=earlier.is_new,
                lists=earlier.lists,
                accept=earlier.accept,
                files=self.files,
                session_id=earlier.session_id,
                keep_session=self.keep_session,
                wait_when_busy=WAIT_WHEN_BUSY_SECONDS,
            )
        return self._started(request, created, watch)

    async def atrigger(self, session_id: str | None = None) -> BrowserTaskRun:
        """As `trigger`, for asyncio. If it is cancelled, what it started is stopped, since nobody is told of it."""
        runs: list[BrowserTaskRun] = []
        place = self._place(session_id)  # here, where the call is made

        async def create() -> BrowserTaskRun:
            runs.append(await self._create(session_id, place))
            return runs[0]

        try:
            return await FlowRunWatch().until_created(create(), lambda: bool(runs))
        except BaseException:
            await await_stops([stop for run in runs for stop in stop_noted(run.task_id)])
            raise

    async def _create(self, session_id: str | None, place: Place | None) -> BrowserTaskRun:
        """Creates the task, and notes it as one that runs."""
        request, watch = self._request(session_id), FlowRunWatch()
        earlier = await asyncio.to_thread(self._earlier, place, request, session_id, watch)
        async with self.credentials.get_async_client(sleep=watch.asleep) as client:
            await watch.asleep(0)
            created = await client.create_task(
                earlier.request,
                key=earlier.key,
                key_after=earlier.since,
                key_is_new=earlier.is_new,
                lists=lambda: asyncio.to_thread(earlier.lists),
                accept=earlier.accept,
                files=self.files,
                session_id=earlier.session_id,
                keep_session=self.keep_session,
                wait_when_busy=WAIT_WHEN_BUSY_SECONDS,
            )
        return self._started(request, created, watch)

    def _started(self, request: CreateTaskRequest, created: CreatedTask, watch: FlowRunWatch) -> BrowserTaskRun:
        self.logger.info("Browser Use task %s started in session %s", created.id, created.session_id)
        session = Started(watch, self.credentials, self.logger, created.session_id)
        if self.keep_session and request.browser_settings.session_id is None:
            session.note()
        replace(session, task=created, keeps_session=self.keep_session).note()
        return BrowserTaskRun(self, request, created)

    def _request(self, session_id: str | None) -> CreateTaskRequest:
        secrets = self.secrets.get_secret_value() if self.secrets else {}
        settings = self.browser_settings
        return CreateTaskRequest(
            task=self.task,
            output_schema=json.dumps(self.output_schema) if self.output_schema else None,
            secrets={name: SecretStr(value) for name, value in secrets.items()},
            agent_settings=self.agent_settings,
            browser_settings=BrowserSettings(session_id=session_id) if session_id else settings,
            secret_domains=self.secret_domains,
            workspace_id=self.workspace_id,
            max_cost_usd=self.max_cost_usd,
            metadata=self.metadata,
        )

    def _place(self, session_id: str | None) -> Place | None:
        return Place.of("trigger", [self, session_id])

    def _earlier(
        self, place: Place | None, request: CreateTaskRequest, session_id: str | None, watch: FlowRunWatch
    ) -> Earlier:
        earlier = Earlier(
            self.credentials,
            place,
            request,
            session_id=session_id,
            keep_session=self.keep_session,
            files=[Path(file) for file in self.files],
            output_schema=self.output_schema,
            sleep=watch.sleep,
        )
        earlier.look_up()
        return earlier
