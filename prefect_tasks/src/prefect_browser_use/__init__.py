"""Browser Use tasks as steps of Prefect flows.

first = run_browser_task("Log in to ...", keep_session=True)
then = run_browser_task("Now open the newest order", session_id=first.session_id)
"""

from prefect_browser_use.accounts import acheck_account, check_account
from prefect_browser_use.credentials import BrowserUseCredentials
from prefect_browser_use.files import OutputFilesError
from prefect_browser_use.flow_runs import FlowRunEndedError
from prefect_browser_use.job_runs import BrowserTaskRun
from prefect_browser_use.jobs import BrowserTask
from prefect_browser_use.options import SessionTaskOptions, TaskOptions
from prefect_browser_use.results import BrowserTaskResult
from prefect_browser_use.session_tasks import astart_session, astop_session, start_session, stop_session
from prefect_browser_use.sessions import BrowserSession, abrowser_session, browser_session
from prefect_browser_use.tasks import arun_browser_task, run_browser_task

__all__ = [
    "BrowserSession",
    "BrowserTask",
    "BrowserTaskResult",
    "BrowserTaskRun",
    "BrowserUseCredentials",
    "FlowRunEndedError",
    "OutputFilesError",
    "SessionTaskOptions",
    "TaskOptions",
    "abrowser_session",
    "acheck_account",
    "arun_browser_task",
    "astart_session",
    "astop_session",
    "browser_session",
    "check_account",
    "run_browser_task",
    "start_session",
    "stop_session",
]
