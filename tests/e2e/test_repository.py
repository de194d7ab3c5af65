"""What is true of the files as a whole."""

from __future__ import annotations

import ast
import subprocess
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


OURS = {"browser_use_client", "browser_use_local", "airflow_browser_use", "prefect_browser_use"}
ARROWS = {
    "src/browser_use_client": {"browser_use_client"},
    "src/browser_use_local": {"browser_use_local"},
    "airflow_provider/src": {"airflow_browser_use", "browser_use_client"},
    "prefect_tasks/src": {"prefect_browser_use", "browser_use_client"},
}


@pytest.mark.parametrize("folder", ARROWS)
def test_imports_point_one_way(folder: str) -> None:
    nodes = [node for file in (ROOT / folder).rglob("*.py") for node in ast.walk(ast.parse(file.read_text()))]
    modules = {str(node.module) for node in nodes if isinstance(node, ast.ImportFrom)}
    modules |= {one.name for node in nodes if isinstance(node, ast.Import) for one in node.names}
    packages = {module.partition(".")[0] for module in modules}
    assert packages & OURS == ARROWS[folder]
    assert not packages & {"airflow", "prefect"} - {folder.partition("_")[0]}
