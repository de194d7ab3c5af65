"""Starting the Chromium of a session: one that talks to the pages only."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from playwright.async_api import Playwright, StorageState

from browser_use_local.browser import Browser

FLAGS = (
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-domain-reliability",
    "--no-pings",
    # Where its maker's accounts and the server that knows forms would be: nobody is there.
    "--gaia-url=http://127.0.0.1:9",
    "--autofill-server-url=http://127.0.0.1:9",
    "--apps-gallery-update-url=http://127.0.0.1:9",
    "--component-updater=url-source=http://127.0.0.1:9",
)
# Chromium's own affairs, which no page has asked for: it looks passwords up, asks what forms mean, keeps an account.
QUIET_PREFERENCES: dict[str, Any] = {
    "alternate_error_pages": {"enabled": False},
    "autofill": {"enabled": False, "profile_enabled": False, "credit_card_enabled": False},
    "credentials_enable_service": False,
    "net": {"network_prediction_options": 2},
    "profile": {"password_manager_enabled": False, "password_manager_leak_detection": False},
    "safebrowsing": {"enabled": False},
    "search": {"suggest_enabled": False},
    "signin": {"allowed": False, "allowed_on_next_startup": False},
    "translate": {"enabled": False},
}
# The pages of its address bar, which nobody sees, cost it half of the processor time of a start. Set as `chrome://flags`
# sets it: a second `--disable-features` on the command line would take the place of Playwright's.
QUIET_STATE = {"browser": {"enabled_labs_experiments": ["webui-omnibox-popup@2", "webui-omnibox-aim-popup@2"]}}
SHARED = ("--remote-debugging-port=0",)


async def launch(
    playwright: Playwright,
    executable: Path | None,
    folder: Path,
    *,
    size: tuple[int, int],
    is_mobile: bool = False,
    state: StorageState | None = None,
    is_shared: bool = False,
) -> Browser:
    """Starts a Chromium.

    Args:
        playwright: What starts it.
        executable: The Chromium to start; None for Playwright's own.
        folder: Where everything lies that it writes.
        size: Width and height of the page in pixels.
        is_mobile: Whether it poses as a phone.
        state: Cookies and local storage to start with.
        is_shared: Whether other programs of this machine may attach to it, at `cdp_url`.
    """
    profile = folder / "profile"
    preferences = profile / "Default" / "Preferences"
    preferences.parent.mkdir(parents=True, exist_ok=True)
    preferences.write_text(json.dumps(QUIET_PREFERENCES), encoding="utf-8")
    (profile / "Local State").write_text(json.dumps(QUIET_STATE), encoding="utf-8")
    context = await playwright.chromium.launch_persistent_context(
        profile,
        executable_path=executable,
        headless=True,
        args=[*FLAGS, *SHARED] if is_shared else FLAGS,
        viewport={"width": size[0], "height": size[1]},
        is_mobile=is_mobile,
        has_touch=is_mobile,
        downloads_path=folder / "downloads",
        # The server closes its browsers itself, whatever signal the whole process group gets.
        handle_sigint=False,
        handle_sigterm=False,
        handle_sighup=False,
    )
    if state:
        await context.set_storage_state(state)
    browser = Browser(context, folder, _cdp_url(profile) if is_shared else None)
    await browser.ready()
    return browser


def _cdp_url(profile: Path) -> str:
    """Where the Chromium of a profile takes other programs: it has chosen a free port and written it down."""
    port, path = (profile / "DevToolsActivePort").read_text(encoding="utf-8").split()
    return f"ws://127.0.0.1:{port}{path}"
