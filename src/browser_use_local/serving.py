"""Runs the server in this process, from the first check to the last browser that is closed."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import sqlite3
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import uvicorn
from filelock import FileLock, Timeout
from starlette.types import Scope

from browser_use_local.agent import ModelError, NoPythonError
from browser_use_local.api.views import Links
from browser_use_local.chromium import NoChromiumError
from browser_use_local.names import is_loopback
from browser_use_local.processes import guarded
from browser_use_local.server import create_app
from browser_use_local.settings import Settings
from browser_use_local.store import NewerDatabaseError

SHUTDOWN_WITHIN_SECONDS = 1
MIN_API_KEY_CHARACTERS = 24
# What the server writes to a data folder.
FOLDERS = ("agent", "browsers", "files", "profiles", "tasks", "workspaces")
OWN_FILES = ("lock", "local.sqlite3*", *FOLDERS, "files/*", "profiles/*", "tasks/*", "tasks/*/*", "workspaces/*")


class CannotStartError(Exception):
    """The server cannot start. The message is for the user."""


def serve(settings: Settings) -> None:
    """Serves until a signal comes.

    Raises:
        CannotStartError: The address, the data folder or Chromium cannot be used.
    """
    if sys.platform == "win32":
        raise CannotStartError("The local server needs Linux or macOS; on Windows it runs in WSL.")
    if settings.webhook_url and not settings.webhook_secret:
        raise CannotStartError("A webhook needs a secret to be signed with: set one with --webhook-secret.")
    if settings.model and settings.engine != "agent":
        raise CannotStartError("A model is for the agent only: add --engine agent, or leave --model out.")
    folder = settings.data_dir
    with _owner_only(folder), _own_folder(folder), _listen(settings) as listener, guarded(folder):
        asyncio.run(_serve(settings, listener))


async def _serve(settings: Settings, listener: socket.socket) -> None:
    """Serves on a socket that is bound already and starts to listen when the server is ready."""
    app, faults = create_app(settings, is_local=is_loopback(listener.getsockname()[0]))
    config = uvicorn.Config(
        faults or app,
        lifespan="off",
        log_level="warning",
        timeout_graceful_shutdown=SHUTDOWN_WITHIN_SECONDS,
        server_header=False,
    )
    server = uvicorn.Server(config)
    if faults:
        faults.drop = _dropper(server)
    for number in (signal.SIGTERM, signal.SIGINT):
        # uvicorn raises the signals that it got once more when it is done; ours keep them from ending the process
        # before the browsers are closed.
        asyncio.get_running_loop().add_signal_handler(number, setattr, server, "should_exit", True)
    try:
        async with app.router.lifespan_context(app):
            listener.listen()
            _greet(settings, listener)
            await server.serve(sockets=[listener])
    except (NoChromiumError, ModelError, NoPythonError) as error:
        raise CannotStartError(str(error)) from error
    except NewerDatabaseError as error:
        raise CannotStartError(
            f"The database in {settings.data_dir} is of a newer version of this program ({error}):"
            " upgrade it, or name another folder with --data-dir."
        ) from error
    except sqlite3.Error as error:
        raise CannotStartError(f"The database in {settings.data_dir} cannot be used: {error}") from error


def _greet(settings: Settings, listener: socket.socket) -> None:
    """Says where the server is."""
    host, port = listener.getsockname()[:2]
    url = f"http://{f'[{host}]' if ':' in host else host}:{port}"
    lines = [
        f"Browser Use, local: {url}/api/v2  (for trying, testing and light use on your own machine)",
        f"Live view:          {Links(url).to('/live') if settings.api_key else url + '/live'}",
        f"API v4:             {url}/api/v4",
    ]
    if settings.demo_site:
        lines.append(f"Demo shop:          {url}/shop")
    sys.stdout.write("\n".join(lines) + "\n")
    sys.stdout.flush()


def _dropper(server: uvicorn.Server) -> Callable[[Scope], None]:
    """What drops the connection of a request: uvicorn knows its connections by the address of the client."""

    def drop(scope: Scope) -> None:
        for connection in server.server_state.connections:
            if getattr(connection, "client", None) == scope["client"]:
                connection.transport.abort()

    return drop


@contextlib.contextmanager
def _own_folder(folder: Path) -> Iterator[None]:
    """Makes the data folder and locks it, since two servers in one folder would end each other's tasks."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / "lock", timeout=0)
        lock.acquire()
    except Timeout:
        raise CannotStartError(
            f"Another local server uses the data folder {folder}: stop it, or name another folder with --data-dir."
        ) from None
    except OSError as error:
        raise CannotStartError(f"The data folder {folder} cannot be used: {error.strerror}") from error
    with lock:
        yield


@contextlib.contextmanager
def _owner_only(folder: Path) -> Iterator[None]:
    """Keeps what the server writes, and has written before, from everyone else; the folder itself may be shared."""
    for pattern in OWN_FILES:
        for path in folder.glob(pattern):
            if not path.is_symlink():
                with contextlib.suppress(OSError):  # it is another user's, who can read it anyway
                    path.chmod(path.stat().st_mode & ~0o077)
    before = os.umask(0o077)
    try:
        yield
    finally:
        os.umask(before)


def _listen(settings: Settings) -> socket.socket:
    """Binds the address before anything else starts."""
    host, port = settings.host, settings.port
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, kind, protocol)
    except OSError as error:
        raise CannotStartError(f"{host} is not an address to listen on: {error.strerror}") from error
    try:
        if not is_loopback(str(address[0])) and len(settings.api_key or "") < MIN_API_KEY_CHARACTERS:
            raise CannotStartError(
                f"{host} can be reached from other machines, so the server needs a key of {MIN_API_KEY_CHARACTERS}"
                " characters or more: set one with --api-key, or stay on 127.0.0.1."
            )
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
    except OSError as error:
        listener.close()
        raise CannotStartError(
            f"Port {port} of {host} cannot be used ({error.strerror}): stop what uses it, or name another with --port."
        ) from error
    except CannotStartError:
        listener.close()
        raise
    return listener
