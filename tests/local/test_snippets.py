"""What the documentation shows works as it is written."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from browser_use_local.cli import up
from tests.snippets import MARKERS, ROOT, Snippet, imports, snippets

from .running_server import KEY, LocalServer

DOCS = sorted(str(path.relative_to(ROOT)) for path in (ROOT / "docs").rglob("*.md"))
# What an index shows; its readers have no clone.
DESCRIPTIONS = ["src/README.md", "airflow_provider/README.md", "prefect_tasks/README.md"]
DISTRIBUTIONS = {
    "browser-use-client": ".",
    "airflow-provider-browser-use": "airflow_provider",
    "prefect-browser-use": "prefect_tasks",
}
PAGES = ["README.md", "CONTRIBUTING.md", *DOCS, *DESCRIPTIONS]
# The others need an orchestrator: tests/airflow and tests/prefect hold what they import against it.
OURS = [page for page in PAGES if not re.search("airflow|prefect", page)]
ALL = [snippet for page in PAGES for snippet in snippets(page)]
COMMAND = re.compile(r"^(?:\w+=\S+ )*(?:browser-use-local|pip|make|export|airflow|prefect|python3?|git) ", re.MULTILINE)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where a reader stands who has followed the pages so far."""
    (tmp_path / "receipt.pdf").write_bytes(b"%PDF-1.4 a receipt")
    return tmp_path


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalServer]:
    """As the pages start it."""
    running = LocalServer(tmp_path_factory.mktemp("snippets") / "data", "--demo-site")
    yield running
    assert running.end() == 0


def run(server: LocalServer, folder: Path, command: list[str], text: str) -> subprocess.CompletedProcess[str]:
    """A program of the pages, where the server is the one of this test."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "BROWSER_USE_BASE_URL": server.url, "BROWSER_USE_API_KEY": KEY}
    program = text.replace("http://127.0.0.1:8790", server.site).replace("BROWSER_USE_API_KEY=anything", "STAYS=so")
    return subprocess.run(
        command, input=program, capture_output=True, text=True, timeout=300, cwd=folder, env=environment
    )


@pytest.mark.parametrize("snippet", ALL, ids=str)
def test_every_snippet_says_what_it_is(snippet: Snippet) -> None:
    assert snippet.marker is None or snippet.marker in MARKERS
    assert snippet.language in {"python", "sh", "json", "text", "mermaid", ""}
    if snippet.language in {"text", ""}:
        assert not COMMAND.search(snippet.text), "commands are marked as sh"
    if snippet.language == "json":
        json.loads(snippet.text)
    if snippet.language == "python":
        imports(snippet)
    if snippet.language == "sh":
        subprocess.run(["bash", "-n"], input=snippet.text, text=True, check=True)


@pytest.mark.parametrize("page", [page for page in OURS if any(one.language == "python" for one in snippets(page))])
def test_the_programs_of_a_page_run_one_after_the_other(server: LocalServer, folder: Path, page: str) -> None:
    python = [snippet for snippet in snippets(page) if snippet.language == "python"]
    for fragment in python:
        if fragment.marker == "fragment":
            exec(imports(fragment, "browser_use_client", "pydantic"), {})
    program = "\n".join(snippet.text for snippet in python if snippet.marker is None)
    result = run(server, folder, [sys.executable, "-W", "error", "-"], program)
    assert result.returncode == 0, result.stderr
    active = server.http.get("/sessions?filterBy=active").json()["items"]
    assert active == [], "a reader who goes on finds no slot that is taken"


SHELL = [snippet for snippet in ALL if snippet.language == "sh"]


@pytest.mark.parametrize("snippet", [one for one in SHELL if one.page in OURS and one.marker is None], ids=str)
def test_the_commands_of_a_page_run(server: LocalServer, folder: Path, snippet: Snippet) -> None:
    commands = [line for line in snippet.text.replace("\\\n", "").splitlines() if runs_here(line)]
    result = run(server, folder, ["bash", "-e"], "\n".join(commands))
    assert result.returncode == 0, result.stdout + result.stderr
    for session in server.http.get("/sessions?filterBy=active").json()["items"]:
        server.http.delete(f"/sessions/{session['id']}")


def runs_here(line: str) -> bool:
    """Whether a command is run; what sets up or starts something is only held against what it names."""
    words = [word for word in shlex.split(line, comments=True) if not re.match(r"[A-Z_]+=", word)]
    if words[:2] == ["browser-use-local", "up"]:
        up.make_context("up", words[2:])
        return False
    if words and words[0] == "make":
        assert re.search(rf"^{words[1]}:", (ROOT / "Makefile").read_text(), re.MULTILINE)
        return False
    if words[:2] == ["pip", "install"]:
        check_install(words[2:])
        return False
    return bool(words) and words[:3] != ["python3", "-m", "venv"] and words[0] != "."


def check_install(names: list[str]) -> None:
    """What is installed is there, in a clone or under the name of a distribution, with its extras."""
    folders = set()
    for name in names:
        what, _, extra = name.partition("[")
        project = (ROOT / DISTRIBUTIONS.get(what, what) / "pyproject.toml").read_text()
        assert not extra or re.search(rf"^{extra.removesuffix(']')} = \[", project, re.MULTILINE)
        folders.add(what)
    if not folders <= DISTRIBUTIONS.keys():
        assert "." in folders, "the client itself, which the others need, comes from the clone too"


@pytest.mark.parametrize("snippet", [one for one in SHELL if one.page not in OURS], ids=str)
def test_what_the_pages_of_the_orchestrators_install_and_start_is_there(snippet: Snippet) -> None:
    for line in snippet.text.replace("\\\n", "").splitlines():
        if re.match(r"(pip install|browser-use-local up) ", line):
            assert not runs_here(line)


@pytest.mark.parametrize("page", ["README.md", "docs/airflow.md", "docs/prefect.md", "docs/local-server.md"])
def test_a_page_that_starts_the_local_server_says_how_to_install_it(page: str) -> None:
    text = (ROOT / page).read_text()
    assert "pip install '.[local]'" in text.partition("browser-use-local up")[0]


@pytest.mark.parametrize("page", DESCRIPTIONS)
def test_what_an_index_shows_installs_by_name_and_says_how_to_try_it_without_an_account(page: str) -> None:
    installs = [line for one in snippets(page) for line in one.text.splitlines() if line.startswith("pip install ")]
    assert [shlex.split(line)[2].partition("[")[0] in DISTRIBUTIONS for line in installs] == [True, True]
    assert installs[1] == "pip install 'browser-use-client[local]'"
