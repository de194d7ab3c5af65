"""The command `browser-use-local`."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

from browser_use_local.agent.model import FORMS
from browser_use_local.chromium import NoChromiumError, find
from browser_use_local.commands import ServerError, run, sessions, status, stop
from browser_use_local.serving import CannotStartError, serve
from browser_use_local.settings import Settings

DATA_DIR = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "browser-use-local"


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command.

    Args:
        arguments: The arguments of the command line.

    Returns:
        The exit status.
    """
    options = parser().parse_args(arguments)
    try:
        status: int = options.do(options)
    except (CannotStartError, NoChromiumError, ServerError) as error:
        print(f"browser-use-local: {error}", file=sys.stderr)
        return 1
    return status


def up(options: argparse.Namespace) -> int:
    """Starts the server and stays until it is stopped."""
    serve(
        Settings(
            data_dir=options.data_dir,
            chromium=find(options.chromium),
            host=options.host,
            port=options.port,
            api_key=options.api_key,
            contract=options.contract,
            engine=options.engine,
            model=options.model,
            agent_python=options.agent_python,
            max_sessions=options.max_sessions,
            idle_timeout=options.idle_timeout,
            webhook_url=options.webhook_url,
            webhook_secret=options.webhook_secret,
            control=options.control,
            demo_site=options.demo_site,
            faults=options.faults,
        )
    )
    return 0


def parser() -> argparse.ArgumentParser:
    """What the command takes."""
    whole = argparse.ArgumentParser(
        prog="browser-use-local",
        description="The API of Browser Use Cloud on your own machine: tasks run in a real Chromium.",
    )
    commands = whole.add_subparsers(title="commands", required=True)
    for name, do, options in (
        ("up", up, _up_options),
        ("run", run, _run_options),
        ("sessions", sessions, _client_options),
        ("stop", stop, _stop_options),
        ("status", status, _client_options),
    ):
        description = do.__doc__ or ""
        command = commands.add_parser(name, help=description.splitlines()[0], description=description)
        command.set_defaults(do=do)
        options(command)
    return whole


def _up_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--host", default="127.0.0.1", help="the address to listen on (default: 127.0.0.1)")
    add("--port", type=port, default=8790, help="the port to listen on, 0 for any free one (default: 8790)")
    add("--data-dir", type=Path, default=DATA_DIR, help=f"the folder of database and files (default: {DATA_DIR})")
    add(
        "--api-key",
        default=os.environ.get("BROWSER_USE_LOCAL_API_KEY"),
        help="the key that clients must send; without one any key will do (default: $BROWSER_USE_LOCAL_API_KEY)",
    )
    add("--contract", choices=["both", "v2-nested", "v2-flat"], default="both", help="what to serve (default: both)")
    add(
        "--engine",
        choices=["script", "agent"],
        default="script",
        help="what carries out the tasks: the step language, or browser-use's agent with a model (default: script)",
    )
    add("--model", help=f"the model of the agent: {FORMS}")
    add(
        "--agent-python",
        type=Path,
        default=os.environ.get("BROWSER_USE_LOCAL_AGENT_PYTHON") or None,
        help="the Python of an environment that has browser-use (default: $BROWSER_USE_LOCAL_AGENT_PYTHON, else the"
        " server makes such an environment in the data folder when it is first needed)",
    )
    add("--max-sessions", type=number, default=2, help="how many sessions may be active at once (default: 2)")
    add("--idle-timeout", type=seconds, default=900.0, help="seconds until an idle session is stopped (default: 900)")
    add(
        "--chromium",
        default=os.environ.get("BROWSER_USE_LOCAL_CHROMIUM"),
        help="the Chromium or Chrome to start (default: $BROWSER_USE_LOCAL_CHROMIUM, else the one that is installed)",
    )
    add("--webhook-url", type=address, help="an address to tell what becomes of tasks")
    add(
        "--webhook-secret",
        default=os.environ.get("BROWSER_USE_LOCAL_WEBHOOK_SECRET"),
        help="what these calls are signed with (default: $BROWSER_USE_LOCAL_WEBHOOK_SECRET)",
    )
    add(
        "--no-control",
        dest="control",
        action="store_false",
        help="let nobody click and type in a session's browser from its live view",
    )
    add("--demo-site", action="store_true", help="serve a small shop to try tasks on, at /shop")
    add("--faults", action="store_true", help="let tests of clients order faults, at /_faults")


def port(text: str) -> int:
    """A port."""
    if not 0 <= (named := int(text)) <= 65535:
        raise argparse.ArgumentTypeError("ports go from 0 to 65535")
    return named


def number(text: str) -> int:
    """A number of things."""
    if (named := int(text)) < 1:
        raise argparse.ArgumentTypeError("there must be 1 at least")
    return named


def seconds(text: str) -> float:
    """A time in seconds."""
    if not (named := float(text)) > 0:
        raise argparse.ArgumentTypeError("it must be more than 0 seconds")
    return named


def address(text: str) -> str:
    """An address of the web."""
    if urlsplit(text).scheme not in {"http", "https"}:
        raise argparse.ArgumentTypeError(f"{text!r} is no http or https address")
    return text


def _client_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--url",
        default=os.environ.get("BROWSER_USE_BASE_URL", "http://127.0.0.1:8790/api/v2"),
        help="where the server is (default: $BROWSER_USE_BASE_URL, else http://127.0.0.1:8790/api/v2)",
    )
    parser.add_argument(
        "--api-key",
        default=os.environ.get("BROWSER_USE_API_KEY", "any"),
        help="the key of the server (default: $BROWSER_USE_API_KEY)",
    )


def _run_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("task", help="the task, in the words of the server's engine")
    parser.add_argument("--session", help="the id of a session to go on in")
    parser.add_argument("--keep", action="store_true", help="leave the session open, for tasks to follow")
    parser.add_argument("--start-url", help="the page to start on")
    parser.add_argument(
        "--secret",
        action="append",
        default=[],
        metavar="NAME",
        help="a secret, taken from the environment variable NAME",
    )
    _client_options(parser)


def _stop_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("session", nargs="*", help="the id of a session; several are possible")
    parser.add_argument("--all", action="store_true", help="all sessions that are active")
    _client_options(parser)
