"""What the command says when it cannot do what it is asked: one sentence, no traceback, a status that is not 0."""

from __future__ import annotations

import re
import socket
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from .pages import Site
from .running_server import KEY, LocalServer, client
from .test_main_job import OPEN, READ, SIGN_IN


def up(folder: Path, *options: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "browser_use_local", "up", "--port", "0", "--data-dir", str(folder), *options]
    return subprocess.run(command, capture_output=True, text=True, timeout=30, env={"HOME": str(folder), **environment})


def complaint(result: subprocess.CompletedProcess[str]) -> str:
    assert result.returncode == 1
    assert result.stdout == ""
    (line,) = result.stderr.splitlines()
    return line.removeprefix("browser-use-local: ")


def test_a_chromium_that_is_not_there(tmp_path: Path) -> None:
    said = "There is no program '/nowhere/chromium': name a Chromium or Chrome that can be started."
    assert complaint(up(tmp_path, "--chromium", "/nowhere/chromium")) == said
    assert complaint(up(tmp_path, BROWSER_USE_LOCAL_CHROMIUM="/nowhere/chromium")) == said


def test_a_machine_without_any_chromium(tmp_path: Path) -> None:
    result = up(tmp_path, PATH="/nowhere", PLAYWRIGHT_BROWSERS_PATH=str(tmp_path))
    assert complaint(result).startswith("No Chromium or Chrome was found on this machine: install one")


def test_a_port_that_is_taken(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        said = complaint(up(tmp_path, "--port", str(port)))
    assert said == (
        f"Port {port} of 127.0.0.1 cannot be used (Address already in use): stop what uses it, or name another with"
        " --port."
    )


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("--port", "99999", "99999 is not in the range 0<=x<=65535."),
        ("--max-sessions", "0", "0 is not in the range x>=1."),
        ("--idle-timeout", "-1", "it must be more than 0 seconds"),
        ("--idle-timeout", "nan", "it must be more than 0 seconds"),
        ("--webhook-url", "hook", "'hook' is not an http or https URL"),
    ],
)
def test_an_option_out_of_bounds(tmp_path: Path, option: str, value: str, said: str) -> None:
    result = up(tmp_path, option, value)
    assert result.returncode == 2
    assert result.stderr.endswith(f"Error: Invalid value for '{option}': {said}\n")


def test_a_data_folder_that_is_a_file(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    assert complaint(up(file)) == f"The data folder {file} cannot be used: File exists"


def test_a_data_folder_that_another_server_uses(tmp_path: Path) -> None:
    server = LocalServer(tmp_path / "data")
    try:
        assert complaint(up(server.data_dir)).startswith(
            f"Another local server uses the data folder {server.data_dir}:"
        )
    finally:
        server.end()


def test_a_database_of_a_newer_version(tmp_path: Path) -> None:
    database = sqlite3.connect(tmp_path / "local.sqlite3")
    database.execute("PRAGMA user_version = 99")
    database.close()
    assert "is of a newer version of this program (version 99, " in complaint(up(tmp_path))


def test_a_database_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "local.sqlite3").write_bytes(b"no database" * 1000)
    assert complaint(up(tmp_path)) == f"The database in {tmp_path} cannot be used: file is not a database"


def test_an_address_that_is_none(tmp_path: Path) -> None:
    assert complaint(up(tmp_path, "--host", "256.0.0.1")).startswith("256.0.0.1 is not an address to listen on")


def test_help_explains_every_option(tmp_path: Path) -> None:
    result = up(tmp_path, "--help")
    assert result.returncode == 0
    assert result.stdout.count("  --") >= 9


def test_an_agent_without_a_model_or_without_its_key(tmp_path: Path) -> None:
    said = complaint(up(tmp_path, "--engine", "agent"))
    assert said.startswith("The agent needs a model: name one with --model: openai:gpt-4.1, anthropic:")
    python = ("--agent-python", sys.executable)  # an agent's environment is not made of a Python that is too old
    said = complaint(up(tmp_path, "--engine", "agent", "--model", "openai:gpt-4.1", *python))
    assert said == "The model openai:gpt-4.1 needs its key in the environment variable OPENAI_API_KEY."


def test_a_model_without_the_agent(tmp_path: Path) -> None:
    said = complaint(up(tmp_path, "--model", "ollama:llama3"))
    assert said == "A model is for the agent only: add --engine agent, or leave --model out."


def test_an_address_that_others_can_reach_needs_a_long_key(tmp_path: Path) -> None:
    for options in ((), ("--api-key", "short")):
        said = complaint(up(tmp_path, "--host", "0.0.0.0", *options))
        assert said.startswith("0.0.0.0 can be reached from other machines, so the server needs a key of 24 characters")


def test_run_prints_the_steps_and_the_output_of_a_task(server: LocalServer) -> None:
    task = f"Open {server.site}/shop/ and sign in as SHOP_USER with password SHOP_PASSWORD. Report the heading."
    environment = {"SHOP_USER": "demo", "SHOP_PASSWORD": "browser-use-demo", "BROWSER_USE_API_KEY": KEY}
    secrets = ("--secret", "SHOP_USER", "--secret", "SHOP_PASSWORD")
    result = client("run", task, "--url", server.url, *secrets, **environment)
    assert (result.returncode, result.stderr) == (0, "")
    assert "  2. sign in as SHOP_USER with password SHOP_PASSWORD  (Success)" in result.stdout.splitlines()
    assert result.stdout.endswith("\n\nheading: Orders\n")


def test_run_ends_with_1_where_the_task_does_not_succeed(server: LocalServer) -> None:
    result = client("run", "make me a sandwich", "--url", server.url, "--api-key", KEY)
    assert (result.returncode, result.stderr) == (1, "")
    assert "is not understood" in result.stdout


def test_status_lists_the_sessions_that_are_active(server: LocalServer) -> None:
    session = server.session()
    result = client("status", "--url", server.url, "--api-key", KEY)
    assert result.returncode == 0
    assert session in result.stdout
    server.http.delete(f"/sessions/{session}")


def shop(server: LocalServer, *arguments: str) -> list[str]:
    """`browser-use-local run`, which must succeed, with the secrets of the shop: the lines that it prints."""
    secrets = {"shop_user": "demo", "shop_password": "browser-use-demo", "BROWSER_USE_API_KEY": KEY}
    result = client("run", "--url", server.url, *arguments, **secrets)
    assert (result.returncode, result.stderr) == (0, ""), result.stdout
    return result.stdout.splitlines()


def test_the_three_starter_tasks_run_in_one_session_and_the_last_one_closes_it(server: LocalServer) -> None:
    sign_in, read, report = (task.replace("http://127.0.0.1:8790", server.site) for task in (SIGN_IN, READ, OPEN))
    first = shop(server, "--keep", sign_in, "--secret", "shop_user", "--secret", "shop_password")
    assert first[-1].startswith("Close it: browser-use-local stop ")
    session = first[-1].split()[-1]
    assert "--session" in first[-2]
    assert '    "Number": "A-1004",' in shop(server, "--session", session, "--keep", read)
    listed = client("sessions", "--url", server.url, "--api-key", KEY).stdout
    (line,) = [line for line in listed.splitlines() if line.startswith(session)]
    assert "s after: Set the Status filter to Open" in line
    assert shop(server, "--session", session, report)[-3:] == [
        "Carrier: UPS",
        "Tracking number: 1Z999AA10123456799",
        "Expected date: 2026-11-28",
    ]
    assert server.http.get(f"/sessions/{session}").json()["status"] == "stopped"


def test_sessions_are_listed_and_stopped_by_name_or_all_together(server: LocalServer) -> None:
    def call(*command: str) -> str:
        result = client(*command, "--url", server.url, "--api-key", KEY)
        assert (result.returncode, result.stderr) == (0, "")
        return result.stdout

    for session in server.http.get("/sessions?filterBy=active&pageSize=100").json()["items"]:
        server.http.delete(f"/sessions/{session['id']}")
    idle, busy = server.session(), server.create("Wait 60 seconds.", agentSettings={})["sessionId"]
    listed = call("sessions")
    assert re.search(rf"^{idle}  idle for \d+ s$", listed, re.MULTILINE)
    assert re.search(rf"^{busy}  (created|started): Wait 60 seconds\.$", listed, re.MULTILINE)
    assert call("stop", idle) == f"Stopped {idle}.\n"
    assert call("stop", "--all") == f"Stopped {busy}.\n"
    assert call("sessions") == "No session is active.\n"
    assert complaint(client("stop", "--url", server.url)).startswith("Name the session to stop, or give --all")


def test_a_kept_session_of_the_older_revision_is_gone_on_in_too(tmp_path: Path) -> None:
    server = LocalServer(tmp_path / "data", "--demo-site", "--contract", "v2-nested")
    try:
        first = shop(server, "--keep", f"Open {server.site}/shop/.")
        session = first[-1].split()[-1]
        assert "heading: Sign in" in shop(server, "--session", session, "Report the heading.")
        assert server.http.get(f"/sessions/{session}").json()["status"] == "stopped"
    finally:
        server.end()


def test_a_server_that_is_not_a_local_one_is_left_alone(site: Site) -> None:
    site.pages["/health"] = "<h1>Up</h1>"
    for command in (("stop", "--all"), ("run", "Go back"), ("sessions",)):
        said = complaint(client(*command, "--url", f"{site.url}/api/v2"))
        assert said.startswith(f"{site.url}/api/v2 is not a local server: name one with --url")
    assert site.requests == ["GET /health"] * 3


@pytest.mark.parametrize("missing", ["click", "filelock", "jinja2", "playwright", "starlette", "uvicorn", "jsonschema"])
def test_without_the_packages_of_its_extra_the_command_says_what_to_install(missing: str) -> None:
    code = f"import sys; sys.modules[{missing!r}] = None; from browser_use_local.__main__ import main; sys.exit(main())"
    said = complaint(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60))
    assert said == (
        f"The local server needs packages that are not installed ({missing} is missing): `pip install '.[local]'` in a"
        " clone of the repository, or `pip install 'browser-use-client[local]'`."
    )


def test_on_windows_it_says_where_it_runs() -> None:
    code = (
        "import sys; from browser_use_local.cli import main; sys.platform = 'win32'; sys.argv = ['', 'up'];"
        " sys.exit(main())"
    )
    said = complaint(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60))
    assert said == "The local server needs Linux or macOS; on Windows it runs in WSL."


def test_what_the_server_refuses_is_one_sentence(server: LocalServer) -> None:
    result = client("status", "--url", server.url, "--api-key", "bu_wrong")
    assert complaint(result).startswith("GET /sessions was refused with HTTP 401: The API key is wrong")


@pytest.mark.parametrize("path", ["", "/", "/api/v2", "/api/v4", "/api/v4/"])
def test_every_url_of_the_server_will_do(server: LocalServer, path: str) -> None:
    session = server.session()
    where = ("--url", server.site + path, "--api-key", KEY)
    assert session in client("sessions", *where).stdout
    assert client("stop", session, *where).stdout == f"Stopped {session}.\n"


def test_a_session_that_is_no_id_is_one_sentence(server: LocalServer) -> None:
    said = complaint(client("stop", "nothing", "--url", server.url, "--api-key", KEY))
    assert said == ("PATCH /sessions/nothing was refused with HTTP 422: path.session_id: Input should be a valid UUID")


def test_no_server_at_the_address() -> None:
    result = client("status", "--url", "http://127.0.0.1:9/api/v2")
    assert complaint(result).startswith("No server answers at http://127.0.0.1:9/api/v2 (")
    assert "start one with `browser-use-local up`" in result.stderr
