"""The local server's figures, each with the one it should meet: `make bench`.

Seconds are of this machine, under whatever else it does meanwhile.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from statistics import median, quantiles

from benchmarks.tables import Row, table
from browser_use_local.records import Session, Task
from browser_use_local.store import Store
from tests.local.running_server import SECRETS, LocalServer

FIVE_STEPS = (
    "Open {site}/shop/ and sign in as shop_user with password shop_password. Set the Status filter to Open,"
    " open the order with the highest amount and report its carrier."
)
MB = 1024


def memory(pids: list[int]) -> float:
    """What processes take of memory in MB, what they share counted once."""
    total = 0
    for pid in pids:
        try:
            lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        except OSError:
            continue
        total += sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return total / MB


def family(root: int) -> list[int]:
    """A process and all that it started."""
    parents = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parents[int(folder.name)] = int((folder / "stat").read_text().rsplit(")", 1)[1].split()[1])
        except OSError:
            continue
    found = [root]
    for pid in found:
        found += [child for child, parent in parents.items() if parent == pid]
    return found


def start(folder: Path) -> tuple[float, LocalServer]:
    began = time.perf_counter()
    server = LocalServer(folder, "--demo-site", "--max-sessions", "4")
    server.http.get(f"{server.site}/health").raise_for_status()
    return time.perf_counter() - began, server


def five_steps(server: LocalServer, number: int = 7) -> float:
    """The seconds of a task of five steps in a session that is there."""
    session = server.session()
    server.run("Wait 0 seconds.", sessionId=session)
    took = []
    for _ in range(number):
        began = time.perf_counter()
        task = server.run(FIVE_STEPS.format(site=server.site), sessionId=session, secrets=SECRETS)
        took.append(time.perf_counter() - began)
        assert task["isSuccess"], task["output"]
        server.run(f"Open {server.site}/shop/sign-out.", sessionId=session)
    server.http.delete(f"/sessions/{session}")
    return median(took)


def polls_under_load(server: LocalServer, seconds: float = 8.0) -> tuple[float, float]:
    """Median and 99th percentile of a status poll in ms while two sessions work without a pause."""
    until = time.perf_counter() + seconds
    watched = server.run("no step at all")["id"]

    def work() -> None:
        session = server.session()
        while time.perf_counter() < until:
            server.run(f"Open {server.site}/shop/. Refresh the page. Report the heading.", sessionId=session)
        server.http.delete(f"/sessions/{session}")

    workers = [threading.Thread(target=work) for _ in range(2)]
    for worker in workers:
        worker.start()
    took = []
    while time.perf_counter() < until:
        began = time.perf_counter()
        server.http.get(f"/tasks/{watched}/status").raise_for_status()
        took.append((time.perf_counter() - began) * 1000)
        time.sleep(0.02)
    for worker in workers:
        worker.join()
    return median(took), quantiles(took, n=100)[98]


def memory_of_a_session(server: LocalServer) -> tuple[float, float]:
    """MB that a session takes, and MB of a bare Chromium with the same page."""
    pid = server.process.pid
    before = memory(family(pid))
    session = server.session()
    server.run(f"Open {server.site}/shop/.", sessionId=session)
    taken = memory(family(pid)) - before
    server.http.delete(f"/sessions/{session}")
    return taken, bare_chromium(f"{server.site}/shop/")


def bare_chromium(url: str) -> float:
    chromium = shutil.which("chromium") or shutil.which("google-chrome") or ""
    with tempfile.TemporaryDirectory() as profile:
        options = ["--headless=new", "--no-sandbox", "--disable-gpu", "--remote-debugging-port=0"]
        process = subprocess.Popen([chromium, *options, f"--user-data-dir={profile}", url], stderr=subprocess.DEVNULL)
        time.sleep(5)
        taken = memory(family(process.pid))
        process.terminate()
        process.wait()
    return taken


def lists_of_a_thousand(folder: Path) -> float:
    """The ms of a page of 100 tasks out of 1,000."""
    folder.mkdir(exist_ok=True)
    store = Store(folder / "local.sqlite3")
    for _ in range(100):
        session = Session(keep_alive=False, status="stopped")
        store.add(session)
        for _ in range(10):
            ended = {"status": "finished", "output": "y" * 500, "is_success": True}
            store.add(Task(session_id=session.id, revision="v2-flat", llm="o3", task="x" * 200, **ended))
    store.close()
    _, server = start(folder)
    took = []
    for page in range(1, 11):
        began = time.perf_counter()
        answer = server.http.get("/tasks", params={"pageSize": 100, "pageNumber": page, "filterBy": "finished"}).json()
        took.append((time.perf_counter() - began) * 1000)
        assert len(answer["items"]) == 100
    server.end()
    return median(took)


def main() -> None:
    """Measures and prints."""
    print("local_server ...", file=sys.stderr, flush=True)
    with tempfile.TemporaryDirectory() as folder:
        to_healthy, server = start(Path(folder) / "data")
        try:
            task = five_steps(server)
            p50, p99 = polls_under_load(server)
            session, bare = memory_of_a_session(server)
        finally:
            server.end()
        listed = lists_of_a_thousand(Path(folder) / "thousand")
    poll = "a status poll under two busy sessions"
    rows = [
        Row("start to healthy", f"{to_healthy:.2f} s", target="3 s", met=to_healthy < 3),
        Row("a task of five steps", f"{task:.2f} s", target="2 s", met=task < 2),
        Row(f"{poll}, p50", f"{p50:.1f} ms", target="10 ms", met=p50 < 10),
        Row(f"{poll}, p99", f"{p99:.1f} ms", target="100 ms", met=p99 < 100),
        Row("100 of 1,000 tasks", f"{listed:.1f} ms", target="20 ms", met=listed < 20),
        Row("memory of a session", f"{session:.0f} MB", f"{bare:.0f} MB"),
    ]
    print(table(rows, "browser_use_local", "a bare Chromium"))
    print(f"load of the machine meanwhile: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")


if __name__ == "__main__":
    main()
