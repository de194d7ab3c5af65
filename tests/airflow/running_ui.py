"""A running Airflow with the pages in its UI, what they are about, and how a browser signs in to look at them."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from playwright.sync_api import Browser, BrowserContext, FrameLocator, Page

from tests.fake_api import API_KEY
from tests.local.running_server import KEY as LOCAL_KEY
from tests.local.running_server import PASSWORD, USER, LocalServer

from .fake_server import FakeServer
from .running_airflow import RunningAirflow

HERE = Path(__file__).parent
# The environment of the local server is beside that of Airflow.
PYTHON = Path(sys.prefix).parent / "client" / "bin" / "python"
DESKTOP = {"width": 1280, "height": 900}
PHONE = {"width": 390, "height": 844}
TIMEOUT_MS = 60_000  # on a busy machine the server takes its time
PASSWORDS = {"anna": "of the tests", "guest": "of the tests too"}


class AirflowWithUsers(RunningAirflow):
    """One whose users sign in: `anna` may do everything, `guest` may read all but the DAG `payroll`."""

    def token_of(self, user: str) -> str:
        answer = self.http.post("/auth/token", json={"username": user, "password": PASSWORDS[user]})
        token: str = answer.raise_for_status().json()["access_token"]
        return token

    def _log_in(self) -> bool:
        try:
            answer = self.http.get("/api/v2/version")
            if answer.is_success:
                self.http.headers["Authorization"] = f"Bearer {self.token_of('anna')}"
        except Exception:  # noqa: BLE001 - it has just been started
            return False
        return answer.is_success


class RunningUi:
    """Airflow, the local server with its shop, and a server that names costs."""

    def __init__(self, folder: Path) -> None:
        self.local = LocalServer(folder / "local", "--demo-site", "--max-sessions", "4", python=PYTHON)
        self.priced = FakeServer()
        shop = {"conn_type": "http", "host": f"{self.local.site}/shop/", "login": USER, "password": PASSWORD}
        connections = {
            "browser_use_default": {"conn_type": "browser_use", "host": self.local.url, "password": LOCAL_KEY},
            "priced": {"conn_type": "browser_use", "host": self.priced.url, "password": API_KEY},
            "shop": shop,
        }
        settings = {
            "core.auth_manager": "two_users.TwoUsers",
            "core.simple_auth_manager_all_admins": False,
            "core.simple_auth_manager_users": "anna:admin,guest:viewer",
            "core.parallelism": 4,
            "browser_use.task_instance_tab": True,
        }
        (folder / "simple_auth_manager_passwords.json.generated").write_text(json.dumps(PASSWORDS))
        self.airflow = AirflowWithUsers(folder, connections, HERE / "ui_dags", settings)
        self.airflow.environment["PYTHONPATH"] = os.pathsep.join(
            [str(HERE / "ui_auth"), *filter(None, [os.environ.get("PYTHONPATH")])]
        )

    def open(self) -> None:
        self.airflow.start({"shop", "broken", "track", "payroll", "orphan"})

    def close(self) -> None:
        self.airflow.stop()
        self.local.end()
        self.priced.close()


def sign_in(
    browser: Browser, ui: RunningUi, user: str = "anna", *, theme: str = "light", phone: bool = False
) -> BrowserContext:
    """A context of the browser that has the session cookie of a user."""
    context = browser.new_context(viewport=PHONE if phone else DESKTOP, color_scheme="null")
    context.set_default_timeout(TIMEOUT_MS)
    context.add_cookies([{"name": "_token", "value": ui.airflow.token_of(user), "url": ui.airflow.url}])
    context.add_init_script(f"localStorage.setItem('theme', {theme!r})")
    return context


def framed(page: Page) -> FrameLocator:
    """What Airflow shows of the provider's pages."""
    return page.frame_locator("iframe").first
