"""What is true of the files as a whole."""

from __future__ import annotations

import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from .commands import ROOT

# In parts, so that this file does not name them either.
INDEX_HOSTS = ["pypi" + ".org", "python" + "hosted.org", "simple" + "/"]
MACHINE_PATHS = ["/work" + "/", "/root" + "/", "/home" + "/", "/opt" + "/"]


def tracked_files() -> list[Path]:
    names = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    return [ROOT / name for name in names.split("\0") if name and (ROOT / name).is_file()]


@pytest.mark.parametrize("text", [*INDEX_HOSTS, *MACHINE_PATHS])
def test_no_file_names_a_package_index_or_a_path_of_one_machine(text: str) -> None:
    assert [file.relative_to(ROOT) for file in tracked_files() if text.encode() in file.read_bytes()] == []


DISTRIBUTIONS = {
    ".": {
        "browser_use_client/py.typed",
        "browser_use_local/py.typed",
        "browser_use_local/live/index.html",
        "browser_use_local/agent/requirements.txt",
    },
    "airflow_provider": {"airflow_browser_use/py.typed"},
    "prefect_tasks": {"prefect_browser_use/py.typed"},
}
ENTRY_POINTS = {
    ".": "browser-use-local = browser_use_local.__main__:main",
    "airflow_provider": "provider_info = airflow_browser_use.provider_info:get_provider_info",
    "prefect_tasks": "prefect_browser_use = prefect_browser_use",
}


@pytest.mark.parametrize("folder", DISTRIBUTIONS)
def test_a_distribution_carries_its_packages_types_licence_and_entry_points_and_nothing_else(
    folder: str, tmp_path: Path
) -> None:
    command = [sys.executable, "-m", "hatchling", "build", "-d", str(tmp_path)]
    subprocess.run(command, cwd=ROOT / folder, check=True, capture_output=True)
    [wheel] = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        [info] = {name.partition("/")[0] for name in names if ".dist-info/" in name}
        entry_points = archive.read(f"{info}/entry_points.txt").decode()
    packages = {name.partition("/")[0] for name in DISTRIBUTIONS[folder]}
    assert {name.partition("/")[0] for name in names} == {info, *packages}
    assert DISTRIBUTIONS[folder] | {f"{info}/licenses/LICENSE"} <= names
    assert ENTRY_POINTS[folder] in entry_points.splitlines()
    [source] = tmp_path.glob("*.tar.gz")
    with tarfile.open(source) as archive:
        assert archive.getmember(f"{source.name.removesuffix('.tar.gz')}/LICENSE").isfile()
