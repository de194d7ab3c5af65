"""What one call of a Browser Use task is made of, for both of its twins."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from browser_use_client import CreateTaskRequest, RunOptions, Task
from browser_use_client.flows.lookup import ReadLists
from prefect_browser_use.credentials import BrowserUseCredentials
from prefect_browser_use.earlier import Earlier, noting_misfit
from prefect_browser_use.files import folder_of, paths_of
from prefect_browser_use.flow_runs import FlowRunWatch
from prefect_browser_use.inputs import build_request, load_credentials
from prefect_browser_use.options import DEFAULTS, TaskOptions
from prefect_browser_use.places import Place
from prefect_browser_use.reports import AsyncReport, Report
from prefect_browser_use.results import BrowserTaskResult, result_of


@dataclass(frozen=True)
class BrowserTaskCall:
    """One call, its arguments checked.

    Attributes:
        request: What is asked.
        block: The account.
        files: What is uploaded.
        folder: Where to what the task leaves behind is downloaded; None for nowhere.
        options: The options, with their defaults.
    """

    request: CreateTaskRequest
    block: BrowserUseCredentials
    files: tuple[Path, ...]
    folder: Path | None
    options: TaskOptions

    @classmethod
    def of(cls, task: str | CreateTaskRequest, options: TaskOptions) -> BrowserTaskCall:
        """The call that is meant. Blocks: saved blocks are read from Prefect's server.

        Raises:
            TypeError: An argument is something else, as it is when it was mapped over.
            InvalidRequestError: A value cannot be sent; says which.
        """
        options = {**DEFAULTS, **options}
        return cls(
            request=build_request(task, options),
            block=load_credentials(options["credentials"]),
            files=paths_of(options["files"]),
            folder=folder_of(options["download_output_to"]),
            options=options,
        )

    @property
    def limit(self) -> str | None:
        """The concurrency limit that it takes a slot of."""
        return self.options["concurrency_limit"]

    @property
    def shown(self) -> dict[str, Any]:
        """What a report has to know."""
        names = ("session_id", "keep_session", "artifacts", "screenshots", "show_live_url")
        return {name: value for name, value in self.options.items() if name in names}

    def earlier(self, place: Place | None, watch: FlowRunWatch) -> Earlier:
        """What earlier tries of it left behind. Blocks."""
        earlier = Earlier(
            self.block,
            place,
            self.request,
            session_id=self.options["session_id"],
            keep_session=self.options["keep_session"],
            files=self.files,
            key=self.options["key"],
            output_schema=self._schema,
            fail_on_unsuccessful=self.options["fail_on_unsuccessful"],
            sleep=watch.sleep,
        )
        earlier.look_up()
        return earlier

    def run_options(self, earlier: Earlier, report: Report | AsyncReport, lists: ReadLists) -> RunOptions:
        """How the client runs it.

        Args:
            earlier: What earlier tries left behind.
            report: Is told how it goes.
            lists: Says how the lists of tasks stand, as `earlier` does.
        """
        return {
            "on_created": report.on_created,
            "on_step": report.on_step,
            "on_live_url": report.on_live_url,
            "lists": lists,
            "key": earlier.key,
            "key_after": earlier.since,
            "key_is_new": earlier.is_new,
            "accept": earlier.accept,
            "files": self.files,
            "session_id": earlier.session_id,
            "keep_session": self.options["keep_session"],
            "wait_when_busy": self.options["wait_when_busy"],
            "poll_interval": self.options["poll_interval"],
            "stop_on_interrupt": False,
            "fail_on_unsuccessful": self.options["fail_on_unsuccessful"],
        }

    def result(self, ended: Task, live_url: str | None, paths: Sequence[Path] | None) -> BrowserTaskResult:
        """What it returns.

        Raises:
            OutputSchemaError: The output does not fit.
        """
        with noting_misfit(ended):
            return result_of(ended, self._schema, live_url, paths)

    @property
    def _schema(self) -> Any:
        return self.options["output_schema"] or self.request.output_schema
