"""Browser Use tasks as Prefect tasks."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from prefect.concurrency.asyncio import concurrency as aconcurrency
from prefect.concurrency.sync import concurrency

from browser_use_client import AgentSettings, BrowserSettings, CreateTaskRequest, OutputSchema
from prefect_browser_use.earlier import Earlier, noting_misfit
from prefect_browser_use.files import downloading, folder_of, paths_of
from prefect_browser_use.flow_runs import FlowRunWatch
from prefect_browser_use.inputs import Credentials, SecretValue, build_request, load_credentials
from prefect_browser_use.places import Place
from prefect_browser_use.reports import AsyncReport, Report
from prefect_browser_use.results import BrowserTaskResult, result_of
from prefect_browser_use.task_type import browser_use_task

PATIENCE = 600.0
"""Seconds."""


@browser_use_task("run-browser-task")
def run_browser_task(
    task: str | CreateTaskRequest,
    *,
    credentials: Credentials = None,
    session_id: str | None = None,
    keep_session: bool = False,
    output_schema: OutputSchema | None = None,
    secrets: dict[str, SecretValue] | None = None,
    agent_settings: AgentSettings | dict[str, Any] | None = None,
    browser_settings: BrowserSettings | dict[str, Any] | None = None,
    metadata: dict[str, str] | None = None,
    files: Sequence[str | Path] = (),
    download_output_to: str | Path | None = None,
    key: str | None = None,
    wait_when_busy: float = PATIENCE,
    concurrency_limit: str | None = None,
    poll_interval: float | None = None,
    fail_on_unsuccessful: bool = True,
    artifacts: bool = True,
    screenshots: bool = False,
    _place: Place | None = None,
) -> BrowserTaskResult:
    """Run a Browser Use task and wait until it has ended.

    It is created once: a retry of this task, of its flow, or a flow run that starts again after its process was
    killed finds what was started before. Two identical calls in one flow are two tasks. If the flow run is
    cancelled or times out, the Browser Use task is stopped.

    Args:
        task: The prompt, or a whole request; what is given beside a request replaces its fields.
        credentials: A block, the name of a saved one, or None for `BROWSER_USE_API_KEY` and
            `BROWSER_USE_BASE_URL` of the process.
        session_id: The session to continue. Default: a new one.
        keep_session: Leave the session open for follow-ups. Stop it later.
        output_schema: What the result must look like: a pydantic model, any type that pydantic understands, or a
            JSON schema as mapping or text. `output` then holds JSON values that fit.
        secrets: What the agent types but does not see: `SecretStr`, `Secret` blocks, or `secret/NAME` for a saved
            one. Name them in the prompt as `{{name}}`.
        agent_settings: How the agent works.
        browser_settings: How a new session is started.
        metadata: Strings to find the task by; sent back with it.
        files: Files for the task, uploaded before it is created: at most 10 MB each.
        download_output_to: A folder for the files that the task leaves behind, made if it is not there. They are
            downloaded when the task has ended well; a file of the same name is replaced.
        key: Under which the task is created and found again, from any flow run of the last 7 days. Default: one
            of this call in this flow run.
        wait_when_busy: Seconds to wait while the session runs another task, or while the plan's sessions are all
            in use.
        concurrency_limit: A global concurrency limit of Prefect's, of which this takes one slot while it runs. One
            that does not exist is an error.
        poll_interval: Seconds between polls; longer where many tasks wait in one process. Default: 0.5 at first, up to
            5 for long tasks.
        fail_on_unsuccessful: Fail if the task finished but its agent says that it did not succeed.
        artifacts: Show the live view, the progress, the steps and the result as artifacts.
        screenshots: Show the picture of each step, too.

    Returns:
        How it ended.

    Raises:
        TaskFailedError: The task failed.
        TaskStoppedError: Somebody stopped it.
        FlowRunEndedError: The flow run was cancelled or ended badly; the task was stopped.
        OutputSchemaError: The output does not fit. A retry asks again: in a new task, or where the session is kept.
        OutputFilesError: The task ended well, but its files could not be downloaded. A retry downloads them again.
        SessionStoppedError: The session to continue is closed.
        BrowserUseError: Any other answer of the API, each as its own class.
        TypeError: An argument is something else, as it is when it was mapped over.
    """
    request = build_request(
        task,
        output_schema=output_schema,
        secrets=secrets,
        agent_settings=agent_settings,
        browser_settings=browser_settings,
        metadata=metadata,
    )
    uploads, folder = paths_of(files), folder_of(download_output_to)
    watch, block = FlowRunWatch(), load_credentials(credentials)
    limit = concurrency(concurrency_limit, strict=True) if concurrency_limit else nullcontext()
    with block.get_client(sleep=watch.sleep) as client, limit:
        watch.sleep(0)  # the flow run may have ended while this waited for its slot
        report = Report(
            client,
            block,
            request,
            watch,
            session_id=session_id,
            keep_session=keep_session,
            artifacts=artifacts,
            screenshots=screenshots,
        )
        try:
            earlier = Earlier(
                block,
                _place,
                request,
                session_id=session_id,
                keep_session=keep_session,
                files=uploads,
                key=key,
                output_schema=output_schema or request.output_schema,
                fail_on_unsuccessful=fail_on_unsuccessful,
                sleep=watch.sleep,
            )
            earlier.look()
            ended = client.run_task(
                earlier.request,
                key=earlier.key,
                key_after=earlier.since,
                key_is_new=earlier.is_new,
                find=earlier.find,
                accept=earlier.accept,
                files=uploads,
                session_id=earlier.session_id,
                keep_session=keep_session,
                wait_when_busy=wait_when_busy,
                poll_interval=poll_interval,
                on_created=report.on_created,
                on_step=report.on_step,
                on_live_url=report.on_live_url,
                stop_on_interrupt=False,
                fail_on_unsuccessful=fail_on_unsuccessful,
            )
            report.on_ended(ended)
            paths = None
            if folder:
                with downloading(ended, folder):
                    paths = client.download_output_files(ended, folder)
                report.on_downloaded(paths)
        except BaseException as error:
            report.on_error(error)
            raise
    with noting_misfit(ended):
        return result_of(ended, output_schema or request.output_schema, report.live_url, paths)


@browser_use_task("arun-browser-task")
async def arun_browser_task(
    task: str | CreateTaskRequest,
    *,
    credentials: Credentials = None,
    session_id: str | None = None,
    keep_session: bool = False,
    output_schema: OutputSchema | None = None,
    secrets: dict[str, SecretValue] | None = None,
    agent_settings: AgentSettings | dict[str, Any] | None = None,
    browser_settings: BrowserSettings | dict[str, Any] | None = None,
    metadata: dict[str, str] | None = None,
    files: Sequence[str | Path] = (),
    download_output_to: str | Path | None = None,
    key: str | None = None,
    wait_when_busy: float = PATIENCE,
    concurrency_limit: str | None = None,
    poll_interval: float | None = None,
    fail_on_unsuccessful: bool = True,
    artifacts: bool = True,
    screenshots: bool = False,
    _place: Place | None = None,
) -> BrowserTaskResult:
    """As `run_browser_task`, for asyncio."""
    request = await asyncio.to_thread(
        build_request,
        task,
        output_schema=output_schema,
        secrets=secrets,
        agent_settings=agent_settings,
        browser_settings=browser_settings,
        metadata=metadata,
    )
    uploads, folder = paths_of(files), folder_of(download_output_to)
    watch = FlowRunWatch()
    block = await asyncio.to_thread(load_credentials, credentials)
    limit = aconcurrency(concurrency_limit, strict=True) if concurrency_limit else nullcontext()
    async with block.get_async_client(sleep=watch.asleep) as client, limit:
        await watch.asleep(0)  # the flow run may have ended while this waited for its slot
        report = AsyncReport(
            client,
            block,
            request,
            watch,
            session_id=session_id,
            keep_session=keep_session,
            artifacts=artifacts,
            screenshots=screenshots,
        )
        try:
            earlier = await asyncio.to_thread(
                Earlier,
                block,
                _place,
                request,
                session_id=session_id,
                keep_session=keep_session,
                files=uploads,
                key=key,
                output_schema=output_schema or request.output_schema,
                fail_on_unsuccessful=fail_on_unsuccessful,
                sleep=watch.sleep,
            )
            await asyncio.to_thread(earlier.look)
            run = client.run_task(
                earlier.request,
                key=earlier.key,
                key_after=earlier.since,
                key_is_new=earlier.is_new,
                find=lambda key: asyncio.to_thread(earlier.find, key),
                accept=earlier.accept,
                files=uploads,
                session_id=earlier.session_id,
                keep_session=keep_session,
                wait_when_busy=wait_when_busy,
                poll_interval=poll_interval,
                on_created=report.on_created,
                on_step=report.on_step,
                on_live_url=report.on_live_url,
                stop_on_interrupt=False,
                fail_on_unsuccessful=fail_on_unsuccessful,
            )
            ended = await watch.until_created(run, lambda: report.has_created)
            await report.on_ended(ended)
            paths = None
            if folder:
                with downloading(ended, folder):
                    paths = await client.download_output_files(ended, folder)
                report.on_downloaded(paths)
        except BaseException as error:
            await report.on_error(error)
            raise
    with noting_misfit(ended):
        return result_of(ended, output_schema or request.output_schema, report.live_url, paths)
