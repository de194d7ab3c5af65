"""Links of a task instance in the UI.

Airflow reads a link from XCom, and by itself writes it only when the task defers or ends. The operators write these
keys as soon as they know the URLs, so the links work while the task runs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from airflow.providers.common.compat.sdk import BaseOperatorLink, XCom

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import BaseOperator, TaskInstanceKey

    from browser_use_client import Session


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
    """To where the browser can be watched while the session is open."""

    KEY = "live_url"

    @property
    def name(self) -> str:
        """The text of the button."""
        return "Live view"


class RecordingLink(_XComLink):
    """To the session's public link if it has one, else to its recording."""

    KEY = "recording_url"

    @property
    def name(self) -> str:
        """The text of the button."""
        return "Recording / public share"


def push_links(ti: Any, session: Session) -> None:
    """Write the URLs that a session has by now.

    Args:
        ti: The task instance.
        session: The session.
    """
    for key, url in (
        (LiveViewLink.KEY, session.live_url),
        (RecordingLink.KEY, session.share_url or session.recording_url),
    ):
        if url:
            ti.xcom_push(key=key, value=url)
