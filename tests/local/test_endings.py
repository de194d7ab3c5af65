"""A task always ends, and its session is free or says why it is not: whatever browsers, pages and disks do."""

from __future__ import annotations

import contextlib
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from .pages import Site
from .running_server import Json, LocalServer, chromiums

ENDLESS = "<h1>Busy</h1><p>Total: 5</p><script>setTimeout(() => { for (;;) {} }, 300)</script>"
# Says that it is busy, as soon as /go answers.
BUSY_ON_DEMAND = """<h1>Busy</h1><script>fetch('/go').then(() => {
  const said = new XMLHttpRequest(); said.open('GET', '/is-busy', false); said.send(); for (;;) {}
})</script>"""
CALM = "<h1>Calm</h1>"
# A site keeps something in the browser, so that its profile can only be read while its page answers.
REMEMBERS = "<script>localStorage.setItem('a', 'b'); document.cookie = 'seen=yes; max-age=999'</script>"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalServer]:
    running = LocalServer(tmp_path_factory.mktemp("endings") / "data", "--max-sessions", "8")
    yield running
    assert running.end() == 0
    assert not chromiums(running.data_dir)


def profile(server: LocalServer) -> str:
    return str(server.http.post("/profiles", json={"name": "shop"}).json()["id"])


def chromium_of(server: LocalServer, session: str) -> psutil.Process:
    """The process of Chromium that a session has: the parent of all others."""
    all_of_it = chromiums(server.data_dir / "browsers" / session)
    (found,) = (one for one in map(psutil.Process, all_of_it) if one.ppid() not in all_of_it)
    return found


def is_renderer(process: psutil.Process) -> bool:
    """Whether pages run in a process of Chromium."""
    return "--type=renderer" in process.cmdline()


def ended(server: LocalServer, task: Json) -> tuple[str, str]:
    """How a task and its session stand."""
    seen = server.task(task["id"])
    return seen["status"], seen["session"]["status"]


def fill(file: Path) -> None:
    """Takes all that is left of a disk."""
    with file.open("wb", buffering=0) as large, contextlib.suppress(OSError):
        while True:
            large.write(bytes(4096))


def broken(server: LocalServer, session: str) -> Json:
    """The session, as soon as it was stopped."""
    while (found := server.http.get(f"/sessions/{session}").json())["status"] == "active":
        time.sleep(0.05)
    return found


def refusal(server: LocalServer, session: str) -> str:
    answer = server.http.post("/tasks", json={"task": "Go back", "sessionId": session})
    assert answer.status_code == 400
    return str(answer.json()["detail"])


def test_a_task_with_a_browser_profile_that_is_stopped_many_times_at_once_ends_once(
    server: LocalServer, site: Site
) -> None:
    settings = {"sessionSettings": {"profileId": profile(server)}}
    for _ in range(3):
        task = server.create("Wait 60 seconds.", startUrl=site.page(REMEMBERS), **settings)
        server.wait(task["id"], {"started"})
        stops = [
            threading.Thread(
                target=server.http.patch, args=(f"/tasks/{task['id']}",), kwargs={"json": {"action": word}}
            )
            for word in ("stop", "stop", "stop_task_and_session", "stop")
        ]
        for stop in stops:
            stop.start()
        for stop in stops:
            stop.join()
        assert ended(server, task) == ("stopped", "stopped")


def test_a_step_on_a_page_with_endless_scripts_fails_and_the_session_goes_on(server: LocalServer, site: Site) -> None:
    busy, calm = site.page(2 * ENDLESS, "/busy"), site.page(CALM, "/calm")
    steps = ("report the total", "read the table", 'make sure the page says "Never"', "click Busy")
    sessions = {server.session(): step for step in steps}
    tasks = [
        server.create(f"Open {busy}, wait 1 second, {step}.", sessionId=session) for session, step in sessions.items()
    ]
    for task in (server.wait(created["id"]) for created in tasks):
        assert (task["status"], task["isSuccess"]) == ("finished", False)
        assert "one of its scripts ran without end" in task["output"]
    for session in sessions:
        follow_up = server.run(f"Open {calm} and report the heading.", sessionId=session)
        assert follow_up["output"] == "heading: Calm"
        server.http.patch(f"/sessions/{session}", json={"action": "stop"})


def test_a_page_that_has_had_no_time_to_answer_is_left_alone(server: LocalServer, site: Site, session: str) -> None:
    task = server.create(f"Open {site.page(CALM)}, wait 60 seconds.", sessionId=session)
    while not server.task(task["id"])["steps"]:
        time.sleep(0.05)
    renderers = [one for one in chromium_of(server, session).children(recursive=True) if is_renderer(one)]
    for renderer in renderers:
        renderer.suspend()
    stop = threading.Thread(
        target=server.http.patch, args=(f"/tasks/{task['id']}",), kwargs={"json": {"action": "stop"}}
    )
    stop.start()
    stop.join(2)  # a script would have been ended by now
    for renderer in renderers:
        renderer.resume()
    stop.join()
    assert server.run("Report the heading.", sessionId=session)["output"] == "heading: Calm"


def test_a_stop_ends_a_task_on_a_page_with_an_endless_script_and_the_session_goes_on(
    server: LocalServer, site: Site, session: str
) -> None:
    busy, calm = site.page(BUSY_ON_DEMAND, "/busy"), site.page(CALM, "/calm")
    go = site.hold("/go")
    task = server.create(f"Open {busy}, wait 60 seconds.", sessionId=session)
    while not server.task(task["id"])["steps"]:
        time.sleep(0.05)
    go.set()
    while "GET /is-busy" not in site.requests:
        time.sleep(0.05)
    assert server.http.patch(f"/tasks/{task['id']}", json={"action": "stop"}).json()["status"] == "stopped"
    assert server.run(f"Open {calm} and report the heading.", sessionId=session)["output"] == "heading: Calm"


def test_a_browser_on_a_page_with_an_endless_script_closes_with_its_session(server: LocalServer, site: Site) -> None:
    task = server.create(
        f"Open {site.page(REMEMBERS + ENDLESS)}, wait 60 seconds.",
        sessionSettings={"profileId": profile(server)},
    )
    while not server.task(task["id"])["steps"]:
        time.sleep(0.05)
    server.http.patch(f"/tasks/{task['id']}", json={"action": "stop_task_and_session"})
    assert server.task(task["id"])["session"]["status"] == "stopped"
    assert not [
        pid for pid in chromiums(server.data_dir) if task["sessionId"] in Path(f"/proc/{pid}/cmdline").read_text()
    ]


def test_a_profile_that_cannot_be_read_is_a_warning(server: LocalServer, site: Site) -> None:
    kept = profile(server)
    settings = {"sessionSettings": {"profileId": kept}, "startUrl": site.page(REMEMBERS)}
    assert server.run("Report the page title.", **settings)["isSuccess"]
    server.http.get("/sessions")
    file = server.data_dir / "profiles" / f"{kept}.json"
    while not file.exists():
        time.sleep(0.05)
    file.write_text(file.read_text()[:20])
    assert server.run("Report the page title.", **settings)["isSuccess"]
    assert f"what profile {kept} has kept cannot be read" in server.log.read_text()


def kill_browser(server: LocalServer, session: str) -> str:
    chromium_of(server, session).kill()
    return "Chromium ended unexpectedly"


def kill_renderer(server: LocalServer, session: str) -> str:
    for child in chromium_of(server, session).children(recursive=True):
        if is_renderer(child):
            child.kill()
    return "a page crashed"


@pytest.mark.parametrize("kill", [kill_browser, kill_renderer])
def test_a_session_whose_browser_broke_down_is_stopped_and_says_why(
    server: LocalServer, site: Site, kill: object
) -> None:
    assert callable(kill)
    sessions = [server.session(startUrl=site.page(CALM)) for _ in range(2)]
    busy = server.create("Wait 60 seconds.", sessionId=sessions[0])
    assert server.run("Report the heading.", sessionId=sessions[1])["isSuccess"]
    server.wait(busy["id"], {"started"})
    for session in sessions:
        reason = kill(server, session)
        broken(server, session)
        said = "Browser session is stopped. Please start a new session and try again."
        assert refusal(server, session) == f"{said} It was stopped since its browser broke down: {reason}."
        assert server.http.get(f"{server.site}/health").json()["brokenBrowsers"][-1]["reason"] == reason
        assert f"the browser of session {session} broke down: {reason}" in server.log.read_text()
    failed = server.task(busy["id"])
    assert (failed["status"], failed["isSuccess"]) == ("failed", False)
    assert failed["output"] == f"The browser of this session broke down: {reason}"


def test_the_death_of_the_driver_stops_all_sessions_with_a_browser_and_new_ones_work(
    tmp_path: Path, site: Site
) -> None:
    server = LocalServer(tmp_path / "data")
    try:
        idle, kept = server.session(), server.session(startUrl=site.page(CALM))
        assert server.run("Report the heading.", sessionId=kept)["isSuccess"]
        (driver,) = (
            child for child in psutil.Process(server.process.pid).children() if "run-driver" in child.cmdline()
        )
        driver.kill()
        broken(server, kept)
        assert "the process that drives the browsers ended unexpectedly" in refusal(server, kept)
        assert server.run(f"Open {site.url}/ and report the heading.", sessionId=idle)["output"] == "heading: Calm"
    finally:
        server.end()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A folder on a disk of its own."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=64m", "none", str(folder)]
    if subprocess.run(command, capture_output=True).returncode:
        pytest.skip("mounting a small disk takes root")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_a_task_ends_and_nothing_is_started_while_the_disk_is_full(small_disk: Path, site: Site) -> None:
    server = LocalServer(small_disk / "data", "--max-sessions", "4")
    try:
        task = server.create("Wait 60 seconds.", startUrl=site.page(REMEMBERS))
        other = server.create("no step at all", agentSettings={})
        server.wait(task["id"], {"started"})
        server.wait(other["id"])
        fill(small_disk / "large")
        while (answer := server.http.post("/tasks", json={"task": "no step"})).status_code == 202:
            server.wait(answer.json()["id"])  # the database had room left
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
        assert "so nothing was done: database or disk is full" in answer.json()["detail"]
        server.http.patch(f"/tasks/{task['id']}", json={"action": "stop"})
        assert (server.task(task["id"])["status"], server.task(task["id"])["session"]["status"]) == (
            "stopped",
            "stopped",
        )
        (small_disk / "large").unlink()
        assert server.run("no step at all")["status"] == "finished"
    finally:
        server.end()
    again = LocalServer(small_disk / "data")
    assert again.task(task["id"])["status"] == "stopped"
    again.end()
