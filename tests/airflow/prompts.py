"""What the prompts of the tests mean: how a remote task goes stands in the DAG, where a reader looks for it.

`for 3 s` runs that long (default: not at all), `forever` until it is stopped, `fail` and `unsuccessful` end so,
`report {...}` returns that text, `leave a.txt` leaves an output file that no other task has, `pictured at URL` has the
picture of each step there. A prompt may say several of these.
"""

from __future__ import annotations

import re
from uuid import uuid4

from tests.fake_api import Script


def script_of(prompt: str) -> Script:
    """How the task of a prompt goes."""
    fails = "fail" in prompt
    return Script(
        status=None if "forever" in prompt else "failed" if fails else "finished",
        seconds=None if "forever" in prompt else float(_said("for ([\\d.]+) s", prompt) or 0),
        output=None if fails else _said("report (.*)", prompt) or f"done: {prompt}",
        is_success="unsuccessful" not in prompt,
        goal=f"{prompt[:20]}, step",
        output_files={name: f"{name} {uuid4()}" for name in re.findall("leave (\\S+)", prompt)},
        picture=_said("pictured at (\\S+)", prompt),
    )


def _said(pattern: str, prompt: str) -> str | None:
    found = re.search(pattern, prompt, re.DOTALL)
    return found and found[1]
