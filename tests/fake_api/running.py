"""The fake in a thread of the test, or in a process of its own."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.request import Request, urlopen

from .control import Commands, Control
from .scripts import Script, Scripts, default_script
from .server import Observer, Server
from .world import Contract, World

API_KEY = "bu_fake_key"
ROOT = Path(__file__).parents[2]


class FakeApi(Control):
    """A fake in a thread; a context manager.

    Args:
        contract: What it speaks.
        real_time: Whether its clock goes on by itself; else only `advance` moves it.
        api_key: The only key that it takes.
        port: Where it listens on 127.0.0.1; 0 for a free port.
        unscripted: How a task goes by its prompt, where no script matches; as a `Script()` says by default.
    """

    def __init__(
        self,
        contract: Contract = "v2-flat",
        *,
        real_time: bool = False,
        api_key: str = API_KEY,
        port: int = 0,
        unscripted: Callable[[str], Script] = default_script,
    ) -> None:
        self._server = Server(World(contract, api_key, real_time=real_time, scripts=Scripts(unscripted)), port)
        self._commands = Commands(self._server)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="fake-api", daemon=True)
        self.contract = contract
        self.api_key = api_key
        self.base_url = self._server.origin + self._server.prefix

    def __enter__(self) -> FakeApi:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._server.listen(), self._loop).result()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def observe(self, *, before: Observer | None = None, after: Observer | None = None) -> None:
        """Calls these with each request: before it is served, and after that, before the answer is sent.

        Those that were set before are called no more. A request waits for them; they may use the fake.
        """
        self._server.before, self._server.after = before, after

    async def _close(self) -> None:
        await self._server.close()
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def time(self) -> float:
        """The fake's clock, read with no word to the server's thread: clients ask for it several times a request."""
        return self._server.world.clock

    def ask(self, command: str, arguments: dict[str, Any] | None = None) -> Any:
        """Runs a command in the server's event loop."""
        return asyncio.run_coroutine_threadsafe(self._commands.do(command, arguments or {}), self._loop).result()


class FakeApiProcess(Control):
    """A fake in a process of its own, for tests of other processes; a context manager.

    Its clock is the real one. It ends with the test, even if that is killed.

    Args:
        contract: What it speaks.
        api_key: The only key that it takes.
    """

    def __init__(self, contract: Contract = "v2-flat", *, api_key: str = API_KEY) -> None:
        self.contract = contract
        self.api_key = api_key

    def __enter__(self) -> FakeApiProcess:
        command = [sys.executable, "-m", "tests.fake_api", "--with-parent", "--contract", self.contract]
        self._process = subprocess.Popen(
            [*command, "--api-key", self.api_key],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        addresses = json.loads(self._process.stdout.readline())
        self.base_url = addresses["base_url"]
        self._control_url = addresses["control_url"]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._process.terminate()
        self._process.communicate()

    def ask(self, command: str, arguments: dict[str, Any] | None = None) -> Any:
        """Sends a command to the process."""
        return ask(self._control_url, command, arguments)


class RemoteFakeApi(Control):
    """A fake that somebody else runs; takes both addresses that `python -m tests.fake_api` prints."""

    def __init__(self, base_url: str, control_url: str, api_key: str = API_KEY, contract: Contract = "v2-flat") -> None:
        self.contract = contract
        self.base_url = base_url
        self.api_key = api_key
        self._control_url = control_url

    def ask(self, command: str, arguments: dict[str, Any] | None = None) -> Any:
        """Sends a command to the process."""
        return ask(self._control_url, command, arguments)


def ask(control_url: str, command: str, arguments: dict[str, Any] | None) -> Any:
    """POST /_fake/{command}, its arguments as JSON."""
    body = json.dumps(arguments or {}).encode()
    with urlopen(Request(f"{control_url}/{command}", body, method="POST"), timeout=30) as response:
        return json.load(response)


def serve_control(fake: FakeApi) -> str:
    """Lets other processes control a fake, on a port of its own, and returns the address.

    The API's port will not do: it may be refusing connections.
    """

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            arguments = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            content = json.dumps(fake.ask(self.path.removeprefix("/_fake/"), arguments)).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *args: Any) -> None:
            """Silence."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_port}/_fake"
