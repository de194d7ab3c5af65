"""The command `browser-use-local`."""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import click

from browser_use_local import commands
from browser_use_local.agent.model import FORMS
from browser_use_local.chromium import NoChromiumError, find
from browser_use_local.commands import Server, ServerError
from browser_use_local.serving import CannotStartError, serve
from browser_use_local.settings import Settings

DATA_DIR = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "browser-use-local"
FOLDER = click.Path(path_type=Path)

Command = TypeVar("Command", bound=Callable[..., Any])


def main() -> int:
    """Runs the command.

    Returns:
        The exit status of a command that could not be carried out. Others end the process themselves.
    """
    try:
        group(prog_name="browser-use-local")
    except (CannotStartError, NoChromiumError, ServerError) as error:
        click.echo(f"browser-use-local: {error}", err=True)
    return 1


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
def group() -> None:
    """The API of Browser Use Cloud on your own machine: tasks run in a real Chromium."""


def _seconds(_: click.Context, option: click.Parameter, value: float) -> float:
    if not value > 0 or math.isnan(value):
        raise click.BadParameter("it must be more than 0 seconds", param=option)
    return value


def _web_url(_: click.Context, option: click.Parameter, value: str | None) -> str | None:
    if value is not None and urlsplit(value).scheme not in {"http", "https"}:
        raise click.BadParameter(f"{value!r} is not an http or https URL", param=option)
    return value


@group.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=8790, show_default=True, help="The port; 0 is any free one."
)
@click.option("--data-dir", type=FOLDER, default=DATA_DIR, show_default=True, help="The folder of database and files.")
@click.option(
    "--api-key",
    envvar="BROWSER_USE_LOCAL_API_KEY",
    show_envvar=True,
    help="The key that clients must send. Without one any key will do.",
)
@click.option(
    "--contract",
    type=click.Choice(["both", "v2-nested", "v2-flat"]),
    default="both",
    show_default=True,
    help="The revisions of v2 to serve; v4 is always there.",
)
@click.option(
    "--engine",
    type=click.Choice(["script", "agent"]),
    default="script",
    show_default=True,
    help="What carries out the tasks: the step language, or browser-use's agent with a model.",
)
@click.option("--model", help=f"The model of the agent: {FORMS}.")
@click.option(
    "--agent-python",
    type=FOLDER,
    envvar="BROWSER_USE_LOCAL_AGENT_PYTHON",
    show_envvar=True,
    help="The Python of an environment that has browser-use. Without it, the server makes such an environment in the"
    " data folder when it is first needed.",
)
@click.option(
    "--max-sessions",
    type=click.IntRange(min=1),
    default=2,
    show_default=True,
    help="How many sessions may be active at once.",
)
@click.option(
    "--idle-timeout",
    type=float,
    callback=_seconds,
    default=900.0,
    show_default=True,
    help="Seconds until an idle session is stopped.",
)
@click.option(
    "--chromium",
    envvar="BROWSER_USE_LOCAL_CHROMIUM",
    show_envvar=True,
    help="The Chromium or Chrome to start. Without it, one that is installed.",
)
@click.option("--webhook-url", callback=_web_url, help="A URL to tell what becomes of tasks.")
@click.option(
    "--webhook-secret",
    envvar="BROWSER_USE_LOCAL_WEBHOOK_SECRET",
    show_envvar=True,
    help="What these calls are signed with.",
)
@click.option(
    "--control/--no-control",
    default=True,
    show_default=True,
    help="Whether people may click and type in a session's browser from its live view.",
)
@click.option("--demo-site", is_flag=True, help="Serve a small shop to try tasks on, at /shop.")
@click.option("--faults", is_flag=True, help="Let tests of clients ask for faults, at /_faults.")
def up(chromium: str | None, **settings: Any) -> None:
    """Starts the server and stays until it is stopped."""
    serve(Settings(chromium=find(chromium), **settings))


def _with_server(command: Command) -> Command:
    """Adds the options that say which server a command talks to."""
    url = click.option(
        "--url",
        envvar="BROWSER_USE_BASE_URL",
        show_envvar=True,
        default="http://127.0.0.1:8790/api/v2",
        show_default=True,
        help="Where the server is.",
    )
    key = click.option(
        "--api-key",
        envvar="BROWSER_USE_API_KEY",
        show_envvar=True,
        default="any",
        show_default=True,
        help="The key of the server.",
    )
    return url(key(command))


@group.command()
@click.argument("task")
@click.option("--session", help="The id of a session to go on in.")
@click.option("--keep", is_flag=True, help="Leave the session open, for tasks to follow.")
@click.option("--start-url", help="The page to start on.")
@click.option(
    "--secret",
    "secrets",
    multiple=True,
    metavar="NAME",
    help="A secret, taken from the environment variable NAME; several are possible.",
)
@_with_server
def run(url: str, api_key: str, **options: Any) -> None:
    """Runs TASK, prints its steps as they come, and its output. Ends with 1 if it did not succeed.

    Without --keep its session is stopped at the end, also one that --session names.
    """
    sys.exit(commands.run(Server(url, api_key), **options))


@group.command()
@_with_server
def sessions(url: str, api_key: str) -> None:
    """Lists the active sessions, one a line: what each does, or for how long it is idle."""
    commands.sessions(Server(url, api_key))


@group.command()
@click.argument("session_ids", metavar="[SESSION]...", nargs=-1)
@click.option("--all", "is_all", is_flag=True, help="All sessions that are active.")
@_with_server
def stop(url: str, api_key: str, session_ids: tuple[str, ...], *, is_all: bool) -> None:
    """Stops sessions, and the tasks that run in them."""
    if bool(session_ids) == is_all:
        raise ServerError("Name the session to stop, or give --all; `browser-use-local sessions` lists them.")
    commands.stop(Server(url, api_key), session_ids)


@group.command()
@_with_server
def status(url: str, api_key: str) -> None:
    """Says what runs: each active session with its tasks."""
    commands.status(Server(url, api_key))
