"""The client's figures, beside the official SDK's, on the same fake server in the same run: `make bench`.

Each contender works in a process of its own; the server is another one. Seconds are of this machine, under whatever
else it does meanwhile: compare the columns of one run, not runs.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from math import inf
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.client_worker import WARM_UP
from benchmarks.tables import Row, milliseconds, table
from tests.fake_api import FakeApiProcess

WORKER = Path(__file__).with_name("client_worker.py")
SDK = "browser-use-sdk 3.12.1"
LIBRARIES = "import httpx, pydantic, tenacity"
LIBRARIES_IN_USE = "import asyncio, httpx, tenacity; from pydantic import BaseModel, Field, TypeAdapter"
CLIENT_IN_USE = "from browser_use_client import AsyncBrowserUseClient, BrowserUseClient, CreateTaskRequest"
SDK_IN_USE = "from browser_use_sdk.v2 import AsyncBrowserUse, BrowserUse"


class Bench:
    """The contenders and the server.

    Args:
        fake: The server.
        sdk: The interpreter that has the official SDK.
    """

    def __init__(self, fake: FakeApiProcess, sdk: str) -> None:
        self._fake = fake
        self._interpreters = {"ours": sys.executable, "sdk": sdk}

    def one_task(self, number: int = 40, batches: int = 12, rounds: int = 12) -> list[Row]:
        """Requests, wall time and CPU of a task that takes no time itself: the best batch of rounds in turns."""
        self._fake.script(polls=0)
        took = {name: {"wall": inf, "cpu": inf} for name in self._interpreters}
        requests = dict.fromkeys(self._interpreters, 0.0)
        for _ in range(rounds):
            for contender, best in took.items():
                self._fake.forget_requests()
                for figure, seconds in self._run(contender, "at_once", number=number, batches=batches).items():
                    best[figure] = min(best[figure], seconds)
                requests[contender] = len(self._fake.requests()) / (number * batches + WARM_UP)
        ours, sdk = took["ours"], took["sdk"]
        return [
            Row(
                "requests per task (create, one poll, one read)",
                f"{requests['ours']:g}",
                f"{requests['sdk']:g}",
                "create + polls + 1",
                requests["ours"] <= 3,
            ),
            Row(
                "wall time per task",
                milliseconds(ours["wall"]),
                milliseconds(sdk["wall"]),
                "at most the SDK's",
                ours["wall"] <= sdk["wall"],
            ),
            Row(
                "CPU per task",
                milliseconds(ours["cpu"]),
                milliseconds(sdk["cpu"]),
                "at most the SDK's",
                ours["cpu"] <= sdk["cpu"],
            ),
        ]

    def latency(self, number: int = 40) -> list[Row]:
        """From the end on the server to the return, for tasks of 0.5 to 29 seconds."""
        lengths = [0.5 + 28.5 * position / (number - 1) for position in range(number)]
        prompts = [f"takes {length:.3f} s" for length in lengths]
        for length, prompt in zip(lengths, prompts, strict=True):
            self._fake.script(prompt, seconds=length)
        rows = {}
        polls = {}
        for contender in ("ours", "sdk"):
            self._fake.forget_requests()
            rows[contender] = self._run(contender, "latency", prompts=prompts)["late"]
            polls[contender] = len(self._fake.requests()) / number
        return [
            Row(
                "end on the server to return, tasks under 30 s, median",
                f"{median(rows['ours']):.2f} s",
                f"{median(rows['sdk']):.2f} s",
                "at most 1 s",
                median(rows["ours"]) <= 1.0,
            ),
            Row("... the longest", f"{max(rows['ours']):.2f} s", f"{max(rows['sdk']):.2f} s"),
            Row("... requests per task", f"{polls['ours']:.1f}", f"{polls['sdk']:.1f}"),
        ]

    def many(self, number: int = 10_000, ending: int = 100) -> list[Row]:
        """Thousands of tasks waited for in one process, while some of them end."""
        ids = self._fake.start_tasks(number - ending, status=None)
        short = [
            task_id
            for position in range(ending)
            for task_id in self._fake.start_tasks(1, seconds=20.0 + 20.0 * position / ending)
        ]
        self._fake.forget_requests()
        ours = self._run("ours", "watch", ids=ids + short, ending=short)
        seen = self._fake.requests("GET", "/tasks")
        starts = [
            one["time"] for one in seen if one["query"]["filterBy"] == "started" and one["query"]["pageNumber"] == "1"
        ]
        sweeps = len(starts)
        one_sweep = (starts[-1] - starts[0]) / (sweeps - 1)
        some = ids[: number // 10]
        each = {name: self._run(name, "one_by_one", ids=some)["cpu"] * 10 for name in ("ours", "sdk")}
        share = ours["cpu"] / sweeps / each["ours"]
        late = max(ours["late"])
        return [
            Row(f"{number:,} tasks: requests a sweep", f"{len(seen) / sweeps:.1f}", f"{number:,}", "at most 110",
                len(seen) / sweeps <= 110),
            Row("... memory of the process", f"{ours['memory']:.0f} MB", "-", "under 350 MB", ours["memory"] < 350),
            Row("... end on the server to detection, longest", f"{late:.1f} s", "-",
                f"one sweep ({one_sweep:.1f} s) + 1 s", late <= one_sweep + 1),
            Row("... CPU a sweep", f"{ours['cpu'] / sweeps:.2f} s", f"{each['sdk']:.1f} s",
                f"a tenth of a call each ({each['ours']:.1f} s)", share <= 0.1),
        ]  # fmt: skip

    def imports(self) -> list[Row]:
        """CPU that the import adds to that of the libraries underneath, as it is written and once it is used."""
        sdk = self._interpreters["sdk"]
        libraries = import_time(sys.executable, LIBRARIES)
        ours = import_time(sys.executable, "import browser_use_client") - import_time(sys.executable, "pass")
        clients = import_time(sys.executable, CLIENT_IN_USE) - import_time(sys.executable, LIBRARIES_IN_USE)
        theirs = import_time(sdk, SDK_IN_USE) - import_time(sdk, LIBRARIES_IN_USE.replace(", tenacity", ""))
        return [
            Row(
                "import browser_use_client (CPU)",
                milliseconds(ours),
                "",
                f"60 ms more than httpx, pydantic, tenacity ({milliseconds(libraries)})",
                ours <= libraries + 0.06,
            ),
            Row(
                "... its clients, beyond httpx, pydantic's models, tenacity, asyncio",
                milliseconds(clients),
                milliseconds(theirs),
            ),
        ]

    def _run(self, contender: str, job: str, **arguments: Any) -> Any:
        order = {
            "job": job,
            "contender": contender,
            "base_url": self._fake.base_url,
            "key": self._fake.api_key,
            **arguments,
        }
        done = subprocess.run(
            [self._interpreters[contender], WORKER],
            input=json.dumps(order),
            check=True,
            text=True,
            stdout=subprocess.PIPE,
        )
        return json.loads(done.stdout)


def import_time(interpreter: str, statement: str) -> float:
    """Seconds of CPU that an import takes in a new process: the best of 15, since only the machine makes it longer."""
    code = f"import time; began = time.process_time(); {statement}; print(time.process_time() - began)"
    runs = [subprocess.run([interpreter, "-c", code], check=True, text=True, stdout=subprocess.PIPE) for _ in range(15)]
    return min(float(run.stdout) for run in runs)


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sdk", required=True, help="the interpreter that has the official SDK")
    sdk = parser.parse_args().sdk
    rows: list[Row] = []
    for job in (Bench.one_task, Bench.latency, Bench.many, Bench.imports):
        print(f"{job.__name__} ...", file=sys.stderr, flush=True)
        with FakeApiProcess("v2-flat") as fake:
            rows += job(Bench(fake, sdk))
    print(table(rows, "browser_use_client", SDK))


if __name__ == "__main__":
    main()
