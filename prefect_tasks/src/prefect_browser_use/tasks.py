"""Browser Use tasks as Prefect tasks."""

from __future__ import annotations

import asyncio
from contextlib import nullcontext
from typing import TYPE_CHECKING

from prefect.concurrency.asyncio import concurrency as aconcurrency
from prefect.concurrency.sync import concurrency

from browser_use_client import CreateTaskRequest
from prefect_browser_use.calls import BrowserTaskCall
from prefect_browser_use.files import downloading
from prefect_browser_use.flow_runs import FlowRunWatch
from prefect_browser_use.options import TaskOptions, with_task_options
from prefect_browser_use.places import Place
from prefect_browser_use.reports import AsyncReport, Report
from prefect_browser_use.results import BrowserTaskResult
from prefect_browser_use.task_type import browser_use_task

if TYPE_CHECKING:
    from typing_extensions import Unpack  # in `typing` from Python 3.11 on


@browser_use_task("run-browser-task")
@with_task_options
def run_browser_task(
    task: str | CreateTaskRequest, *, _place: Place | None = None, **options: Unpack[TaskOptions]
) -> BrowserTaskResult:
    """Run a Browser Use task and wait until it has ended.

    It is created once: a retry of this task, of its flow, or a flow run that starts again after its process was
    killed finds what was started before. Two identical calls in one flow are two tasks. If the flow run is
    cancelled or times out, the Browser Use task is stopped.

    Args:
        task: The prompt, or a whole request; what is given beside a request replaces its fields.
        options: See `TaskOptions`.

    Returns:
        How it ended.

    Raises:
        TaskFailedError: The task failed.
        TaskStoppedError: Somebody stopped it.
        CostLimitReachedError: It has cost more than `max_cost_usd`, and was stopped (`v2-flat`).
        FlowRunEndedError: The flow run was cancelled or ended badly; the task was stopped.
        OutputSchemaError: The output does not fit. A retry asks again: in a new task, or where the session is kept.
        OutputFilesError: The task ended well, but its files could not be downloaded. A retry downloads them again.
        SessionStoppedError: The session to continue is closed.
        BrowserUseError: Any other answer of the API, each as its own class.
        TypeError: An argument is something else, as it is when it was mapped over.
    """
    call, watch = BrowserTaskCall.of(task, options), FlowRunWatch()
    limit = concurrency(call.limit, strict=True) if call.limit else nullcontext()
    with call.block.get_client(sleep=watch.sleep) as client, limit:
        watch.sleep(0)  # the flow run may have ended while this waited for its slot
        report = Report(client, call.block, call.request, watch, **call.shown)
        try:
            earlier = call.earlier(_place, watch)
            ended = client.run_task(earlier.request, **call.run_options(earlier, report, earlier.lists))
            report.on_ended(ended)
            paths = None
            if call.folder:
                with downloading(ended, call.folder):
                    paths = client.download_output_files(ended, call.folder)
                report.on_downloaded(paths)
        except BaseException as error:
            report.on_error(error)
            raise
    return call.result(ended, report.live_url, paths)


@browser_use_task("arun-browser-task")
@with_task_options
async def arun_browser_task(
    task: str | CreateTaskRequest, *, _place: Place | None = None, **options: Unpack[TaskOptions]
) -> BrowserTaskResult:
    """As `run_browser_task`, for asyncio."""
    call, watch = await asyncio.to_thread(BrowserTaskCall.of, task, options), FlowRunWatch()
    limit = aconcurrency(call.limit, strict=True) if call.limit else nullcontext()
    async with call.block.get_async_client(sleep=watch.asleep) as client, limit:
        await watch.asleep(0)  # the flow run may have ended while this waited for its slot
        report = AsyncReport(client, call.block, call.request, watch, **call.shown)
        try:
            earlier = await asyncio.to_thread(call.earlier, _place, watch)
            run_options = call.run_options(earlier, report, lambda: asyncio.to_thread(earlier.lists))
            run = client.run_task(earlier.request, **run_options)
            ended = await watch.until_created(run, lambda: report.has_created)
            await report.on_ended(ended)
            paths = None
            if call.folder:
                with downloading(ended, call.folder):
                    paths = await client.download_output_files(ended, call.folder)
                report.on_downloaded(paths)
        except BaseException as error:
            await report.on_error(error)
            raise
    return call.result(ended, report.live_url, paths)
