"""Links of a task instance in the UI.

Airflow reads a link from XCom, and by itself writes it only when the task defers or ends. The operators write these
keys as soon as they know the URLs, so the links work while the task runs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from airflow.providers.common.compat.sdk import BaseOperatorLink, XCom

from airflow_browser_use.pages import HAS_PAGES, LIVE_URL_KEY, PAGE_KEY, RECORDING_KEY

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import BaseOperator, TaskInstanceKey


class _XComLink(BaseOperatorLink):
    KEY: ClassVar[str]

    @property
    def xcom_key(self) -> str:
        """Where the operator puts the URL."""
        return self.KEY

    def get_link(self, operator: BaseOperator, *, ti_key: TaskInstanceKey) -> str:  # noqa: ARG002 - Airflow's signature
        """The URL, or nothing if there is none."""
        return XCom.get_value(key=self.KEY, ti_key=ti_key) or ""


class LiveViewLink(_XComLink):
    """To the page of the task instance in Airflow's UI, with the live browser; below 3.1, to the live URL itself.

    That one is there only if the user has asked for it, or if it is the local server's.
    """

    KEY = PAGE_KEY if HAS_PAGES else LIVE_URL_KEY

    @property
    def name(self) -> str:
        """The text of the button."""
        return "Live view"


class RecordingLink(_XComLink):
    """To the session's public link if it has one, else to its recording."""

    KEY = RECORDING_KEY

    @property
    def name(self) -> str:
        """The text of the button."""
        return "Recording / public share"
