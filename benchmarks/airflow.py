"""The Airflow provider's figures, each beside what a user would pick instead, in the same run: `make bench`.

A real Airflow 3.3 on SQLite, and the fake server of the client's tests in a process of its own. Seconds are of this
machine, under whatever else it does meanwhile: compare the columns of one run, not runs.
"""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import datetime, timezone
from pathlib import Path
from statistics import median
from typing import Any

import psutil

from benchmarks.tables import Row, milliseconds, table
from tests.airflow.running_airflow import COMPONENTS, Run, RunningAirflow
from tests.fake_api import FakeApiProcess

ROOT = Path(__file__).parents[1]
DAGS = Path(__file__).with_name("airflow_dags")
LENGTHS = (10, 30)
TRIGGERS = 1000
ENDING = 40
WINDOW = 20.0
ACCOUNTS = (100, 1600)
HELD = ("deferred", "success", "failed")


@contextmanager
def airflow(fake: FakeApiProcess, **components: str) -> Iterator[RunningAirflow]:
    """An Airflow of its own, whose connections lead to the fake."""
    host, path = fake.base_url.removesuffix("/api/v2"), "/api/v2"
    key = {"X-Browser-Use-API-Key": fake.api_key}
    connections = {
        "browser_use_default": {"conn_type": "browser_use", "host": host + path, "password": fake.api_key},
        "http_default": {"conn_type": "http", "host": host + path, "extra": key},
    }
    with tempfile.TemporaryDirectory(prefix="airflow-of-the-bench-") as home:
        settings = {"openlineage.disabled": True}  # as without that provider, which is only here for the tests
        running = RunningAirflow(Path(home), connections, DAGS, settings, components)
        try:
            yield running
        finally:
            running.stop()


def worker_time() -> list[Row]:
    """Of the same remote tasks: how long they hold a worker, and the requests while they are waited for."""
    held: dict[tuple[str, int], list[float]] = {}
    asked: dict[tuple[str, int], list[float]] = {}
    with FakeApiProcess("v2-flat") as fake, airflow(fake, **COMPONENTS) as running:
        for length in LENGTHS:
            fake.script(f"takes {length} s", seconds=length, steps=length // 5)
        running.start({"waits"})
        for _ in range(2):
            fake.forget_requests()
            run = running.run("waits")
            assert run.wait(seconds=240) == "success"
            requests = fake.requests("GET")
            for task in fake.tasks()[-2 * len(LENGTHS) :]:
                who, _, length, _ = task["body"]["task"].split()
                which = (who, int(length))
                held.setdefault(which, []).append(seconds_held(run, f"{who}_{length}"))
                polls = sum(task["id"] in request["path"] for request in requests)
                asked.setdefault(which, []).append(polls * 60 / int(length))
    rows = []
    for length in LENGTHS:
        ours, sdk = (median(held[who, length]) for who in ("ours", "sdk"))
        figure = f"a task of {length} s: seconds that it holds a worker"
        rows.append(Row(figure, f"{ours:.1f} s", f"{sdk:.1f} s", "less than the SDK's", ours < sdk))
        ours, sdk = (median(asked[who, length]) for who in ("ours", "sdk"))
        rows.append(Row("... requests while it is waited for, a minute", f"{ours:.0f}", f"{sdk:.0f}"))
    return rows


def seconds_held(run: Run, task_id: str) -> float:
    """How long task instances were `running`, as Airflow's audit log has it."""
    log = run.airflow.get("/api/v2/eventLogs", run_id=run.id, task_id=task_id, order_by="id")["event_logs"]
    held, began = 0.0, None
    for entry in log:
        when = datetime.fromisoformat(entry["when"]).timestamp()
        if entry["event"] == "running":
            began = when
        elif entry["event"] in HELD and began is not None:
            held, began = held + when - began, None
    assert held
    return held


def thousand_triggers() -> list[Row]:
    """What waiting for many tasks costs one triggerer, and how late it is."""
    with FakeApiProcess("v2-flat") as fake:
        ids = fake.start_tasks(TRIGGERS, status=None)
        waits = [{"browser_use_conn_id": "browser_use_default", "browser_task_id": each} for each in ids]
        ours = Triggerer(fake).measure(
            "airflow_browser_use.triggers.BrowserUseTaskTrigger", waits, addresses=1, ending=ids[-ENDING:]
        )
    with FakeApiProcess("v2-flat") as fake:  # where nothing is there, as that trigger wants it
        looks = [{"endpoint": f"tasks/{each}/status", "method": "GET"} for each in ids]
        theirs = Triggerer(fake).measure(
            "airflow.providers.http.triggers.http.HttpSensorTrigger", looks, addresses=TRIGGERS, ending=[]
        )
    sweeps = [one for one in ours["requests"] if {"1", "started"} <= set(one["query"].values())]
    late = ours["late"]
    return [
        Row("requests a second", f"{len(ours['requests']) / WINDOW:.0f}", f"{len(theirs['requests']) / WINDOW:.0f}",
            "a tenth of theirs", len(ours["requests"]) <= len(theirs["requests"]) / 10),
        Row("... each task is looked at every", f"{WINDOW / len(sweeps):.1f} s",
            f"{WINDOW * TRIGGERS / len(theirs['requests']):.1f} s"),
        Row("CPU, of one core", f"{ours['cpu']:.0%}", f"{theirs['cpu']:.0%}", "a third of theirs",
            ours["cpu"] <= theirs["cpu"] / 3),
        Row("... of an idle triggerer", f"{ours['idle_cpu']:.0%}", f"{theirs['idle_cpu']:.0%}"),
        Row("memory, beyond an idle triggerer", f"{ours['memory']:.0f} MB", f"{theirs['memory']:.0f} MB",
            "at most theirs", ours["memory"] <= theirs["memory"]),
        Row("end on the server to the task instance scheduled again, median", f"{median(late):.1f} s"),
        Row("... the longest", f"{max(late):.1f} s"),
    ]  # fmt: skip


class Triggerer:
    """Airflow's triggerer, alone: no scheduler and no worker disturb what is measured."""

    def __init__(self, fake: FakeApiProcess) -> None:
        self._fake = fake

    def measure(
        self, classpath: str, kwargs: Sequence[dict[str, Any]], *, addresses: int, ending: Sequence[str]
    ) -> dict[str, Any]:
        """Let it run triggers of one kind, which ask at so many addresses, and some remote tasks end."""
        with airflow(self._fake, triggerer="triggerer --skip-serve-logs") as running:
            running.call("db", "migrate")
            running.call("dags", "reserialize")
            family = Family(running.start_component("triggerer").pid)
            time.sleep(10)
            idle_cpu, idle_memory = family.cpu_for(5), family.memory()
            subprocess.run(
                [sys.executable, "-m", "benchmarks.airflow_rows"],
                input=json.dumps({"classpath": classpath, "kwargs": kwargs}),
                env=running.environment,
                cwd=ROOT,
                check=True,
                text=True,
            )
            self._wait_until_all_wait(running, len(kwargs), addresses)
            self._fake.forget_requests()
            cpu = family.cpu_for(WINDOW)
            requests = self._fake.requests()
            memory = family.memory() - idle_memory
            return {
                "requests": requests,
                "cpu": cpu,
                "idle_cpu": idle_cpu,
                "memory": memory,
                "late": self._end(running, ending),
            }

    def _wait_until_all_wait(self, running: RunningAirflow, triggers: int, addresses: int) -> None:
        """Until all triggers have begun, and so many addresses of the server have been asked."""

        def asked() -> bool:
            time.sleep(2)
            return len({one["path"] for one in self._fake.requests()}) >= addresses

        logs = running.home / "logs"
        running.until("the triggers begin", lambda: len(list(logs.rglob("*.trigger.*"))) == triggers, seconds=240)
        running.until("the server is asked", asked, seconds=240)
        time.sleep(5)

    def _end(self, running: RunningAirflow, ending: Sequence[str]) -> list[float]:
        """Seconds from the end of each of these remote tasks until its task instance is scheduled again."""
        ended = []
        for task_id in ending:
            self._fake.end_task(task_id)
            ended.append(time.time())
            time.sleep(0.25)
        if ended:
            running.until("all are resumed", lambda: len(resumed(running)) == len(ended))
        return [at - end for end, at in zip(ended, resumed(running), strict=True)]


class Family:
    """A process and all that it started."""

    def __init__(self, pid: int) -> None:
        self._root = psutil.Process(pid)

    def cpu_for(self, seconds: float) -> float:
        """The share of one core that it takes for so long."""
        before, began = self._cpu(), time.monotonic()
        time.sleep(seconds)
        return (self._cpu() - before) / (time.monotonic() - began)

    def memory(self) -> float:
        """Its memory in MB, what processes share counted once."""
        return sum(process.memory_full_info().pss for process in self._all()) / 2**20

    def _cpu(self) -> float:
        return sum(sum(process.cpu_times()[:2]) for process in self._all())

    def _all(self) -> list[psutil.Process]:
        return [self._root, *self._root.children(recursive=True)]


def resumed(running: RunningAirflow) -> list[float]:
    """When task instances were scheduled again, in the order of their triggers."""
    rows = query(running, "SELECT scheduled_dttm FROM task_instance WHERE state = 'scheduled' ORDER BY map_index")
    return [datetime.fromisoformat(when).replace(tzinfo=timezone.utc).timestamp() for (when,) in rows]


def query(running: RunningAirflow, statement: str) -> list[tuple[Any, ...]]:
    """Rows of Airflow's database."""
    with closing(sqlite3.connect(running.home / "airflow.db", timeout=30)) as database:
        return database.execute(statement).fetchall()


def parse_time() -> list[Row]:
    """CPU of the dag-processor for a file, beyond one with nothing in it."""
    with FakeApiProcess("v2-flat") as fake, airflow(fake, **COMPONENTS) as running:
        running.call("db", "migrate")
        files = [str(DAGS / f"{name}.py") for name in ("nothing", "hundred_browser_use", "hundred_http")]
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.airflow_parse", *files],
            env=running.environment,
            cwd=ROOT,
            check=True,
            text=True,
            stdout=subprocess.PIPE,
        )
    took = json.loads(done.stdout.splitlines()[-1])
    rows = []
    for figure, name in {
        "100 operators, beyond a file with nothing in it; with all imports, as on a worker": "at first",
        "... without those of `airflow.*`, which the dag-processor imports once": "again",
    }.items():
        nothing, ours, theirs = took[name]
        rows.append(Row(figure, milliseconds(ours - nothing), milliseconds(theirs - nothing)))
    return rows


def look_ups() -> list[Row]:
    """Requests that find out what there is already, beside create, polls, session and result."""
    rows = []
    with FakeApiProcess("v2-flat") as fake, airflow(fake, **COMPONENTS) as running:
        fake.script("fails", status="failed", seconds=1)
        fake.script("takes 5 s", seconds=5)
        running.start({"retried", "fifty"})
        for others in ACCOUNTS:
            fake.add_others(others - len(fake.tasks()))
            fake.forget_requests()
            assert running.run("retried").wait(seconds=240) == "failed"
            looks = len(asked_once(fake))
            rows.append(
                Row(f"a task and its retry, in an account of {others:,}", str(looks), "-", "at most 3 each", looks <= 6)
            )
        fake.forget_requests()
        assert running.run("fifty").wait(seconds=400) == "success"
        looks = asked_once(fake)
        contract = sum(one["path"].endswith("/billing/account") for one in looks)
        rows.append(
            Row("50 mapped deferrable tasks: what the server speaks", str(contract), "", "at most 51", contract <= 51)
        )
        rows.append(
            Row("... which tasks there are, before and after creating one", str(len(looks) - contract - polls(looks)))
        )
    return rows


def asked_once(fake: FakeApiProcess) -> list[dict[str, Any]]:
    """GET requests for no single task or session."""
    return [one for one in fake.requests("GET") if one["path"].rsplit("/", 1)[-1] in ("tasks", "sessions", "account")]


def polls(requests: Sequence[dict[str, Any]]) -> int:
    """How many of them read the lists of running tasks, as the triggerer's sweeps do."""
    return sum("filterBy" in one["query"] for one in requests)


FIGURES: dict[str, tuple[Callable[[], list[Row]], str, str]] = {
    "Airflow: one task on the worker, and in between in the triggerer": (
        worker_time,
        "BrowserUseTaskOperator",
        "browser-use-sdk 3.12.1 in a @task",
    ),
    f"Airflow: {TRIGGERS:,} deferred tasks in one triggerer (a real one; their rows are written into its database)": (
        thousand_triggers,
        "BrowserUseTaskTrigger",
        "HttpSensorTrigger, every 5 s",
    ),
    "Airflow: requests that look for what there is already": (look_ups, "BrowserUseTaskOperator", ""),
    "Airflow: CPU for a parse of a DAG file (the best of many)": (
        parse_time,
        "BrowserUseTaskOperator",
        "HttpOperator",
    ),
}


def main() -> None:
    """Measures and prints."""
    for caption, (measure, ours, theirs) in FIGURES.items():
        print(f"{measure.__name__} ...", file=sys.stderr, flush=True)
        print(f"\n{caption}\n{table(measure(), ours, theirs)}", flush=True)


if __name__ == "__main__":
    main()
