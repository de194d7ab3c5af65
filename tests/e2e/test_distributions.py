"""`make dist`: what is released is whole, says what it is, and installs by itself."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tarfile
import zipfile
from email import message_from_bytes
from email.message import Message
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from .commands import BUILD, ROOT, run_make

VERSION = (ROOT / "VERSION").read_text().strip()
FILES = {
    "browser_use_client": {
        "browser_use_client/py.typed",
        "browser_use_local/py.typed",
        "browser_use_local/live/static/live.css",
        "browser_use_local/live/templates/session.html",
        "browser_use_local/agent/requirements.txt",
    },
    "airflow_provider_browser_use": {"airflow_browser_use/py.typed"},
    "prefect_browser_use": {"prefect_browser_use/py.typed"},
}
ENTRY_POINTS = {
    "browser_use_client": "browser-use-local = browser_use_local.__main__:main",
    "airflow_provider_browser_use": "provider_info = airflow_browser_use.provider_info:get_provider_info",
    "prefect_browser_use": "prefect_browser_use = prefect_browser_use",
}
INTEGRATIONS = ("airflow_provider_browser_use", "prefect_browser_use")


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with what is released."""
    folder = tmp_path_factory.mktemp("release") / "dist"
    with run_make("dist", f"DIST={folder}") as make:
        assert make.wait() == 0, make.output
    return folder


def wheel_of(dist: Path, name: str) -> Path:
    return dist / f"{name}-{VERSION}-py3-none-any.whl"


def metadata_of(dist: Path, name: str) -> Message:
    with zipfile.ZipFile(wheel_of(dist, name)) as archive:
        return message_from_bytes(archive.read(f"{name}-{VERSION}.dist-info/METADATA"))


def test_three_sdists_and_three_wheels_have_the_one_version(dist: Path) -> None:
    expected = {file for name in FILES for file in (f"{name}-{VERSION}.tar.gz", wheel_of(dist, name).name)}
    assert {file.name for file in dist.iterdir()} == expected


@pytest.mark.parametrize("name", FILES)
def test_a_distribution_carries_its_packages_types_licence_and_entry_points_and_nothing_else(
    dist: Path, name: str
) -> None:
    info = f"{name}-{VERSION}.dist-info"
    with zipfile.ZipFile(wheel_of(dist, name)) as archive:
        names = set(archive.namelist())
        entry_points = archive.read(f"{info}/entry_points.txt").decode()
    packages = {name.partition("/")[0] for name in FILES[name]}
    assert {name.partition("/")[0] for name in names} == {info, *packages}
    assert FILES[name] | {f"{info}/licenses/LICENSE"} <= names
    assert ENTRY_POINTS[name] in entry_points.splitlines()
    with tarfile.open(dist / f"{name}-{VERSION}.tar.gz") as archive:
        assert archive.getmember(f"{name}-{VERSION}/LICENSE").isfile()


@pytest.mark.parametrize("name", FILES)
def test_the_metadata_says_what_an_index_shows(dist: Path, name: str) -> None:
    metadata = metadata_of(dist, name)
    assert metadata["License-Expression"] == "Apache-2.0"
    assert metadata["Description-Content-Type"] == "text/markdown"
    assert metadata.get_all("Project-URL")
    pythons = {one for one in metadata.get_all("Classifier", []) if re.search(r":: 3\.\d+$", one)}
    assert {f"Programming Language :: Python :: 3.{minor}" for minor in (10, 11, 12, 13)} == pythons
    assert "Typing :: Typed" in metadata.get_all("Classifier", [])


@pytest.mark.parametrize("name", FILES)
def test_the_description_links_only_to_pages_that_whoever_found_it_on_an_index_can_open(dist: Path, name: str) -> None:
    text = re.sub(r"^```.*?^```$", "", str(metadata_of(dist, name).get_payload()), flags=re.MULTILINE | re.DOTALL)
    links = re.findall(r"\]\(([^)]+)\)", text)
    assert links
    assert [link for link in links if not link.startswith("https://")] == []
    assert not re.search(r"in a clone|docs/|examples/", text), "a reader of an index has no clone"


@pytest.mark.parametrize("name", INTEGRATIONS)
def test_an_integration_asks_for_the_client_of_its_own_release(dist: Path, name: str) -> None:
    required = [Requirement(one) for one in metadata_of(dist, name).get_all("Requires-Dist", [])]
    [client] = [one.specifier for one in required if one.name == "browser-use-client"]
    major, minor, _ = VERSION.split(".")
    assert client.contains(VERSION, prereleases=True)
    assert not client.contains(f"{major}.{int(minor) + 1}.0")


@pytest.mark.parametrize(
    ("name", "pins", "program"),
    [
        ("browser_use_client", "client", "import browser_use_client; browser_use_client.BrowserUseClient"),
        (
            "airflow_provider_browser_use",
            "airflow-3.3",
            "from airflow.providers_manager import ProvidersManager as M; assert 'browser_use' in M().hooks",
        ),
        (
            "prefect_browser_use",
            Path(os.environ["PREFECT"]).name,
            "from prefect.plugins import load_prefect_collections as c; assert 'prefect_browser_use' in c()",
        ),
    ],
)
def test_a_wheel_installs_into_a_fresh_environment_by_itself(
    dist: Path, tmp_path: Path, name: str, pins: str, program: str
) -> None:
    environment = tmp_path / "environment"
    uv = str(BUILD / "tools" / "bin" / "uv")

    def run(*command: str) -> None:
        variables = {**os.environ, "AIRFLOW_HOME": str(tmp_path), "PREFECT_HOME": str(tmp_path)}
        result = subprocess.run(command, cwd=tmp_path, env=variables, capture_output=True, text=True, timeout=400)
        assert result.returncode == 0, result.stdout + result.stderr

    run(uv, "venv", "-q", "--python", sys.executable, str(environment))
    constraints = ROOT / "constraints" / f"{pins}.txt"
    run(
        *(uv, "pip", "install", "-q", "--python", str(environment), "-c", str(constraints)),
        *("--find-links", str(dist), str(wheel_of(dist, name))),
    )
    run(uv, "pip", "check", "-q", "--python", str(environment))
    run(str(environment / "bin" / "python"), "-c", program)
