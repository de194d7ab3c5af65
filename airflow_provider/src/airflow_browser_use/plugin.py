"""A plugin of Airflow: a listener that cleans up once states are final, and the pages in the UI.

Every process of Airflow imports this module, so it imports nothing heavy.
"""

from __future__ import annotations

import logging
from typing import Any

from airflow.providers.common.compat.sdk import AirflowPlugin, conf, hookimpl

from airflow_browser_use.pages import HAS_PAGES, MOUNTED_AT, ROUTE, root_path

log = logging.getLogger(__name__)


class SessionListener:
    """Called by the worker after a task instance, and by the scheduler or the API server after a run (3.3.2).

    None of these may fail or wait for it.
    """

    @hookimpl
    def on_starting(self, component: Any) -> None:
        """Have a scheduler sweep.

        Called as the job of any component is made, which learns only afterwards whose it is (2.11 to 3.3.2).
        """
        try:
            if hasattr(type(component), "job_type"):
                from sqlalchemy import event

                event.listen(type(component).job_type, "set", _job_is_of)
        except Exception:
            log.warning("What runs left open before this start may be open still.", exc_info=True)

    @hookimpl
    def on_task_instance_success(self, task_instance: Any) -> None:
        """Close the session if it was left to whichever of unordered tasks ends last, and this is the last."""
        self._settle_instance(task_instance)

    @hookimpl
    def on_task_instance_failed(self, task_instance: Any) -> None:
        """The same after a failure."""
        self._settle_instance(task_instance)

    @hookimpl
    def on_dag_run_success(self, dag_run: Any) -> None:
        """Close what the run has left open."""
        self._settle_run(dag_run)

    @hookimpl
    def on_dag_run_failed(self, dag_run: Any) -> None:
        """The same after a failure."""
        self._settle_run(dag_run)

    def _settle_instance(self, task_instance: Any) -> None:
        settle = getattr(getattr(task_instance, "task", None), "settle_browser_session", None)
        try:
            if settle:
                settle(task_instance.state)
        except Exception:
            log.warning("The session of %s may be open still.", task_instance, exc_info=True)

    def _settle_run(self, dag_run: Any) -> None:
        try:
            dag = dag_run.dag  # None in the API server of 3.1
            if dag is None or any(map(_uses_a_browser, dag.task_dict.values())):
                from airflow_browser_use.settling import settler

                settler().settle_soon(dag_run.dag_id, dag_run.run_id)
        except Exception:
            log.warning("What %s has left open may be open still.", dag_run, exc_info=True)


def _job_is_of(_: Any, job_type: str, *__: Any) -> None:
    try:
        if job_type == "SchedulerJob":
            from airflow_browser_use.settling import settler

            settler().keep_sweeping()
    except Exception:
        log.warning("What runs left open before this start may be open still.", exc_info=True)


def _uses_a_browser(task: Any) -> bool:
    """Of serialized tasks the class is only a name, but their template fields are there, of subclasses too."""
    return "browser_use_conn_id" in task.template_fields


async def pages(scope: Any, receive: Any, send: Any) -> None:
    """The application behind the pages, which only an API server loads, and only when somebody looks."""
    from airflow_browser_use.ui.app import app

    await app(scope, receive, send)


def _view(name: str, path: str, **more: str) -> dict[str, str]:
    icons = f"{root_path()}{MOUNTED_AT}/static/icon"
    href = f"{root_path()}{MOUNTED_AT}/{path}"
    return {"name": name, "href": href, "icon": f"{icons}.svg", "icon_dark_mode": f"{icons}-dark.svg", **more}


def _views() -> list[dict[str, str]]:
    views = [_view("Browsers", "", destination="nav", category="browse", url_route=ROUTE)]
    if conf.getboolean("browser_use", "task_instance_tab", fallback=False):
        path = "dags/{DAG_ID}/runs/{RUN_ID}/tasks/{TASK_ID}/{MAP_INDEX}"
        views.append(_view("Browser", path, destination="task_instance", url_route="browser"))
    return views


class BrowserUsePlugin(AirflowPlugin):
    """Registered by the entry point `airflow.plugins`."""

    name = "browser_use"
    listeners = [SessionListener()]  # noqa: RUF012 - as Airflow declares it
    if HAS_PAGES:
        fastapi_apps = [{"app": pages, "url_prefix": MOUNTED_AT, "name": "Browser Use"}]
        external_views = _views()
