"""A task that was started from a block."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from prefect.blocks.abstract import JobRun

from browser_use_client import CreatedTask, CreateTaskRequest, Task, TaskError
from prefect_browser_use.earlier import noting_misfit
from prefect_browser_use.files import downloading, folder_of
from prefect_browser_use.flow_runs import FlowRunWatch
from prefect_browser_use.lifecycle import has_ended_badly
from prefect_browser_use.reports import AsyncReport, Report
from prefect_browser_use.results import BrowserTaskResult, result_of

if TYPE_CHECKING:
    from prefect_browser_use.jobs import BrowserTask


class BrowserTaskRun(JobRun[BrowserTaskResult]):
    """A task that was started from a `BrowserTask` block.

    Attributes:
        task_id: The task.
        session_id: The session that it runs in.
    """

    def __init__(self, block: BrowserTask, request: CreateTaskRequest, created: CreatedTask) -> None:
        self.task_id = created.id
        self.session_id = created.session_id
        self._block = block
        self._request = request
        self._created = created
        self._ended: Task | None = None
        self._failure: TaskError | None = None
        self._live_url: str | None = None
        self._paths: list[Path] | None = None

    def wait_for_completion(self) -> None:  # type: ignore[override] # Prefect's pairs: a sync one, and one with `a`
        """Wait until the task has ended, and close its session unless it is to be kept.

        What ends this wait from outside, such as a cancelled flow run or Ctrl+C, stops the task.

        Raises:
            TaskFailedError: The task failed.
            TaskStoppedError: Somebody stopped it.
            FlowRunEndedError: The flow run was cancelled or ended badly; the task was stopped.
            OutputFilesError: The task ended well, but its files could not be downloaded. Wait again to try again.
            BrowserUseError: Any other answer of the API.
        """
        if self._failure:
            raise self._failure
        folder, watch = folder_of(self._block.download_output_to), FlowRunWatch()
        with self._block.credentials.get_client(sleep=watch.sleep) as client:
            report = Report(client, **self._of_report(watch))
            try:
                if self._ended is None:
                    report.on_created(self._created)
                    ended = client.wait_for_task(self._created, on_step=report.on_step, on_live_url=report.on_live_url)
                    if not self._block.keep_session:
                        with report.warning(f"Session {self.session_id} may be open still"):
                            client.stop_session(self.session_id)
                    report.on_ended(ended)
                    self._ended, self._live_url = ended.raise_for_status(), report.live_url
                if folder and self._paths is None:
                    with downloading(self._ended, folder):
                        self._paths = client.download_output_files(self._ended, folder)
                    report.on_downloaded(self._paths)
            except BaseException as error:
                self._note(error)
                report.on_error(error)
                raise

    def _note(self, error: BaseException) -> None:
        """A task that ended badly is not shown again to those who wait again."""
        if has_ended_badly(error):
            self._failure = error

    def _of_report(self, watch: FlowRunWatch) -> dict[str, Any]:
        return {
            "credentials": self._block.credentials,
            "request": self._request,
            "watch": watch,
            "session_id": None,
            "keep_session": self._block.keep_session,
            "artifacts": True,
            "screenshots": False,
        }

    async def await_for_completion(self) -> None:
        """As `wait_for_completion`, for asyncio."""
        if self._failure:
            raise self._failure
        folder, watch = folder_of(self._block.download_output_to), FlowRunWatch()
        async with self._block.credentials.get_async_client(sleep=watch.asleep) as client:
            report = AsyncReport(client, **self._of_report(watch))
            try:
                if self._ended is None:
                    report.on_created(self._created)
                    ended = await client.wait_for_task(
                        self._created, on_step=report.on_step, on_live_url=report.on_live_url
                    )
                    if not self._block.keep_session:
                        with report.warning(f"Session {self.session_id} may be open still"):
                            await client.stop_session(self.session_id)
                    await report.on_ended(ended)
                    self._ended, self._live_url = ended.raise_for_status(), report.live_url
                if folder and self._paths is None:
                    with downloading(self._ended, folder):
                        self._paths = await client.download_output_files(self._ended, folder)
                    report.on_downloaded(self._paths)
            except BaseException as error:
                self._note(error)
                await report.on_error(error)
                raise

    def fetch_result(self) -> BrowserTaskResult:  # type: ignore[override] # see above
        """What the task returned. Asks the server nothing.

        Raises:
            RuntimeError: It was not waited for yet, or not successfully.
            OutputSchemaError: The output does not fit the block's schema.
        """
        if self._ended is None:
            raise RuntimeError(f"Task {self.task_id} has no result yet: call wait_for_completion() first.")
        with noting_misfit(self._ended):
            return result_of(self._ended, self._block.output_schema, self._live_url, self._paths)

    async def afetch_result(self) -> BrowserTaskResult:
        """As `fetch_result`."""
        return self.fetch_result()
