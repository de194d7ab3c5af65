"""What can be seen to be wrong in a DAG file, when it is parsed. The rest is checked when the task runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import AirflowFailException

from airflow_browser_use.arguments import (
    bytes_from,
    dollars_from,
    domains_from,
    mapping_from,
    metadata_from,
    settings_from,
    text_from,
)
from airflow_browser_use.compat import SET_DURING_EXECUTION
from airflow_browser_use.secrets import is_resolved_later, refuse_literals
from browser_use_client import AgentSettings, BrowserSettings, InvalidRequestError, seconds_of

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import BaseOperator
    from pydantic import BaseModel

SETTINGS: dict[str, type[BaseModel]] = {"agent_settings": AgentSettings, "browser_settings": BrowserSettings}


def check_operator(operator: BaseOperator, **arguments: Any) -> None:
    """Check the arguments of an operator while it is made.

    Raises:
        InvalidRequestError: One of them is wrong.
        AirflowFailException: The same, but the task is mapped and runs by now: another try would not help.
    """
    try:
        check(arguments)
    except InvalidRequestError as error:
        if getattr(operator, "_BaseOperator__from_mapped", False):
            raise AirflowFailException(str(error)) from None
        raise


def check(arguments: Mapping[str, Any]) -> None:
    """Check some arguments of `BrowserUseTaskOperator` as they are written.

    Raises:
        InvalidRequestError: One of them is wrong.
    """
    refuse_literals(arguments.get("secrets"))
    for name, model in SETTINGS.items():
        check_settings(name, arguments.get(name), model)
    written = {name: value for name, value in arguments.items() if stands_there(value)}
    metadata_from(arguments["metadata"] if isinstance(arguments.get("metadata"), Mapping) else written.get("metadata"))
    for name in ("timeout", "poll_interval"):
        seconds_of(name, written.get(name))
    seconds_of("wait_when_busy", written.get("wait_when_busy"), may_be_zero=True)
    bytes_from("max_xcom_bytes", written.get("max_xcom_bytes"))
    dollars_from("max_cost_usd", written.get("max_cost_usd"))
    domains_from("secret_domains", written.get("secret_domains"))
    mapping_from("model_params", written.get("model_params"))
    if written.get("key") is not None:
        text_from("key", written["key"])
    if "task" in written:
        text_from("task", written["task"])


def check_settings(name: str, value: Any, model: type[BaseModel]) -> None:
    """Check as much of `agent_settings` or `browser_settings` as stands in the DAG file.

    Raises:
        InvalidRequestError: See `settings_from`.
    """
    if isinstance(value, Mapping):
        settings_from(name, {key: each if stands_there(each) else None for key, each in value.items()}, model)
    elif stands_there(value):
        settings_from(name, value, model)


def stands_there(value: Any) -> bool:
    """Whether a value is what it will be. A template, an XCom, or a function that Airflow calls for it is not."""
    if isinstance(value, Mapping):
        return all(map(stands_there, value.values()))
    if isinstance(value, (list, tuple, set)):
        return all(map(stands_there, value))
    is_template = isinstance(value, str) and ("{{" in value or "{%" in value)
    return not (is_template or value is SET_DURING_EXECUTION or is_resolved_later(value) or callable(value))
