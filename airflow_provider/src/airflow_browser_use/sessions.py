"""A browser session for a group of tasks."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import TaskGroup, XComArg

from airflow_browser_use.hooks import DEFAULT_CONN_ID
from airflow_browser_use.operators.session import BrowserUseStartSessionOperator, BrowserUseStopSessionOperator

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


@contextmanager
def browser_session(
    group_id: str = "browser_session",
    *,
    browser_settings: Mapping[str, Any] | None = None,
    browser_use_conn_id: str = DEFAULT_CONN_ID,
    **kwargs: Any,
) -> Iterator[XComArg]:
    """A task group with a browser session of its own, which is stopped whatever becomes of the tasks.

    The group begins with a setup task `start` and ends with a teardown task `stop`::

        with browser_session("shop") as session_id:
            log_in = BrowserUseTaskOperator(task_id="log_in", task="...", session_id=session_id)
            log_in >> BrowserUseTaskOperator(task_id="read", task="...", session_id=session_id)

    Where the server starts sessions with their first task only (`v4`, `v2-nested`), that of the group begins it.

    A session runs one task at a time: tasks in it need an order, or `wait_when_busy`.

    Args:
        group_id: The group's id.
        browser_settings: The fields of `BrowserSettings`, such as `profile`. (templated)
        browser_use_conn_id: The connection. (templated)
        kwargs: Any other argument of a task group.

    Yields:
        The session's id, for `session_id` of the tasks in the group.
    """
    with TaskGroup(group_id, **kwargs):
        start = BrowserUseStartSessionOperator(
            task_id="start", browser_settings=browser_settings, browser_use_conn_id=browser_use_conn_id
        )
        session_id = XComArg(start, key="session_id")
        stop = BrowserUseStopSessionOperator(
            task_id="stop", session_id=session_id, browser_use_conn_id=browser_use_conn_id
        )
        with stop.as_teardown(setups=start):
            yield session_id
