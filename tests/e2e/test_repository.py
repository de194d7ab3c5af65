"""What is true of the files as a whole."""

from __future__ import annotations

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
