"""The local server with its demo shop, on a port and with a key of the demo's own."""

from __future__ import annotations

import re
import secrets
import sys

import httpx

from browser_use_local.demo_site.orders import PASSWORD, USER
from demo.ports import free_port
from demo.programs import Programs, machine_environment


class LocalServer:
    """`browser-use-local up --demo-site`.

    Args:
        programs: Where it runs.
        api: The API that its base URL leads to, `v2` or `v4`.
    """

    shop_user = USER
    shop_password = PASSWORD

    def __init__(self, programs: Programs, api: str = "v2") -> None:
        self._programs = programs
        self._api = api
        self.url = f"http://127.0.0.1:{free_port()}"
        self.base_url = f"{self.url}/api/{api}"
        self.shop_url = f"{self.url}/shop/"
        self.shop_domain = "127.0.0.1" if api == "v4" else ""  # v2 does not bind secrets to hosts
        self.api_key = f"bu_{secrets.token_urlsafe(24)}"

    def start(self) -> None:
        """Starts the server and returns when it takes tasks."""
        command = [sys.executable, "-m", "browser_use_local", "up", "--demo-site"]
        options = ["--port", self.url.rpartition(":")[2], "--data-dir", str(self._programs.folder / "local")]
        # Not on the command line, which everybody on the machine can read.
        environment = machine_environment() | {"BROWSER_USE_LOCAL_API_KEY": self.api_key}
        self._program = self._programs.start("browser-use-local", command + options, environment)
        self._programs.wait_for(f"the local server ({self._api})", self._answers, within=60, log=self._program)

    @property
    def live_url(self) -> str:
        """The live view, as the server printed it: signed, since it has an API key."""
        found = re.search(r"^Live view: +(\S+)$", self._program.log(), re.MULTILINE)
        return found[1] if found else f"{self.url}/live"

    def _answers(self) -> bool:
        return httpx.get(f"{self.url}/health").is_success
