"""Runs the checks of a file against a server: `python FILE URL KEY SITE`; prints what each came to, as JSON."""

from __future__ import annotations

import json
import sys
import traceback
from collections.abc import Callable


def run(checks: dict[str, object], *arguments: object) -> None:
    results: dict[str, str] = {}
    for name, check in checks.items():
        if name.startswith("check_") and isinstance(check, Callable):  # type: ignore[arg-type]
            try:
                check(*arguments)
            except Exception:  # noqa: BLE001 - what goes wrong is the result
                results[name] = traceback.format_exc()
            else:
                results[name] = "ok"
    json.dump(results, sys.stdout)
