"""Many Browser Use tasks of one flow at once, beside the official SDK in plain tasks: part of `make bench`.

Each contender runs its flow in a process of its own, beside a fake Browser Use API and a real Prefect server of its
own: a server works on what the last flow logged and emitted long after that has ended.
Seconds are of this machine, under whatever else it does meanwhile: compare the columns of one run, not runs.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.tables import Row, table
from tests.fake_api import FakeApiProcess
from tests.prefect.running_prefect import ROOT, RunningPrefect

NUMBER = 500
SECONDS = 10.0
STEPS = 5
SHAPES = {"submitted": "submitted to threads", "gathered": "gathered in one event loop"}


def run(contender: str, shape: str) -> dict[str, Any]:
    """What a flow took."""
    print(f"{contender}, {SHAPES[shape]} ...", file=sys.stderr, flush=True)
    with (
        tempfile.TemporaryDirectory() as home,
        RunningPrefect(Path(home)) as prefect,
        FakeApiProcess("v2-flat") as fake,
        (prefect.home / "worker.log").open("ab") as log,
    ):
        fake.script(seconds=SECONDS, steps=STEPS)
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.prefect_worker"],
            cwd=ROOT,
            input=json.dumps({"contender": contender, "shape": shape, "number": NUMBER}).encode(),
            env={**prefect.environment, "BROWSER_USE_API_KEY": fake.api_key, "BROWSER_USE_BASE_URL": fake.base_url},
            stdout=subprocess.PIPE,
            stderr=log,
            check=True,
        )
        took: dict[str, Any] = json.loads(done.stdout)
        to_api = len(fake.requests())
    return took | {"to_api": to_api / NUMBER, "to_prefect": (took["requests"] - to_api) / NUMBER}


def compare(shape: str) -> list[Row]:
    """Ours, ours without artifacts, and the SDK."""
    sdk, ours, quiet = (run(contender, shape) for contender in ("sdk", "ours", "ours without artifacts"))

    def row(figure: str, took: dict[str, Any], name: str, unit: str) -> Row:
        return Row(
            figure, f"{took[name]:.1f}{unit}", f"{sdk[name]:.1f}{unit}", f"({took[name] / sdk[name]:.1f} of the SDK's)"
        )

    return [
        row(f"{NUMBER} tasks of {SECONDS:.0f} s, {SHAPES[shape]}: wall time", ours, "wall", " s"),
        row("... without artifacts", quiet, "wall", " s"),
        row("... CPU of the flow's process", ours, "cpu", " s"),
        row("... without artifacts", quiet, "cpu", " s"),
        row("... memory of the flow's process", ours, "memory", " MB"),
        row("... requests to Browser Use, a task", ours, "to_api", ""),
        Row("... requests to Prefect, a task", f"{ours['to_prefect']:.1f}", f"{sdk['to_prefect']:.1f}"),
        Row("... without artifacts", f"{quiet['to_prefect']:.1f}", f"{sdk['to_prefect']:.1f}"),
        Row("... tasks that failed", f"{ours['failed'] + quiet['failed']}", f"{sdk['failed']}", "none",
            ours["failed"] + quiet["failed"] == 0),
    ]  # fmt: skip


def main() -> None:
    """Measures and prints."""
    rows = [row for shape in SHAPES for row in compare(shape)]
    print(table(rows, "prefect_browser_use", "@task with browser-use-sdk 3.12.1"))


if __name__ == "__main__":
    main()
