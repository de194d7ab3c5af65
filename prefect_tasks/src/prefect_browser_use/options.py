"""The options of a Browser Use task, in one place for all that run one."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, TypedDict, TypeVar

from browser_use_client import AgentSettings, BrowserSettings, OutputSchema
from prefect_browser_use.inputs import Credentials, SecretValue

F = TypeVar("F", bound=Callable[..., Any])

WAIT_WHEN_BUSY_SECONDS = 600.0


class SessionTaskOptions(TypedDict, total=False):
    """How a task is run in a session that somebody else opens and closes.

    Attributes:
        output_schema: What the result must look like: a pydantic model, any type that pydantic understands, or a
            JSON schema as mapping or text. `output` then holds JSON values that fit.
        secrets: What the agent types but does not see: `SecretStr`, `Secret` blocks, or `secret/NAME` for a saved
            one. Name them in the prompt as `{{name}}`.
        secret_domains: On which hosts secrets may be typed, for all of them or by the name of each (`v4`).
        agent_settings: How the agent works.
        model_params: Parameters of the model, as `agent_settings` has them (`v4`).
        workspace_id: The workspace with the files of an earlier task (`v4`).
        max_cost_usd: US dollars: what the task may cost, which is stopped when it has cost more (`v2-flat`), or the
            session with all of its tasks (`v4`).
        metadata: Strings to find the task by; sent back with it (`v2`).
        files: Files for the task, uploaded before it is created: at most 10 MB each.
        download_output_to: A folder for the files that the task leaves behind, made if it is not there. They are
            downloaded when the task has ended well; a file of the same name is replaced.
        key: Under which the task is created and found again, from any flow run of the last 7 days. Default: one
            of this call in this flow run.
        wait_when_busy: Seconds to wait while the session runs another task, or while the plan's sessions are all
            in use. Default: 600.
        concurrency_limit: A global concurrency limit of Prefect's, of which this takes one slot while it runs. One
            that does not exist is an error.
        poll_interval: Seconds between polls; longer where many tasks wait in one process. Default: 0.5 at first, up to
            5 for long tasks.
        fail_on_unsuccessful: Fail if the task finished but its agent says that it did not succeed. Default: yes.
        artifacts: Show that the task runs, and then its result and steps, as an artifact. Default: yes.
        screenshots: Show the picture of each step in full there, too. Default: no.
        show_live_url: Show the URL of the live view in the log, the artifact and the result. Whoever has it can drive
            the browser. Default: as the credentials say. The local server's is shown anyway.
    """

    output_schema: OutputSchema | None
    secrets: dict[str, SecretValue] | None
    secret_domains: Sequence[str] | Mapping[str, Sequence[str]] | None
    agent_settings: AgentSettings | dict[str, Any] | None
    model_params: dict[str, Any] | None
    workspace_id: str | None
    max_cost_usd: float | Decimal | None
    metadata: dict[str, str] | None
    files: Sequence[str | Path]
    download_output_to: str | Path | None
    key: str | None
    wait_when_busy: float
    concurrency_limit: str | None
    poll_interval: float | None
    fail_on_unsuccessful: bool
    artifacts: bool
    screenshots: bool
    show_live_url: bool | None


class TaskOptions(SessionTaskOptions, total=False):
    """How a task is run: all of `SessionTaskOptions`, and where.

    Attributes:
        credentials: A block, the name of a saved one, or None for `BROWSER_USE_API_KEY` and
            `BROWSER_USE_BASE_URL` of the process.
        session_id: The session to continue. Default: a new one.
        keep_session: Leave the session open for follow-ups. Stop it later. Default: no.
        browser_settings: How a new session is started.
    """

    credentials: Credentials
    session_id: str | None
    keep_session: bool
    browser_settings: BrowserSettings | dict[str, Any] | None


DEFAULTS: TaskOptions = {
    "credentials": None,
    "session_id": None,
    "keep_session": False,
    "output_schema": None,
    "secrets": None,
    "secret_domains": None,
    "agent_settings": None,
    "model_params": None,
    "browser_settings": None,
    "workspace_id": None,
    "max_cost_usd": None,
    "metadata": None,
    "files": (),
    "download_output_to": None,
    "key": None,
    "wait_when_busy": WAIT_WHEN_BUSY_SECONDS,
    "concurrency_limit": None,
    "poll_interval": None,
    "fail_on_unsuccessful": True,
    "artifacts": True,
    "screenshots": False,
    "show_live_url": None,
}


def with_task_options(function: F) -> F:
    """Gives a function that takes `**options: Unpack[TaskOptions]` a signature that names each of them.

    Prefect goes by the names of parameters: for cache policies, and for what `.map` goes through.
    """
    own = [one for one in inspect.signature(function).parameters.values() if one.kind is not one.VAR_KEYWORD]
    types = {**SessionTaskOptions.__annotations__, **TaskOptions.__annotations__}
    named = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=types[name])
        for name, default in DEFAULTS.items()
    ]
    signature = inspect.signature(function)
    function.__signature__ = signature.replace(parameters=[*own[:1], *named, *own[1:]])  # type: ignore[attr-defined]
    return function
