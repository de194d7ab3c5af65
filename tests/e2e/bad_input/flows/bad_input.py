"""A task run for each way to give Prefect bad input."""

from __future__ import annotations

import os
from typing import Any

from prefect import flow
from pydantic import SecretStr

from prefect_browser_use import BrowserUseCredentials, run_browser_task

GOOD = f"Open {os.environ['SHOP_URL']}."
CASES: dict[str, dict[str, Any]] = {
    "wrong_key": {"task": GOOD, "credentials": BrowserUseCredentials(api_key=SecretStr(os.environ["WRONG_KEY"]))},
    "no_server": {"task": GOOD, "credentials": BrowserUseCredentials(base_url=os.environ["NO_SERVER"])},
    "no_text": {"task": ""},
    "no_uuid": {"task": GOOD, "session_id": "orders"},
    "no_schema": {"task": GOOD, "output_schema": {"type": "orders"}},
    "not_understood": {"task": "Make me rich."},
}


@flow
def bad_input() -> list[Any]:
    return [
        run_browser_task.with_options(name=name)(**arguments, return_state=True) for name, arguments in CASES.items()
    ]


if __name__ == "__main__":
    bad_input.serve()
