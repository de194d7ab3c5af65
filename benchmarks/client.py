"""The client's figures, beside the official SDK's, on the same fake server in the same run: `make bench`.

Each contender works in a process of its own; the server is another one. Seconds are of this machine, under whatever
else it does meanwhile: compare the columns of one run, not runs.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.tables import Row, milliseconds, table
from tests.fake_api import FakeApiProcess
from tests.fake_api.world import Contract

WORKER = Path(__file__).with_name("client_worker.py")
SDK = "browser-use-sdk 3.12.1"
LIBRARIES = "import httpx, pydantic"
LIBRARIES_IN_USE = "import asyncio, httpx; from pydantic import BaseModel, Field, TypeAdapter"
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

    def one_task(self, number: int = 40, batches: int = 6, rounds: int = 15, rest: float = 0.0) -> list[Row]:
        """Requests, wall time and CPU of a task that takes no time itself: the best batch of each round, in turns.

        Of the rounds the median counts: one in which the machine did nothing else is luck.
        """
        self._fake.script(polls=0)
        took: dict[str, list[dict[str, float]]] = {name: [] for name in self._interpreters}
        requests = dict.fromkeys(self._interpreters, 0.0)
        for _ in range(rounds):
            for contender, so_far in took.items():
                self._fake.clear()
                self._fake.script(polls=0)
                so_far.append(self._run(contender, "at_once", number=number, batches=batches, rest=rest))
                requests[contender] = len(self._fake.requests()) / len(self._fake.tasks())

        def row(figure: str, name: str) -> Row:
            ours, sdk = (median(one[name] for one in took[contender]) for contender in ("ours", "sdk"))
            return Row(figure, milliseconds(ours), milliseconds(sdk), "at most the SDK's", ours <= sdk)

        contract = self._fake.contract
        all_of_it = "create, one poll, one read" + (", events, files, browser stopped" if contract == "v4" else "")
        counted = Row(
            f"{contract}: requests per task ({all_of_it})",
            f"{requests['ours']:g}",
            f"{requests['sdk']:g}",
            "at most the SDK's",
            requests["ours"] <= requests["sdk"],
        )
        return [counted, row("... wall time per task", "wall"), row("... CPU per task", "cpu")]

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

    def many(
        self, number: int = 10_000, ending: int = 100, *, others: int = 0, most: int = 110, megabytes: int = 350
    ) -> list[Row]:
        """Thousands of tasks waited for in one process, while some of them end.

        Args:
            number: The tasks.
            ending: How many of them end.
            others: How many more run in the account.
            most: Requests that a sweep may take.
            megabytes: What the process may take.
        """
        ids = self._fake.start_tasks(number - ending, status=None)
        short = [
            task_id
            for position in range(ending)
            for task_id in self._fake.start_tasks(1, seconds=20.0 + 20.0 * position / ending)
        ]
        self._fake.add_others(others, status="started")
        self._fake.forget_requests()
        ours = self._run("ours", "watch", ids=ids + short, ending=short)
        seen = self._fake.requests("GET")
        starts = moments_of_sweeps(seen)
        sweeps = len(starts)
        one_sweep = max(later - sooner for sooner, later in pairwise(starts))
        some = ids[: number // 10]
        each = {name: self._run(name, "one_by_one", ids=some)["cpu"] * 10 for name in ("ours", "sdk")}
        share = ours["cpu"] / sweeps / each["ours"]
        late = max(ours["late"])
        title = f"{self._fake.contract}: {number:,} tasks"
        if others:
            title += f", beside {others:,} of others"
        return [
            Row(f"{title}: requests a sweep", f"{len(seen) / sweeps:.1f}", f"{number:,}", f"at most {most:,}",
                len(seen) / sweeps <= most),
            Row("... memory of the process", f"{ours['memory']:.0f} MB", "-", f"under {megabytes} MB",
                ours["memory"] < megabytes),
            Row("... end on the server to detection, longest", f"{late:.1f} s", "-",
                f"the longest pause between sweeps ({one_sweep:.1f} s) + 1 s" if not others else "",
                late <= one_sweep + 1 if not others else None),
            Row("... CPU a sweep", f"{ours['cpu'] / sweeps:.2f} s", f"{each['sdk']:.1f} s",
                f"a tenth of a call each ({each['ours']:.1f} s)", share <= 0.1),
        ]  # fmt: skip

    def imports(self) -> list[Row]:
        """CPU that the import adds to that of the libraries underneath, as it is written and once it is used."""
        sdk = self._interpreters["sdk"]
        libraries = import_time(sys.executable, LIBRARIES)
        ours = import_time(sys.executable, "import browser_use_client") - import_time(sys.executable, "pass")
        clients = import_time(sys.executable, CLIENT_IN_USE) - import_time(sys.executable, LIBRARIES_IN_USE)
        theirs = import_time(sdk, SDK_IN_USE) - import_time(sdk, LIBRARIES_IN_USE)
        return [
            Row(
                "import browser_use_client (CPU)",
                milliseconds(ours),
                "",
                f"60 ms more than httpx, pydantic ({milliseconds(libraries)})",
                ours <= libraries + 0.06,
            ),
            Row(
                "... its clients, beyond httpx, pydantic's models, asyncio",
                milliseconds(clients),
                milliseconds(theirs),
            ),
        ]

    def _run(self, contender: str, job: str, **arguments: Any) -> Any:
        order = {
            "job": job,
            "contender": contender,
            "contract": self._fake.contract,
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


def moments_of_sweeps(requests: list[dict[str, Any]]) -> list[float]:
    """When sweeps came to the part of the lists that most of them read: no sweep reads one twice."""
    moments: dict[str, list[float]] = {}
    for one in requests:
        if one["path"].endswith(("/tasks", "/sessions")):
            moments.setdefault(json.dumps(one["query"]), []).append(one["time"])
    return max(moments.values(), key=len)


def import_time(interpreter: str, statement: str) -> float:
    """Seconds of CPU that an import takes in a new process: the best of 15, since only the machine makes it longer."""
    code = f"import time; began = time.process_time(); {statement}; print(time.process_time() - began)"
    runs = [subprocess.run([interpreter, "-c", code], check=True, text=True, stdout=subprocess.PIPE) for _ in range(15)]
    return min(float(run.stdout) for run in runs)


JOBS: dict[str, tuple[Contract, Callable[[Bench], list[Row]]]] = {
    "one task": ("v2-flat", Bench.one_task),
    "one task, v4": ("v4", lambda bench: bench.one_task(number=2, rounds=6, rest=1.1)),
    "latency": ("v2-flat", Bench.latency),
    "many": ("v2-flat", Bench.many),
    "1,000 runs, v4": ("v4", lambda bench: bench.many(1_000, others=1_000, most=100, megabytes=400)),
    "10,000 runs, v4": ("v4", lambda bench: bench.many(10_000, others=10_000, most=1_100, megabytes=400)),
    "imports": ("v2-flat", Bench.imports),
}


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sdk", required=True, help="the interpreter that has the official SDK")
    parser.add_argument("jobs", nargs="*", help=f"which of {', '.join(map(repr, JOBS))}; default: all")
    sdk = parser.parse_args().sdk
    rows: list[Row] = []
    for name, (contract, job) in JOBS.items():
        if name in (parser.parse_args().jobs or JOBS):
            print(f"{name} ...", file=sys.stderr, flush=True)
            with FakeApiProcess(contract) as fake:
                rows += job(Bench(fake, sdk))
    print(table(rows, "browser_use_client", SDK))


if __name__ == "__main__":
    main()
