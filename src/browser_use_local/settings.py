"""What a server is told when it starts."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

Revision = Literal["v2-nested", "v2-flat", "v4"]
Contract = Literal["both", "v2-nested", "v2-flat"]
EngineName = Literal["script", "agent"]


@dataclass(frozen=True, kw_only=True)
class Settings:
    """One server.

    Args:
        data_dir: The folder of the database, screenshots and files. Made if it is missing.
        chromium: The Chromium or Chrome to start. None: the one that Playwright installed for itself.
        host: The address to listen on.
        port: The port to listen on. 0: any free one.
        api_key: The key that requests must carry. None: any key will do.
        contract: `both` revisions of v2 at one base URL, or one alone. v4 is served beside them, at its own.
        engine: What carries out the tasks: `script`, the step language, or `agent`, a language model.
        model: The model of the agent, such as `openai:gpt-4.1`.
        agent_python: The Python of an environment that has browser-use. None: the server makes one.
        max_sessions: How many sessions may be active at once; the next one gets 429.
        idle_timeout: Seconds after which a session without a running task is stopped.
        webhook_url: The URL to tell what becomes of tasks.
        webhook_secret: What these calls are signed with.
        control: Let people take a browser over in the live view.
        demo_site: Serve the demo shop at /shop.
        faults: Let tests of clients ask for faults at /_faults.
    """

    data_dir: Path
    chromium: Path | None = None
    host: str = "127.0.0.1"
    port: int = 8790
    api_key: str | None = field(default=None, repr=False)
    contract: Contract = "both"
    engine: EngineName = "script"
    model: str | None = None
    agent_python: Path | None = None
    max_sessions: int = 2
    idle_timeout: float = 15 * 60
    webhook_url: str | None = None
    webhook_secret: str | None = field(default=None, repr=False)
    control: bool = True
    demo_site: bool = False
    faults: bool = False
