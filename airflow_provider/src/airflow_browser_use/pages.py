"""What a task instance tells the pages of this provider in Airflow's UI (3.1 and newer), over XCom.

A live URL is a credential: whoever has it can drive the browser. So it stands in no XCom and no log unless the user
asks for that; the page of the task instance fetches it for a person who may see the task, at the moment they look.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from airflow.providers.common.compat.sdk import conf
from airflow.providers.common.compat.version_compat import AIRFLOW_V_3_1_PLUS

from browser_use_client.this_machine import is_of_this_machine

if TYPE_CHECKING:
    from browser_use_client import Session, Task

HAS_PAGES = AIRFLOW_V_3_1_PLUS
ROUTE = "browsers"
"""Below which route of Airflow's UI the pages are, each in a frame."""

MOUNTED_AT = "/browser-use"
"""Below which path Airflow's API server serves what is in the frame."""

RECORD_KEY = "browser_use"
PAGE_KEY = "browser_use_page"
LIVE_URL_KEY = "live_url"
RECORDING_KEY = "recording_url"

SHOW_LIVE_URL = conf.getboolean("browser_use", "show_live_url", fallback=False)
"""What operators do whose `show_live_url` is not given."""


@dataclass(frozen=True)
class PageRecord:
    """How the page of a task instance finds its remote task, and what is known of that once it has ended.

    Attributes:
        conn_id: The connection.
        task_id: The remote task; None for a task instance that only starts a session.
        session_id: Its session; None where only the server knows it.
        status: How the remote task ended.
        steps: How many steps its agent took.
        cost: US dollars that the task instance has spent, if the server says.
    """

    conn_id: str
    task_id: str | None
    session_id: str | None
    status: str | None = None
    steps: int | None = None
    cost: float | None = None

    @classmethod
    def from_xcom(cls, value: Any) -> PageRecord | None:
        """What an XCom of `RECORD_KEY` holds; None if it is of somebody else's making."""
        if not isinstance(value, dict) or not {"conn_id", "task_id", "session_id"} <= value.keys():
            return None
        return cls(**{each.name: value[each.name] for each in fields(cls) if each.name in value})


class InstancePage:
    """The page of one task instance.

    Args:
        ti: The task instance.
        conn_id: The connection, rendered.
        show_live_url: Whether the user wants live URLs in XCom and in the log.
    """

    def __init__(self, ti: Any, conn_id: str, *, show_live_url: bool) -> None:
        self._ti = ti
        self._conn_id = conn_id
        self._show_live_url = show_live_url

    def tell(self, task_id: str | None, session_id: str | None) -> None:
        """Lead the page to a remote task, or to a session that has none yet; and readers of XCom to the page."""
        if HAS_PAGES:
            self._ti.xcom_push(key=RECORD_KEY, value=asdict(PageRecord(self._conn_id, task_id, session_id)))
            for key in (PAGE_KEY, LIVE_URL_KEY):
                self._ti.xcom_push(key=key, value=self._url)

    def tell_end(self, task: Task, *, paid_here: bool) -> None:
        """Write down how the remote task ended: for lists, and for when the server has forgotten it.

        Args:
            task: The remote task.
            paid_here: Whether this task instance created it; else its cost is counted where it was.
        """
        if HAS_PAGES:
            cost = float(task.cost) if paid_here and task.cost is not None else None
            record = PageRecord(self._conn_id, task.id, task.session_id, task.status, len(task.steps), cost)
            self._ti.xcom_push(key=RECORD_KEY, value=asdict(record))

    def push_links(self, session: Session) -> None:
        """Write down the URLs that a session has by now, as far as they may be seen."""
        links = {
            LIVE_URL_KEY: None if self._stands_for_live_url else self._shown(session.live_url),
            RECORDING_KEY: session.share_url or session.recording_url,
        }
        for key, url in links.items():
            if url:
                self._ti.xcom_push(key=key, value=url)

    def in_xcom(self, live_url: str | None) -> str | None:
        """What XCom says for a live URL: from Airflow 3.1 on the URL of the page, unless the user wants it itself."""
        return self._url if self._stands_for_live_url else self._shown(live_url)

    def in_text(self, live_url: str | None) -> str | None:
        """What a log or a message says for a live URL."""
        return self._shown(live_url) or (self._url if HAS_PAGES else None)

    @property
    def _stands_for_live_url(self) -> bool:
        return HAS_PAGES and not self._show_live_url

    def _shown(self, live_url: str | None) -> str | None:
        """The live URL, if the user wants it shown, or it is of use on this machine only."""
        return live_url if live_url and (self._show_live_url or is_of_this_machine(live_url)) else None

    @property
    def _url(self) -> str:
        ti = self._ti
        return url_of_page(ti.dag_id, ti.run_id, ti.task_id, ti.map_index)


def url_of_page(dag_id: str, run_id: str, task_id: str, map_index: int = -1) -> str:
    """Where the page of a task instance is in Airflow's UI; a path, if `[api] base_url` is not set."""
    base = conf.get("api", "base_url", fallback="").rstrip("/")
    return f"{base}/plugin/{ROUTE}{root_path()}{MOUNTED_AT}/{path_of_page(dag_id, run_id, task_id, map_index)}"


def path_of_page(dag_id: str, run_id: str, task_id: str, map_index: int = -1) -> str:
    """The same page in its frame, below `MOUNTED_AT`."""
    dag_id, run_id, task_id = (quote(name, safe=":+@~") for name in (dag_id, run_id, task_id))
    return f"dags/{dag_id}/runs/{run_id}/tasks/{task_id}" + (f"/{map_index}" if map_index >= 0 else "")


def root_path() -> str:
    """Below which path Airflow is served; empty if it has a host of its own."""
    return str(urlsplit(conf.get("api", "base_url", fallback="")).path).rstrip("/")
