"""Parses DAG files as Airflow's dag-processor does: in forks of a process that has imported what it has.

Run by `benchmarks.airflow` in Airflow's environment, with the files as arguments. Prints seconds of CPU for each as a
line of JSON: the best of many forks, since only the machine makes it longer. `at first` with all imports, as on a
worker; `again` as in the dag-processor, which imports what a file uses of `airflow.*` once, and nothing else.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

import structlog
from airflow.dag_processing import manager, processor

FORKS = 10
LOG = structlog.get_logger()


def parse(file: Path) -> float:
    """Seconds of CPU of one parse, in a new process."""
    readable, writable = os.pipe()
    if not (child := os.fork()):
        request = processor.DagFileParseRequest(file=str(file), bundle_path=file.parent, bundle_name="dags-folder")
        began = time.process_time()
        result = processor._parse_file(request, LOG)
        took = time.process_time() - began
        assert result
        assert not result.import_errors, result.import_errors
        os.write(writable, str(took).encode())
        os._exit(0)
    os.waitpid(child, 0)
    took = float(os.read(readable, 100))
    os.close(readable)
    os.close(writable)
    return took


def best_of_each(files: list[Path]) -> list[float]:
    """The shortest parse of each file, in turns."""
    return [min(rounds) for rounds in zip(*([parse(file) for file in files] for _ in range(FORKS)), strict=True)]


if __name__ == "__main__":
    assert manager  # its imports are what every fork has
    files = [Path(name) for name in sys.argv[1:]]
    at_first = best_of_each(files)
    for file in files:
        processor._pre_import_airflow_modules(str(file), LOG)
    print(json.dumps({"at first": at_first, "again": best_of_each(files)}))
